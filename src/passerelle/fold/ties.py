"""Versions of equal order in a table that declares `ties`: the greatest hash of their bytes is the newest of them.

The hash and not the bytes, since the order is written down where no value of a person may be.
"""

_BEHIND = "\x01"
"""Lower than any character of an order, so that among other orders the text stands where it stood."""


def among_equals(order: str, digest: bytes) -> str:
    """The order of a version, with what decides among those of equal order."""
    return f"{order}{_BEHIND}{digest.hex()}"


def declared_order(order: str) -> str:
    """The order as the record says it."""
    return order.partition(_BEHIND)[0]
