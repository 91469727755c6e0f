# SPDX-License-Identifier: Apache-2.0
"""The events that Amplitude makes itself, and the names of each. Knows no rule that uses them."""

# Name on Amplitude's screen → name in its data, as its SDKs send it and its exports hold it (Amplitude-TypeScript,
# `packages/analytics-core/src/types/event/event.ts`, `packages/analytics-browser/src/constants.ts`).
_NAMES_IN_DATA = {
    "[Amplitude] Start Session": "session_start",
    "[Amplitude] End Session": "session_end",
    "[Amplitude] Revenue": "revenue_amount",
}
# Of these the name in the data is nowhere confirmed, or the same.
_SAME_IN_DATA = (
    "[Amplitude] Revenue (Verified)",
    "[Amplitude] Revenue (Unverified)",
    "[Amplitude] Merged User",
    "_all",
    "_identify",
)
RESERVED_EVENTS = frozenset([*_NAMES_IN_DATA, *_NAMES_IN_DATA.values(), *_SAME_IN_DATA])


def name_in_data(event: str) -> str:
    """Equal for both names of a reserved event; any other name is itself."""
    return _NAMES_IN_DATA.get(event, event)
