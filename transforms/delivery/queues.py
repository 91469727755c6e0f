"""Which queue an operation has, by its order class."""

from transforms.delivery.after_user import AfterUser
from transforms.delivery.coalescing import Memory
from transforms.delivery.latest_per_user import LatestPerUser
from transforms.delivery.queue import Queue
from transforms.delivery.settings import DeliveryRules
from transforms.delivery.user_order import UserOrder
from transforms.iterable.operations import Operation, Order


def queues_of(rules: DeliveryRules, users: UserOrder, sent: Memory) -> dict[str, Queue]:
    """Part → the queue of its operation."""
    return {operation.part: _queue_of(operation, rules, users, sent) for operation in rules.operations}


def _queue_of(operation: Operation, rules: DeliveryRules, users: UserOrder, sent: Memory) -> Queue:
    match operation.order:
        case Order.LATEST_PER_USER:
            return LatestPerUser(operation, rules, users, sent)
        case Order.AFTER_USER:
            return AfterUser(operation, rules, users)
