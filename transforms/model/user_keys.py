"""How items of one user are told to be so: by keys made of the ids that Iterable knows it by. Knows no event."""

from transforms.model.items import Item

EMAIL = "email"
USER_ID = "userId"


def email_key(email: str) -> str:
    """Iterable stores emails in lower case, so two spellings are one user."""
    return f"{EMAIL}:{email.lower()}"


def user_id_key(user_id: str) -> str:
    return f"{USER_ID}:{user_id}"


def user_keys(item: Item, two_ids: bool) -> set[str]:
    """What names its user and no other one: both ids only where both are unique (see DeliveryRules)."""
    return keys_of(item) if two_ids else {item.identity}


def keys_of(item: Item) -> set[str]:
    """Under which events of its user may come: the id that identifies it, and those that it has from now on."""
    keys = {item.identity}
    if item.email:
        keys.add(email_key(item.email))
    if item.user_id:
        keys.add(user_id_key(item.user_id))
    return keys
