"""What the vault seals opens for whoever has the key, and for nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerelle.errors import BrokenPromise, UsageError
from passerelle.stores.keys import KeyRing, rewrap, unwrap, wrap
from passerelle.stores.vault import Vault

SECRET = b"nom;prenom;1980-01-01"


def written(data, keys, rows):
    vault = Vault(data, keys)
    key, wrapped = vault.new_data_key()
    with vault.record_writer("b00000001/land-records-p0000", key) as writer:
        for row in rows:
            writer.add(row)
        file = writer.close()
    return vault, file, wrapped


def test_records_come_back_in_their_order(data, keys):
    vault, file, wrapped = written(data, keys, [b"one", b"", b"three"])

    assert [b"one", b"", b"three"] == list(vault.read_records(file, vault.open_data_key(wrapped)))
    assert {2: b"three", 0: b"one"} == vault.read_rows(file, vault.open_data_key(wrapped), [2, 0])


def test_no_byte_of_a_record_lies_on_disk_in_the_clear(data, keys):
    _, file, _ = written(data, keys, [SECRET] * 100)

    assert SECRET not in (data / file.name).read_bytes()


def test_a_changed_byte_is_noticed(data, keys):
    vault, file, wrapped = written(data, keys, [SECRET])
    path = data / file.name
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(bytes(raw))

    assert vault.verify(file, vault.open_data_key(wrapped)) is not None


def test_a_file_cut_off_is_refused_before_one_row_is_read(data, keys):
    vault, file, wrapped = written(data, keys, [SECRET])
    path = data / file.name
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(BrokenPromise):
        list(vault.read_records(file, vault.open_data_key(wrapped)))


def test_a_file_under_another_name_does_not_open(data, keys):
    vault, file, wrapped = written(data, keys, [SECRET])
    moved = file.__class__(file.name.replace("p0000", "p0001"), file.rows, file.bytes, file.sha256)
    (data / file.name).rename(data / moved.name)

    assert vault.verify(moved, vault.open_data_key(wrapped)) is not None


def test_a_rotated_vault_key_opens_what_the_old_one_wrapped(keys):
    newer = keys.with_new_vault_key()
    data_key, wrapped = Vault(None, keys).new_data_key()

    again = rewrap(wrapped, keys.vault_key, newer.vault_key)

    assert data_key.secret == newer.unwrap(again).secret
    with pytest.raises(BrokenPromise):
        unwrap(again, keys.vault_key)


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "keys.json"
    KeyRing.create(path)
    path.chmod(0o644)

    with pytest.raises(UsageError, match="0600"):
        KeyRing.load(path)


def test_keys_never_print_themselves(keys):
    data_key, wrapped = Vault(None, keys).new_data_key()

    assert data_key.secret.hex() not in repr(data_key) + repr(keys) + str(keys)
    assert wrap(data_key, keys.vault_key) != wrapped


@given(st.lists(st.binary(max_size=200), max_size=50))
def test_any_bytes_come_back_as_they_were(tmp_path_factory, rows):
    vault, file, wrapped = written(tmp_path_factory.mktemp("vault"), KeyRing.demo(), rows)

    assert rows == list(vault.read_records(file, vault.open_data_key(wrapped)))
