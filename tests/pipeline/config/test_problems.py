# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from pipeline.config.loader import ConfigError, LoadedConfig

Load = Callable[[str], LoadedConfig]


def test_a_problem_is_also_data(head: str, load: Load) -> None:
    """For who wants more than text."""
    with pytest.raises(ConfigError) as caught:
        load(head + "delivery: {batch: {max_items: 0}}\n")
    problem = caught.value.problems[0]
    expected = ("sync.yaml", 6, "delivery.batch.max_items", "0", "must be from 1 to 10000")

    assert expected == problem[:5]
