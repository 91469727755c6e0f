# SPDX-License-Identifier: Apache-2.0
"""Workers as processes of their own, over the gRPC of a real worker, which may be killed. Knows no key and no state.

Beam's `sdk_worker_main` runs in each, as in the service's containers.
"""

import contextlib
import itertools
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc
from apache_beam.runners.worker.data_plane import BeamFnDataServicer
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance

from pipeline.sandbox.dataflow.harness import Done, WorkerLostError, read_outputs, write_inputs
from pipeline.sandbox.dataflow.stages import IN, OUT, Stage
from pipeline.sandbox.dataflow.state import BundleState
from pipeline.sandbox.dataflow.timers import Timer, TimerId

ROOT = Path(__file__).parents[3]
NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
LEAST_SECONDS, MOST_SECONDS = 2.0, 6.0  # between one kill and the next


class Process:
    """One worker, and the bundles it has in hand."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.requests: queue.SimpleQueue[Any] = queue.SimpleQueue()  # None ends them
        self.bundles: dict[str, Future[None]] = {}
        self._is_lost = False
        self._lock = threading.Lock()
        environ = {
            **os.environ,
            "CONTROL_API_SERVICE_DESCRIPTOR": f'url: "{address}"',
            "WORKER_ID": name,
            "PIPELINE_OPTIONS": "{}",
        }
        command = [sys.executable, "-m", "apache_beam.runners.worker.sdk_worker_main"]
        self._process = subprocess.Popen(  # noqa: S603 - Beam's own command
            command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def begin(self, bundle: str, stage: Stage) -> "Future[None]":
        """Raises WorkerLostError."""
        future: Future[None] = Future()
        with self._lock:
            if self._is_lost:
                raise WorkerLostError(self.name)
            self.bundles[bundle] = future
        request = beam_fn_api_pb2.ProcessBundleRequest(process_bundle_descriptor_id=stage.name)
        self.requests.put(beam_fn_api_pb2.InstructionRequest(instruction_id=bundle, process_bundle=request))
        return future

    def read(self, responses: Iterable[Any]) -> None:
        for response in _until_lost(responses):
            self._end(response.instruction_id, RuntimeError(response.error) if response.error else None)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.requests.put(None)
        with self._lock:
            self._is_lost = True
        for bundle in list(self.bundles):
            self._end(bundle, WorkerLostError(self.name))

    def _end(self, bundle: str, error: Exception | None) -> None:
        future = self.bundles.pop(bundle, None)
        if future and error:
            future.set_exception(error)
        elif future:
            future.set_result(None)


class _Data(BeamFnDataServicer):
    def Data(self, elements_iterator: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - Beam's protocol
        yield from super().Data(_until_lost(elements_iterator), context)


def _until_lost(stream: Iterable[Any]) -> Iterator[Any]:
    """It ends, too, when the process at the other end is no more: `kill` tells of that."""
    with contextlib.suppress(grpc.RpcError):
        yield from stream


class Processes(beam_fn_api_pb2_grpc.BeamFnControlServicer, beam_fn_api_pb2_grpc.BeamFnStateServicer):
    """`with Processes(count, kills, seed) as processes:`; `processes.harness` makes what runs a stage in them.

    Args:
      kills: how many are killed with SIGKILL while they run a bundle; another one begins in the place of each.
    """

    def __init__(self, count: int = 2, kills: int = 0, seed: int = 1) -> None:
        self.killed = 0
        self.bundle_names = itertools.count()
        self.states: dict[str, BundleState] = {}
        self.data = _Data()
        self._count, self._kills, self._rng = count, kills, Random(seed)
        self._descriptors: dict[str, beam_fn_api_pb2.ProcessBundleDescriptor] = {}
        self._processes: dict[str, Process] = {}
        self._names = itertools.count()
        self._lock = threading.Lock()
        self._stops = threading.Event()
        self._killer = threading.Thread(target=self._kill_some, name="killer", daemon=True)

    def __enter__(self) -> "Processes":
        self._server = grpc.server(shared_unbounded_instance(), options=NO_LIMIT)
        self._address = f"localhost:{self._server.add_insecure_port('localhost:0')}"
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(self, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnStateServicer_to_server(self, self._server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(self.data, self._server)
        self._server.start()
        for _ in range(self._count):
            self._start_one()
        self._killer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        self._killer.join()
        for process in self._processes.values():
            self._end(process)
        self._server.stop(0).wait()

    def harness(self, stage: Stage) -> "RemoteHarness":
        descriptor = beam_fn_api_pb2.ProcessBundleDescriptor()
        descriptor.CopyFrom(stage.descriptor)
        descriptor.timer_api_service_descriptor.url = self._address
        descriptor.state_api_service_descriptor.url = self._address
        for end in {IN, OUT} & set(descriptor.transforms):
            port = beam_fn_api_pb2.RemoteGrpcPort.FromString(descriptor.transforms[end].spec.payload)
            port.api_service_descriptor.url = self._address
            descriptor.transforms[end].spec.payload = port.SerializeToString()
        self._descriptors[stage.name] = descriptor
        return RemoteHarness(stage, self)

    def any(self) -> Process:
        with self._lock:
            return self._rng.choice(list(self._processes.values()))

    def GetProcessBundleDescriptor(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - Beam's protocol
        return self._descriptors[request.process_bundle_descriptor_id]

    def Control(self, responses: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        process = self._processes[dict(context.invocation_metadata())["worker_id"]]
        threading.Thread(target=process.read, args=(responses,), daemon=True).start()
        yield from iter(process.requests.get, None)

    def State(self, requests: Any, context: Any) -> Iterator[Any]:  # noqa: N802, ARG002
        for request in _until_lost(requests):
            yield _answer(request, self.states.get(request.instruction_id))

    def _start_one(self) -> None:
        process = Process(f"process-{next(self._names)}", self._address)
        with self._lock:
            self._processes[process.name] = process

    def _end(self, process: Process) -> None:
        process.kill()
        self.data.get_conn_by_worker_id(process.name).close()

    def _kill_some(self) -> None:
        while self.killed < self._kills and not self._stops.wait(self._rng.uniform(LEAST_SECONDS, MOST_SECONDS)):
            with self._lock:
                busy = [process for process in self._processes.values() if process.bundles]
                if not busy:
                    continue
                victim = self._processes.pop(self._rng.choice(busy).name)
            self._start_one()
            self._end(victim)
            self.killed += 1


class RemoteHarness:
    """One stage in any of the processes."""

    def __init__(self, stage: Stage, processes: Processes) -> None:
        self.stage = stage
        self._processes = processes

    def run(self, elements: Iterable[bytes], timers: Mapping[TimerId, Timer], state: BundleState) -> Done:
        """See Harness.run."""
        bundle = f"bundle-{next(self._processes.bundle_names)}"
        self._processes.states[bundle] = state
        process = self._processes.any()
        channel = self._processes.data.get_conn_by_worker_id(process.name)
        future = process.begin(bundle, self.stage)
        try:
            write_inputs(self.stage, channel, bundle, elements, timers)
            expected: list[Any] = [*([OUT] if self.stage.out_coder else []), *self.stage.timer_coders]
            try:
                told = list(channel.input_elements(bundle, expected, lambda: _has_failed(future)))
            except RuntimeError as error:  # the channel was closed
                raise WorkerLostError(process.name) from error
            future.result()
            return read_outputs(self.stage, told)
        finally:
            del self._processes.states[bundle]


def _has_failed(future: "Future[None]") -> bool:
    return future.done() and future.exception() is not None


def _answer(request: Any, state: BundleState | None) -> Any:
    if state is None:
        return beam_fn_api_pb2.StateResponse(id=request.id, error=f"{request.instruction_id} is over")
    answer = beam_fn_api_pb2.StateResponse(id=request.id)
    match request.WhichOneof("request"):
        case "get":
            answer.get.data, _ = state.get_raw(request.state_key)
        case "append":
            state.append_raw(request.state_key, request.append.data)
            answer.append.SetInParent()
        case "clear":
            state.clear(request.state_key)
            answer.clear.SetInParent()
    return answer
