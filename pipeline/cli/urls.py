# SPDX-License-Identifier: Apache-2.0
"""Whether a text is the URL of a host. Knows no option."""

import urllib.parse


def is_scheme_and_host(text: str) -> bool:
    try:
        url = urllib.parse.urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and not url.path.strip("/")
    except ValueError:  # a port that is no number, half an IPv6 address
        return False
