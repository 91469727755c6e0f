# SPDX-License-Identifier: Apache-2.0
"""An exactly-once subscription, which Google's emulator has none of: a small Subscriber server. Knows no Amplitude.

An ack id is good for one delivery and as long as its lease. A request that holds another one is refused with
INVALID_ARGUMENT and, in its ErrorInfo, the verdict on each id at fault; the others of the request count
(https://cloud.google.com/pubsub/docs/exactly-once-delivery).
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc  # type: ignore[import-untyped]  # publishes no types
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import (
    AcknowledgeRequest,
    GetSubscriptionRequest,
    ModifyAckDeadlineRequest,
    PubsubMessage,
    PullRequest,
    PullResponse,
    Subscription,
)
from google.rpc.code_pb2 import INVALID_ARGUMENT
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status  # type: ignore[import-untyped]  # publishes no types, either

LAPSED = "PERMANENT_FAILURE_INVALID_ACK_ID"
TRANSIENT = "TRANSIENT_FAILURE_INTERNAL"
LONG_POLL_SECONDS = 5.0
PROJECT = "sandbox"


class _Held:
    """A message that is not acknowledged."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.ack_id = ""  # of its latest delivery
        self.leased_until = 0.0  # monotonic


class ExactlyOnceSubscription:
    """A running one as a `with` block; PUBSUB_EMULATOR_HOST is to be its `host`.

    Args:
      lapse: the share of acknowledgements that come too late: the message is delivered again.
      transient: the share of ids that are refused for the moment, in acknowledgements and extensions.
      ack_deadline_seconds: how long a lease is that nobody extends.
    """

    def __init__(
        self, *, lapse: float = 0.0, transient: float = 0.0, ack_deadline_seconds: float = 10.0, seed: int = 1
    ) -> None:
        self.name = f"projects/{PROJECT}/subscriptions/exactly-once"
        self.topic = f"projects/{PROJECT}/topics/exactly-once"
        self.host = ""
        self.deliveries: Counter[str] = Counter()  # by message id
        self.refused: Counter[str] = Counter()  # ids, by verdict
        self._lapse = lapse
        self._transient = transient
        self._ack_deadline_seconds = ack_deadline_seconds
        self._rng = random.Random(seed)
        self._held: dict[str, _Held] = {}
        self._message_ids: dict[str, str] = {}  # by ack id, of every delivery
        self._published = 0
        self.answering = threading.Event()  # while it is cleared, nobody gets an answer
        self.answering.set()
        self._changed = threading.Condition()  # of all that changes

    def __enter__(self) -> "ExactlyOnceSubscription":
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.max_receive_message_length", -1)])
        self._server.add_generic_rpc_handlers((_handlers(self),))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answering.set()
        self._server.stop(grace=None)

    def publish(self, data: bytes, attributes: Mapping[str, str] | None = None) -> str:
        """Returns the message's id."""
        with self._changed:
            self._published += 1
            message_id = str(self._published)
            message = PubsubMessage(data=data, attributes=attributes or {}, message_id=message_id)
            PubsubMessage.pb(message).publish_time.FromNanoseconds(time.time_ns())
            self._held[message_id] = _Held(message)
            self._changed.notify_all()
        return message_id

    def unacknowledged(self) -> set[str]:
        """Ids of the messages that come again."""
        with self._changed:
            return set(self._held)

    def leased(self) -> set[str]:
        """Ids of the messages that somebody holds."""
        with self._changed:
            return {message_id for message_id, held in self._held.items() if _is_leased(held)}

    def lapse(self, message_ids: Collection[str]) -> None:
        """They are delivered again, now, whoever held them."""
        with self._changed:
            for message_id in message_ids:
                if held := self._held.get(message_id):
                    held.leased_until = 0.0
            self._changed.notify_all()

    def end_leases(self) -> None:
        """The same for all that is not acknowledged."""
        self.lapse(self.unacknowledged())

    def pull(self, request: PullRequest, context: Any) -> PullResponse:  # noqa: ARG002
        until = time.monotonic() + (0.0 if request.return_immediately else LONG_POLL_SECONDS)
        with self._changed:
            while not (free := [held for held in self._held.values() if not _is_leased(held)]):
                if (left := until - time.monotonic()) <= 0:
                    break
                self._changed.wait(min(left, 0.2))
            return PullResponse(received_messages=[self._deliver(held) for held in free[: request.max_messages]])

    def _deliver(self, held: _Held) -> dict[str, Any]:
        message_id = held.message.message_id
        self.deliveries[message_id] += 1
        held.ack_id = f"{message_id}-{self.deliveries[message_id]}"
        held.leased_until = time.monotonic() + self._ack_deadline_seconds
        self._message_ids[held.ack_id] = message_id
        return {"ack_id": held.ack_id, "message": held.message}

    def acknowledge(self, request: AcknowledgeRequest, context: Any) -> Empty:
        def settle(held: _Held) -> None:
            del self._held[held.message.message_id]

        return self._judge(request.ack_ids, settle, context, self._lapse)

    def modify_ack_deadline(self, request: ModifyAckDeadlineRequest, context: Any) -> Empty:
        def lease(held: _Held) -> None:
            held.leased_until = time.monotonic() + request.ack_deadline_seconds

        return self._judge(request.ack_ids, lease, context)

    def get_subscription(self, request: GetSubscriptionRequest, context: Any) -> Subscription:  # noqa: ARG002
        return Subscription(name=self.name, topic=self.topic, enable_exactly_once_delivery=True)

    def _judge(self, ack_ids: Any, apply: Callable[[_Held], None], context: Any, lapse: float = 0.0) -> Empty:
        verdicts: dict[str, str] = {}
        with self._changed:
            for ack_id in ack_ids:
                held = self._held.get(self._message_ids.get(ack_id, ""))
                if held and self._rng.random() < lapse:
                    held.leased_until = 0.0
                if not held or held.ack_id != ack_id or not _is_leased(held):
                    verdicts[ack_id] = LAPSED
                elif self._rng.random() < self._transient:
                    verdicts[ack_id] = TRANSIENT
                else:
                    apply(held)
            self.refused.update(verdicts.values())
            self._changed.notify_all()
        if verdicts:
            context.abort_with_status(rpc_status.to_status(_status_of(verdicts)))
        return Empty()


def _is_leased(held: _Held) -> bool:
    return held.leased_until > time.monotonic()


def _status_of(verdicts: Mapping[str, str]) -> Status:
    info = ErrorInfo(reason="EXACTLY_ONCE_ACKID_FAILURE", domain="pubsub.googleapis.com", metadata=verdicts)
    detail = AnyMessage()
    detail.Pack(info)
    message = "Some acknowledgement ids in the request were invalid. They may have expired, or be malformed."
    return Status(code=INVALID_ARGUMENT, message=message, details=[detail])


def _handlers(server: ExactlyOnceSubscription) -> grpc.GenericRpcHandler:
    def handler(call: Callable[[Any, Any], Any], request: Any, encode: Callable[[Any], bytes]) -> Any:
        def answer(request: Any, context: Any) -> Any:
            server.answering.wait()
            return call(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, request.deserialize, encode)

    calls = {
        "Pull": handler(server.pull, PullRequest, PullResponse.serialize),
        "Acknowledge": handler(server.acknowledge, AcknowledgeRequest, Empty.SerializeToString),
        "ModifyAckDeadline": handler(server.modify_ack_deadline, ModifyAckDeadlineRequest, Empty.SerializeToString),
        "GetSubscription": handler(server.get_subscription, GetSubscriptionRequest, Subscription.serialize),
    }
    return grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", calls)
