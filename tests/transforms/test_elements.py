# SPDX-License-Identifier: Apache-2.0
import inspect

from apache_beam.transforms.core import DoFn
from apache_beam.transforms.userstate import get_dofn_specs

from transforms import apply_rule, branch, chunk_io, send_bounded
from transforms.elements import PlainFn

STEPS = (apply_rule, branch, chunk_io, send_bounded)


def test_no_plain_dofn_has_state_or_timers() -> None:
    """Beam would not see them."""
    plain = PlainFn.__subclasses__()
    methods = [method for fn in plain for _, method in inspect.getmembers(fn, inspect.isfunction)]
    defaults = [parameter.default for method in methods for parameter in inspect.signature(method).parameters.values()]

    assert {fn.__module__ for fn in plain} >= {step.__name__ for step in STEPS}
    assert not any(isinstance(default, (DoFn.StateParam, DoFn.TimerParam)) for default in defaults)
    assert get_dofn_specs(PlainFn()) == (set(), set())  # type: ignore[no-untyped-call]  # of Beam
