# SPDX-License-Identifier: Apache-2.0
"""The profile fields that Iterable keeps itself. Knows no rule that uses them."""

# Iterable support, "User Profile Fields Used by Iterable" (article 217744303); shoppingCartItems: the API reference of
# commerce/updateCart. Writing one is refused, or breaks what Iterable keeps there.
RESERVED_FIELDS = frozenset(
    {
        "devices",
        "emailListIds",
        "itblDS",
        "itblInternal",
        "itblUserId",
        "profileUpdatedAt",
        "shoppingCartItems",
        "signupDate",
        "signupSource",
        "subscribedMessageTypeIds",
        "unsubscribedChannelIds",
        "unsubscribedMessageTypeIds",
        "userListIds",
    }
)
