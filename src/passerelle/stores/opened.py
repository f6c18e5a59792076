"""The four stores of an instance, opened together from its settings."""

import json
from dataclasses import dataclass
from pathlib import Path

from passerelle.settings import Settings
from passerelle.stores.keys import KeyRing
from passerelle.stores.lake import Lake
from passerelle.stores.ledger import Ledger, migrating
from passerelle.stores.vault import Vault

DEMO_KEYS = {"id": "demo"}
"""What a key file holds that asks for the published keys."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Ledger, vault and lake of one instance, with the keys that open them."""

    ledger: Ledger
    vault: Vault
    lake: Lake
    keys: KeyRing


def open_stores(settings: Settings) -> Stores:
    """The stores that the settings name. An empty ledger has its tables afterwards.

    Raises:
        UsageError: the key file is missing, readable by others or damaged, or the ledger's URL is none.
        RefusedForGood: the ledger has a revision that this version does not know.
        Unavailable: the ledger does not answer.
    """
    keys = _keys(settings.keys)
    ledger = Ledger.open(settings.ledger)
    if not ledger.is_current and _is_empty(ledger):
        ledger.migrate()
    return Stores(ledger, Vault(settings.data, keys), Lake(settings.data), keys)


def _keys(path: Path) -> KeyRing:
    try:
        is_demo = json.loads(path.read_bytes()) == DEMO_KEYS
    except (OSError, ValueError):
        is_demo = False  # the ring says what is wrong with its file
    return KeyRing.demo() if is_demo else KeyRing.load(path)


def _is_empty(ledger: Ledger) -> bool:
    with ledger._plain() as connection:  # noqa: SLF001 - asked before there is a revision to read with
        return migrating.revision_of(connection) is None
