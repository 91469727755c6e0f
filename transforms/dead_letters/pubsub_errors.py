# SPDX-License-Identifier: Apache-2.0
"""What Pub/Sub's errors mean: which of them pass, and in which words they are told. Knows no request."""

from google.api_core import exceptions
from google.api_core.exceptions import GoogleAPICallError, RetryError

NO_CREDENTIALS = "no Google Cloud credentials; `gcloud auth application-default login` makes some"

# What passes: Pub/Sub is away, or the network is. Anything else needs somebody to do something.
PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.Aborted,
    exceptions.Cancelled,
    exceptions.ResourceExhausted,
    RetryError,
)


def first_line(error: Exception) -> str:
    text = error.message if isinstance(error, GoogleAPICallError) else str(error)
    return (str(text).splitlines() or [type(error).__name__])[0]
