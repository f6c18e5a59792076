"""Rotation of the vault key: data keys are rewrapped, no sealed file is touched.

Safe to stop anywhere: save a ring that holds both vault keys (`KeyRing.with_new_vault_key`), rotate, then save a
ring that forgot the old one (`KeyRing.with_newest_vault_key_only`).
"""

from passerelle.stores.keys import WRAP_MAGIC, KeyRing, wrapped_version
from passerelle.stores.ledger import Ledger, wrapped
from passerelle.stores.vault import reseal


def rotate(ledger: Ledger, ring: KeyRing) -> int:
    """Every data key in the ledger is wrapped by the ring's newest vault key; how many changed is returned.

    Raises:
        UsageError: the ring lacks a vault key that still wraps a data key.
        BrokenPromise: a wrapped key does not open.
    """

    def newest(held: bytes) -> bytes:
        if not held.startswith(WRAP_MAGIC) or wrapped_version(held) == ring.version:
            return held
        return reseal(held, ring.vault_key_of(wrapped_version(held)), ring.vault_key)

    return ledger.in_transaction(lambda tx: wrapped.change_all(tx, newest))
