"""Did a run change anything? Batches, files (decrypted), export and ledger rows, before and after."""

import hashlib
from pathlib import Path

from passerelle.pipeline.instance import Instance
from passerelle.stores.ledger import printing, stored
from passerelle.stores.ledger.stored import FileKind


def state_of(instance: Instance, export: Path) -> dict[str, str]:
    """One line per thing that a run may change: lake and vault files by content, export files, ledger tables."""
    stores = instance.stores
    told: dict[str, str] = {}
    with stores.ledger.read() as tx:
        files = stored.current(tx)
        for table, (rows, digest) in printing.fingerprint(tx).items():
            told[f"ledger table {table}"] = f"{rows} rows {digest[:16]}"
    for file in files:
        kind = "lake" if file.kind is FileKind.RESOURCES else "vault"
        told[f"{kind} file {file.name}"] = file.sha256
    for path in sorted(export.rglob("*")):
        if path.is_file():
            name = path.relative_to(export).as_posix()
            told[f"export file {name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return told


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is new, gone or other, one sentence each."""
    return [
        f"{name} {'is new' if name not in before else 'is gone' if name not in after else 'is another'}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
