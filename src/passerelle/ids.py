"""Ids made with keyed hashes: the same source key always gives the same id, and nobody without the key can guess it.

Values enter in the canonical text of their declared type (NFC, nothing trimmed, integers without leading
zeros, ISO dates): see `canonical_text`. Every part is length-prefixed, so no two lists of values collide.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence

ID_BYTES = 16


def _prefixed(text: str) -> bytes:
    raw = text.encode("utf-8")
    return len(raw).to_bytes(4, "big") + raw


def canonical_text(text: str) -> str:
    """The text in NFC, otherwise untouched: nothing is trimmed or folded."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class KeyedHasher:
    """Makes 16-byte values for one (key, scope...) by copying a prepared HMAC-SHA-256 state.

    The copied state is what makes it fast: the key schedule and the scope are hashed once.
    """

    __slots__ = ("_state",)

    def __init__(self, key: bytes, scope: Sequence[str]) -> None:
        self._state = hmac.new(key, b"".join(_prefixed(part) for part in scope), hashlib.sha256)

    def of(self, values: Iterable[str]) -> bytes:
        """The first 128 bits of the HMAC over the length-prefixed values."""
        state = self._state.copy()
        for value in values:
            state.update(_prefixed(value))
        return state.digest()[:ID_BYTES]


def resource_id(raw: bytes) -> str:
    """Sixteen bytes written as a UUID of version 8 (RFC 9562): a legal FHIR id that says how it was made."""
    digits = raw.hex()
    variant = "89ab"[raw[8] >> 4 & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def id_bytes(uuid_text: str) -> bytes:
    """The sixteen bytes of a written id; the inverse of `resource_id` up to the six version bits."""
    return bytes.fromhex(uuid_text.replace("-", ""))
