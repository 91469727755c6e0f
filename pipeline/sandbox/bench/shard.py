# SPDX-License-Identifier: Apache-2.0
"""One shard of the streaming sender by hand: its state and its timers lie where they can be seen. Knows no Iterable.

Time is the caller's: a timer fires when `fire` is called. The timers are Beam's own, of its workers.
"""

import inspect
import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.runners.worker.bundle_processor import OutputTimer
from apache_beam.transforms.userstate import BagStateSpec, TimerSpec, get_dofn_specs
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import PANE_INFO_UNKNOWN


class SetTimer(NamedTuple):
    """When it fires, and the time at which it holds the watermark until then; Unix seconds."""

    at: float
    holds: float


class Cell:
    """A bag or a value; counts the bytes that would go to and from the service."""

    def __init__(self, is_bag: bool) -> None:
        self.blobs: list[bytes] = []
        self.bytes_read = self.bytes_written = self.largest = 0
        self._is_bag = is_bag

    @property
    def size(self) -> int:
        return sum(map(len, self.blobs))

    def read(self) -> Any:
        self.bytes_read += self.size
        return list(self.blobs) if self._is_bag else next(iter(self.blobs), None)

    def add(self, blob: bytes) -> None:
        self.bytes_written += len(blob)
        self.largest = max(self.largest, len(blob))
        self.blobs.append(blob)

    def write(self, value: bytes) -> None:
        self.clear()
        self.add(value)

    def clear(self) -> None:
        self.blobs = []


class HandShard:
    """Calls a stateful DoFn of one key as a worker does, each call a bundle."""

    def __init__(self, fn: Any, key: int) -> None:
        self.cells: dict[str, Cell] = {}
        self.timers: dict[str, SetTimer] = {}
        self._fn = fn
        self._key = key
        fn.setup()

    @property
    def state_bytes(self) -> int:
        return sum(cell.size for cell in self.cells.values())

    @property
    def bytes_read(self) -> int:
        """Since the beginning."""
        return sum(cell.bytes_read for cell in self.cells.values())

    @property
    def bytes_moved(self) -> int:
        """Read and written, since the beginning."""
        return self.bytes_read + sum(cell.bytes_written for cell in self.cells.values())

    def process(self, value: bytes, time: float) -> list[Any]:
        """`time`: of the element, Unix seconds."""
        self._fn.start_bundle()
        return list(self._fn.process((self._key, value), **self._given(self._fn.process, time)))

    def fire(self, name: str) -> list[Any]:
        """The timer of this name, whether or not it is time."""
        fired = self.timers.pop(name)
        self._fn.start_bundle()
        spec = next(spec for spec in get_dofn_specs(self._fn)[1] if _name(spec) == name)
        callback: Any = spec._attached_callback
        return list(callback(self._fn, **self._given(callback, fired.at)))

    def fires_at(self, name: str) -> float:
        return self.timers[name].at if name in self.timers else math.inf

    def _given(self, method: Callable[..., Any], time: float) -> dict[str, Any]:
        """What Beam gives for a method's default arguments."""
        given: dict[str, Any] = {}
        for name, default in _defaults(getattr(method, "__func__", method)).items():
            match default:
                case beam.DoFn.StateParam(state_spec=spec):
                    if spec.name not in self.cells:
                        self.cells[spec.name] = Cell(isinstance(spec, BagStateSpec))
                    given[name] = self.cells[spec.name]
                case beam.DoFn.TimerParam(timer_spec=spec):
                    given[name] = self._timer(spec, time)
                case beam.DoFn.KeyParam:
                    given[name] = self._key
                case beam.DoFn.WindowParam:
                    given[name] = GlobalWindow()
        return given

    def _timer(self, spec: TimerSpec, time: float) -> Any:
        told: Any = _Told(self.timers, _name(spec))  # a coder and a stream, not in bytes
        when, window = Timestamp.of(time), GlobalWindow()
        return OutputTimer(self._key, window, when, PANE_INFO_UNKNOWN, spec.time_domain, spec.name, told, told)


@cache
def _defaults(method: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(method).parameters.items()}


def _name(spec: TimerSpec) -> str:
    return spec.name.removeprefix("ts-")  # Beam's own


class _Told:
    """Takes in what a timer tells its runner."""

    def __init__(self, timers: dict[str, SetTimer], name: str) -> None:
        self._timers = timers
        self._name = name

    def encode_to_stream(self, timer: Any, *_: Any) -> None:
        if timer.clear_bit:
            self._timers.pop(self._name, None)
        else:
            self._timers[self._name] = SetTimer(float(timer.fire_timestamp), float(timer.hold_timestamp))

    def maybe_flush(self) -> None:
        pass
