"""Ids made with keyed hashes: the same source key always gives the same id, and nobody without the key can guess it.

Values enter in the canonical text of their declared type (NFC, nothing trimmed, integers without leading
zeros, ISO dates): see `canonical_text`. Every part is length-prefixed, so no two lists of values collide.
"""

import hashlib
import struct
import unicodedata
from collections.abc import Iterable, Sequence

ID_BYTES = 16
_LENGTH = struct.Struct(">I").pack
# What HMAC is made of (RFC 2104): the block of SHA-256, and the key with every byte xored.
_BLOCK_BYTES = 64
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


def _prefixed(text: str) -> bytes:
    raw = text.encode()
    return _LENGTH(len(raw)) + raw


def canonical_text(text: str) -> str:
    """The text in NFC, otherwise untouched: nothing is trimmed or folded."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


class KeyedHasher:
    """Makes 16-byte values for one (key, scope...): HMAC-SHA-256 of the scope and the values, its first 128 bits.

    The key schedule and the scope are hashed once, into the two SHA-256 states that an HMAC is made of; a value
    costs a copy of each. Copying an `hmac` object costs nearly twice as much.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, scope: Sequence[str]) -> None:
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER_PAD))
        self._inner.update(b"".join(_prefixed(part) for part in scope))
        self._outer = hashlib.sha256(padded.translate(_OUTER_PAD))

    def of(self, values: Iterable[str]) -> bytes:
        """The first 128 bits of the HMAC over the length-prefixed values."""
        inner = self._inner.copy()
        for value in values:
            raw = value.encode()
            inner.update(_LENGTH(len(raw)) + raw)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()[:ID_BYTES]


def resource_id(raw: bytes) -> str:
    """Sixteen bytes written as a UUID of version 8 (RFC 9562): a legal FHIR id that says how it was made."""
    digits = raw.hex()
    variant = "89ab"[raw[8] >> 4 & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def id_bytes(uuid_text: str) -> bytes:
    """The sixteen bytes of a written id; the inverse of `resource_id` up to the six version bits."""
    return bytes.fromhex(uuid_text.replace("-", ""))
