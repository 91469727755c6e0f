# SPDX-License-Identifier: Apache-2.0
import threading

import pytest
import requests

from pipeline.sandbox.iterable.running import SimulatedIterable


def test_it_runs_for_as_long_as_the_with_lasts() -> None:
    """On a free port each, and leaves no thread behind."""
    before = threading.active_count()
    with SimulatedIterable() as one, SimulatedIterable() as other:
        urls = {one.url, other.url}
        statuses = {requests.get(url + "/__sim/config", timeout=5).status_code for url in urls}

    assert (len(urls), statuses, threading.active_count()) == (2, {200}, before)
    with pytest.raises(requests.ConnectionError):
        requests.get(one.url, timeout=5)


def test_a_taken_port_is_an_error_of_the_with() -> None:
    """It does not hang."""
    with SimulatedIterable() as one:
        port = int(one.url.rsplit(":", 1)[1])

        with pytest.raises(OSError, match="address already in use"), SimulatedIterable(port=port):
            pass
