# SPDX-License-Identifier: Apache-2.0
import pytest


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest wait that the jitter allows."""
    monkeypatch.setattr("random.uniform", lambda _, longest: longest)
