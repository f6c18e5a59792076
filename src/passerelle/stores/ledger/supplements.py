"""Records of a batch that were evaluated again: their files, states and counts change in one transaction.

A record moves inside its own batch's sums and never out of them: map counts it once, validate counts what it emitted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from passerelle.records import Stage, State, Stop
from passerelle.stores.ledger import batches, items, tallies, writing
from passerelle.stores.ledger.batches import BatchState
from passerelle.stores.ledger.connection import Transaction
from passerelle.stores.ledger.leases import Lease
from passerelle.stores.ledger.stored import NewFile
from passerelle.stores.ledger.tables import items as table

AGAIN = (Stage.MAP, Stage.VALIDATE)


@dataclass(slots=True)
class Supplement:
    """What became of some records of one batch when they were evaluated again.

    `verdicts` has every record that was evaluated: None if it passed, else where it stopped. `before` and `after` say
    how many resources of the record the lake holds without and with the new files; a record refused by the structure
    has its emission in `after`, though the lake does not hold it.
    """

    batch_id: int
    files: list[NewFile] = field(default_factory=list)
    verdicts: dict[int, Stop | None] = field(default_factory=dict)
    before: dict[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)


def apply(tx: Transaction, lease: Lease, supplement: Supplement, *, contract_digest: str | None = None) -> None:
    """Files, items, tallies and fan-out of the batch are those after the evaluation."""
    batch_id = supplement.batch_id
    if supplement.files:
        batches.add_supplement(tx, lease, batch_id, supplement.files, contract_digest=contract_digest)
    published = batches.by_id(tx, batch_id).state is BatchState.PUBLISHED
    held = _held(tx, batch_id, list(supplement.verdicts))
    counts: Counter[tuple[Stage, State]] = Counter()
    fan_out = 0
    stops: list[Stop] = []
    units: dict[int, int] = {}
    for row, verdict in supplement.verdicts.items():
        item = held.get(row)
        if item is None or item[0] is Stage.VALIDATE:
            emitted = item[2] if item is not None else supplement.before.get(row, 0)
            fan_out -= emitted
            counts[Stage.MAP, State.PASSED] -= 1
            if item is not None:
                counts[Stage.VALIDATE, item[1]] -= emitted
            elif published:
                counts[Stage.VALIDATE, State.PASSED] -= emitted
        else:
            counts[Stage.MAP, item[1]] -= 1
        after = supplement.after.get(row, 0)
        if verdict is not None:
            stops.append(verdict)
            units[row] = after
        if verdict is None or verdict.stage is Stage.VALIDATE:
            counts[Stage.MAP, State.PASSED] += 1
            fan_out += after
            if verdict is None and published:
                counts[Stage.VALIDATE, State.PASSED] += after
    for chunk in writing.chunks(held):
        tx.run(table.delete().where(*_of_rows(batch_id, chunk)))
    items.put(tx, batch_id, stops, units=units)
    tallies.add_many(tx, batch_id, counts)
    tallies.add_fan_out(tx, batch_id, fan_out)


def _of_rows(batch_id: int, rows: Sequence[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.c.batch_id == batch_id,
        table.c.stage.in_([stage.value for stage in AGAIN]),
        table.c.row.in_(list(rows)),
    )


def _held(tx: Transaction, batch_id: int, rows: Sequence[int]) -> Mapping[int, tuple[Stage, State, int]]:
    held: dict[int, tuple[Stage, State, int]] = {}
    for chunk in writing.chunks(rows):
        asked = sa.select(table.c.row, table.c.stage, table.c.state, table.c.units).where(*_of_rows(batch_id, chunk))
        for row in tx.rows(asked):
            held[row.row] = (Stage(row.stage), State(row.state), row.units)
    return held
