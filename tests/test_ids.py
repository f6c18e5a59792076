"""Ids are HMACs over length-prefixed values, however they are computed."""

import hashlib
import hmac

import pytest

from passerelle.ids import KeyedHasher, id_bytes, resource_id


def prefixed(*parts):
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("values", [(), ("42",), ("42", ""), ("Zoé", "0"), ("x" * 300,)])
def test_the_prepared_states_give_what_hmac_gives(length, values):
    key = bytes(range(length))
    whole = prefixed("csapa", "patients", *values)
    assert KeyedHasher(key, ("csapa", "patients")).of(values) == hmac.digest(key, whole, hashlib.sha256)[:16]


def test_a_hasher_gives_the_same_again():
    hasher = KeyedHasher(b"key", ("csapa", "patient"))
    assert hasher.of(["1"]) == hasher.of(iter(["1"])) != hasher.of(["2"])


def test_values_do_not_run_into_one_another():
    hasher = KeyedHasher(b"key", ("csapa", "patient"))
    assert hasher.of(["1", "23"]) != hasher.of(["12", "3"]) != hasher.of(["123"])


def test_an_id_is_written_as_a_uuid_of_version_8():
    raw = hashlib.sha256(b"some").digest()[:16]
    written = resource_id(raw)
    assert written[14] == "8"
    assert written[19] in "89ab"
    assert id_bytes(written)[:6] == raw[:6]
