"""The stores of an instance are opened from its settings alone."""

import pytest

from passerelle.errors import UsageError
from passerelle.settings import Settings
from passerelle.stores.keys import KeyRing
from passerelle.stores.ledger import batches
from passerelle.stores.opened import open_stores


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment(
        {"PASSERELLE_DATA": str(tmp_path / "var/data"), "PASSERELLE_KEYS": str(tmp_path / "keys.json")}
    )


def test_an_empty_ledger_has_its_tables_afterwards(settings, tmp_path):
    made = KeyRing.create(settings.keys)
    stores = open_stores(settings)
    with stores.ledger.read() as tx:
        assert batches.found(tx) == []
    assert stores.keys.key_id == made.key_id
    assert stores.vault.root == stores.lake.root == tmp_path / "var/data"
    stores.ledger.close()
    again = open_stores(settings)
    assert again.ledger.is_current
    again.ledger.close()


def test_a_key_file_may_ask_for_the_published_keys(settings):
    settings.keys.write_text('{"id": "demo"}')
    stores = open_stores(settings)
    assert stores.keys.is_demo
    stores.ledger.close()


@pytest.mark.parametrize("text", [None, "", "{}", '{"id": "zzsecret"}'])
def test_without_keys_nothing_is_opened(settings, text):
    if text is not None:
        settings.keys.write_text(text)
        settings.keys.chmod(0o600)
    with pytest.raises(UsageError) as refused:
        open_stores(settings)
    assert "zzsecret" not in str(refused.value)
