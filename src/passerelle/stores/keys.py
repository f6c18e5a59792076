"""The key file: vault keys, id keys, fold keys, token keys. No `repr` here ever shows one.

The vault key may be rotated: every data key carries the version of the vault key that wraps it, and a rotation
rewraps data keys without rewriting a file. The id keys are apart from it and never rotate, because ids must not
change. Sources that are anonymous by law have an id root of their own, so no id of theirs can be compared with
the id of a named source, nor with one another.
"""

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passerelle.errors import BrokenPromise, UsageError

KEY_BYTES = 32
NONCE_BYTES = 12
WRAP_MAGIC = b"PWK1"
_WRAP_AAD = b"passerelle wrapped data key"
WRAPPED_BYTES = len(WRAP_MAGIC) + 4 + NONCE_BYTES + KEY_BYTES + 16
_ROOTS = ("id_key", "anonymous_id_root", "fold_root", "token_root")
_DEMO_ID = "demo"


class _Secret:
    """Sixteen or more bytes that never print themselves."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise BrokenPromise(f"a key of {len(secret)} bytes was given; {KEY_BYTES} are needed")
        self._secret = secret

    @property
    def secret(self) -> bytes:
        """The bytes themselves, for the cipher alone."""
        return self._secret

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise BrokenPromise("a key is never pickled")


class DataKey(_Secret):
    """The key of one batch (or of one file with a life of its own). Wrapped, it may lie in the ledger."""

    __slots__ = ()


class VaultKey(_Secret):
    """One version of the key that wraps data keys."""

    __slots__ = ("_version",)

    def __init__(self, version: int, secret: bytes) -> None:
        super().__init__(secret)
        self._version = version

    @property
    def version(self) -> int:
        """Which turn of the rotation made it."""
        return self._version


def _derived(root: bytes, purpose: str, name: str) -> bytes:
    info = f"passerelle/{purpose}/".encode() + name.encode("utf-8")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root)


def wrap(data_key: DataKey, vault_key: VaultKey) -> bytes:
    """The data key sealed by the vault key, marked with the vault key's version."""
    head = WRAP_MAGIC + vault_key.version.to_bytes(4, "big")
    nonce = secrets.token_bytes(NONCE_BYTES)
    return head + nonce + AESGCM(vault_key.secret).encrypt(nonce, data_key.secret, _WRAP_AAD + head)


def unwrap(wrapped: bytes, vault_key: VaultKey) -> DataKey:
    """The data key that was wrapped.

    Raises:
        BrokenPromise: the bytes are not a wrapped key, were changed, or another vault key wrapped them.
    """
    head, nonce, sealed = wrapped[:8], wrapped[8 : 8 + NONCE_BYTES], wrapped[8 + NONCE_BYTES :]
    if len(wrapped) != WRAPPED_BYTES or head[:4] != WRAP_MAGIC:
        raise BrokenPromise("a wrapped data key is damaged")
    if wrapped_version(wrapped) != vault_key.version:
        raise BrokenPromise(
            f"a data key is wrapped by vault key version {wrapped_version(wrapped)}, not by version {vault_key.version}"
        )
    try:
        return DataKey(AESGCM(vault_key.secret).decrypt(nonce, sealed, _WRAP_AAD + head))
    except InvalidTag:
        raise BrokenPromise("a wrapped data key does not open: it was changed, or the vault key is another") from None


def wrapped_version(wrapped: bytes) -> int:
    """The version of the vault key that wraps this data key."""
    return int.from_bytes(wrapped[4:8], "big")


def rewrap(wrapped: bytes, old: VaultKey, new: VaultKey) -> bytes:
    """The same data key wrapped by the new vault key; no sealed file changes."""
    return wrap(unwrap(wrapped, old), new)


@dataclass(frozen=True)
class KeyRing:
    """All keys of an instance, read from one file of mode 0600."""

    key_id: str
    vault_keys: tuple[VaultKey, ...]
    _roots: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"<KeyRing {self.key_id} version {self.version}>"

    __str__ = __repr__

    @property
    def version(self) -> int:
        """The version of the vault key that wraps new data keys."""
        return self.vault_key.version

    @cached_property
    def vault_key(self) -> VaultKey:
        """The newest vault key."""
        return max(self.vault_keys, key=lambda key: key.version)

    @cached_property
    def is_demo(self) -> bool:
        """True if any key of this ring is published: such a ring protects nothing."""
        published = set(_demo_roots().values()) | {_demo_vault_secret()}
        return any(key.secret in published for key in self.vault_keys) or any(
            root in published for root in self._roots.values()
        )

    def vault_key_of(self, version: int) -> VaultKey:
        """The vault key of that version.

        Raises:
            UsageError: the key file no longer holds it.
        """
        for key in self.vault_keys:
            if key.version == version:
                return key
        raise UsageError(f"the key file {self.key_id} holds no vault key of version {version}")

    def unwrap(self, wrapped: bytes) -> DataKey:
        """The data key, opened with whichever vault key of this ring wraps it."""
        return unwrap(wrapped, self.vault_key_of(wrapped_version(wrapped)))

    def id_key(self, source: str, anonymous: bool = False) -> bytes:  # noqa: FBT001, FBT002 the contract's own word
        """The key of resource ids. Named sources share one; an anonymous source has one of its own."""
        if anonymous:
            return _derived(self._roots["anonymous_id_root"], "anonymous id", source)
        return self._roots["id_key"]

    def fold_key(self, source: str) -> bytes:
        """The key of the fold keys of one source: fold keys of two sources cannot be compared."""
        return _derived(self._roots["fold_root"], "fold", source)

    def token_key(self, purpose: str) -> bytes:
        """The key of matching tokens for one purpose: tokens of two purposes cannot be compared."""
        return _derived(self._roots["token_root"], "token", purpose)

    def with_new_vault_key(self) -> "KeyRing":
        """A ring with one more vault key, the newest; the older ones stay until every data key is rewrapped."""
        added = VaultKey(self.version + 1, secrets.token_bytes(KEY_BYTES))
        return KeyRing(self.key_id, (*self.vault_keys, added), self._roots)

    def with_newest_vault_key_only(self) -> "KeyRing":
        """A ring that forgot its older vault keys, for after a rotation."""
        return KeyRing(self.key_id, (self.vault_key,), self._roots)

    @classmethod
    def demo(cls) -> "KeyRing":
        """The published ring of the demo. A production source refuses it."""
        return cls(_DEMO_ID, (VaultKey(1, _demo_vault_secret()),), _demo_roots())

    @classmethod
    def create(cls, path: Path) -> "KeyRing":
        """A fresh ring, written to a file of mode 0600 that did not exist before.

        Raises:
            UsageError: the file is there already; keys are never overwritten.
        """
        ring = cls(
            secrets.token_hex(8),
            (VaultKey(1, secrets.token_bytes(KEY_BYTES)),),
            {name: secrets.token_bytes(KEY_BYTES) for name in _ROOTS},
        )
        ring.save(path, new=True)
        return ring

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """The ring in the file.

        Raises:
            UsageError: the file is missing, readable by others, or does not hold the keys.
        """
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8")
        except OSError as wrong:
            raise UsageError(
                f"the key file {path} cannot be read ({wrong.strerror}); PASSERELLE_KEYS names it"
            ) from None
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise UsageError(f"the key file {path} may be read by others: set its mode to 0600")
        try:
            told = json.loads(text)
            ring = cls(
                str(told["id"]),
                tuple(VaultKey(int(version), bytes.fromhex(secret)) for version, secret in told["vault_keys"].items()),
                {name: bytes.fromhex(told[name]) for name in _ROOTS},
            )
        except (ValueError, KeyError, TypeError, AttributeError, BrokenPromise):
            raise UsageError(f"the key file {path} does not hold the keys of passerelle in their format") from None
        if not ring.vault_keys or any(len(root) != KEY_BYTES for root in ring._roots.values()):
            raise UsageError(f"the key file {path} holds a key that is missing or of the wrong length")
        return ring

    def save(self, path: Path, *, new: bool = False) -> None:
        """The ring lies in the file, mode 0600, whole or not at all.

        Raises:
            UsageError: `new` was asked for and the file is there already.
        """
        text = json.dumps(
            {
                "id": self.key_id,
                "vault_keys": {str(key.version): key.secret.hex() for key in self.vault_keys},
                **{name: root.hex() for name, root in self._roots.items()},
            },
            indent=2,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text + "\n")
                out.flush()
                os.fsync(out.fileno())
            if new:
                os.link(part, path)  # unlike a rename, this refuses an existing name
                part.unlink()
            else:
                part.replace(path)
        except FileExistsError:
            raise UsageError(f"the key file {path} is there already; keys are never overwritten") from None
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _published(name: str) -> bytes:
    return hashlib.sha256(f"passerelle: the published demo key, which protects nothing: {name}".encode()).digest()


def _demo_vault_secret() -> bytes:
    return _published("vault")


def _demo_roots() -> dict[str, bytes]:
    return {name: _published(name) for name in _ROOTS}
