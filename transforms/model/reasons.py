# SPDX-License-Identifier: Apache-2.0
"""Why a record ended as it did, or what is noted of it: every reason, with its meaning. Knows nothing of who gives it.

docs/reasons.md is made from this (`make docs`). The codes are names of counters, of `dl_reason` and in state. Whoever
gives or tells one finds it here, whichever of the two files has it.
"""

from transforms.model.event_reasons import *  # noqa: F403  # a list of them would be a second one to keep
from transforms.model.event_reasons import NOT_EXPRESSIBLE
from transforms.model.outcomes import Kind
from transforms.model.reason import Note as Note
from transforms.model.reason import Reason as Reason
from transforms.model.request_reasons import *  # noqa: F403

REASONS: tuple[Reason, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Reason))


def not_expressible(operator: str) -> Reason:
    """The one of NOT_EXPRESSIBLE's family for this operator of Amplitude's, `$add` or its like."""
    return NOT_EXPRESSIBLE._replace(code=f"not_expressible_{operator.removeprefix('$')}")


def of_kind(kind: Kind) -> dict[str, Reason]:
    """Those of that kind by their code, in the order of a record's way."""
    return {reason.code: reason for reason in REASONS if reason.kind == kind}
