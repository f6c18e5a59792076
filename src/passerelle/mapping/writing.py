"""Evaluations become files: bodies in the lake, what identifies in the vault, both with the same rows."""

import hashlib
from collections.abc import Iterable
from typing import Self

from passerelle.ids import ID_BYTES
from passerelle.mapping.evaluating import Evaluation
from passerelle.mapping.learning import Split, halves
from passerelle.mapping.plan import Emitted, Rendered
from passerelle.records import Stage
from passerelle.stores.files import batch_stem
from passerelle.stores.keys import DataKey
from passerelle.stores.lake import NO_DIGEST
from passerelle.stores.ledger.stored import FileKind, NewFile
from passerelle.stores.opened import Stores

_BLOCK_BYTES = 64
Kept = tuple[bytes, str, bytes]
"""Id, order and hash of a resource of one evaluation."""


class EvaluationWriter:
    """Writes what records of one partition of one batch emit. Leaving a `with` block without `close` leaves nothing."""

    def __init__(self, stores: Stores, batch_id: int, part: int, data_key: DataKey, split: Split) -> None:
        stem = batch_stem(batch_id, Stage.MAP, "resources", part)
        self._lake = stores.lake.writer(stem)
        self._vault = stores.vault.identity_writer(batch_stem(batch_id, Stage.MAP, "identity", part), data_key)
        self._part = part
        self._split = split
        key = stores.keys.token_key("content")
        self._hash = hashlib.sha256(key.ljust(_BLOCK_BYTES, b"\0"))
        """Of the key, as the block before what is hashed; a copy costs less than the same hash anew."""
        self.rows = 0

    def add(self, row: int, evaluations: Iterable[Evaluation]) -> None:
        """What the record of this row of the batch emits is kept; an evaluation without resources is a withdrawal."""
        for evaluation in evaluations:
            fold, order = evaluation.fold, evaluation.order
            self.rows += 1
            if not evaluation.emitted:
                self._lake.add_withdrawal(fold, order, row)
            for one in evaluation.emitted:
                plain, sealed, digest = self._parts(one)
                self._lake.add(one.id, one.type, fold, order, row, one.refs, digest, plain)
                if sealed:
                    self._vault.add(one.id, row, sealed)

    def _parts(self, one: Emitted | Rendered) -> tuple[bytes, bytes, bytes]:
        """Body, identity (empty without one), and the keyed hash of both, of which nobody could go on (it is cut)."""
        plain, sealed = (one.plain, one.sealed) if isinstance(one, Rendered) else halves(self._split, one.tree)
        digest = self._hash.copy()
        digest.update(plain)
        digest.update(sealed)
        return plain, sealed, digest.digest()[:ID_BYTES]

    def rows_of(self, evaluation: Evaluation) -> set[Kept]:
        """What the lake would hold of the evaluation, for comparing it with what is there."""
        if not evaluation.emitted:
            return {(evaluation.fold, evaluation.order, NO_DIGEST)}
        return {(one.id, evaluation.order, self._parts(one)[2]) for one in evaluation.emitted}

    def close(self) -> list[NewFile]:
        """Both files are complete and durable, ready to be named in the ledger."""
        identity = NewFile(self._vault.close(), FileKind.IDENTITY, self._part)
        return [NewFile(self._lake.close(), FileKind.RESOURCES, self._part), identity]

    def abandon(self) -> None:
        """Nothing of the files remains."""
        self._lake.abandon()
        self._vault.abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()
