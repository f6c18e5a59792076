"""Where an element comes from: by source and path, or for one resource, from the record that gave it.

For a resource the plan of the contract that mapped it is compiled again from what the ledger kept, and run over the
stored record with tracing on. No value is shown.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from passerelle.contracts.house import House, SourceFolder, load_house_from_bytes
from passerelle.contracts.problems import nearest
from passerelle.errors import ContractError, UsageError
from passerelle.fold.versions import Place, Versions
from passerelle.fold.view import as_written
from passerelle.ids import id_bytes
from passerelle.mapping.compiling import SourcePlans, compile_source
from passerelle.mapping.evaluating import Evaluator
from passerelle.mapping.tracing import Told, Traced, told_of, traced
from passerelle.mapping.tree import plain
from passerelle.pipeline.instance import Instance
from passerelle.stores.keys import KeyRing
from passerelle.stores.lake import IDS_SCHEMA, batches_of
from passerelle.stores.ledger import batches, contracts, items, stored
from passerelle.stores.ledger.batches import Batch
from passerelle.structure import structure


def explain_source(house: House, source: str, element: str) -> list[str]:
    """Every line of the source's mappings that fills the element: file, line, origin, rule, code list.

    Raises:
        UsageError: no mapping of the source fills it.
        ContractError: the source does not compile.
    """
    folder = house.sources[source]
    plans = compile_source(folder, house, KeyRing.demo())  # keys make ids, and no id is said here
    found = [_said(one) for plan in plans for one in told_of(plan, folder, element)]
    if not found:
        known = ", ".join(sorted(set(plans.labels.values())))
        paths = sorted({plain(field.line.to) for plan in plans for shape in plan.shapes for field in shape.fields})
        raise UsageError(
            f"no mapping of {source} fills {element}; a path begins with a type it emits: {known}{nearest(element, paths)}"
        )
    return found


def _said(told: Told) -> str:
    parts = [f"{told.where}: {told.to} ({told.label})", f"from {told.origin}"]
    if told.columns:
        parts.append(", ".join(told.columns))
    for name, value in (("rule", told.rule), ("codes", told.codes), ("system", told.system), ("each", told.each)):
        if value:
            parts.append(f"{name} {value}")
    if told.only:
        parts.append(f"only where {' and '.join(told.only)}")
    if told.origin != "constant":
        parts.append(f"missing: {told.missing}")
    return "; ".join(parts) + (f" — {told.because}" if told.because else "")


def explain_resource(instance: Instance, written: str, element: str) -> list[str]:
    """How the element of one resource came to be: batch, row, contract, mapping line, what each column held.

    Raises:
        UsageError: the id is none, or no resource of it stands.
    """
    try:
        wanted = as_written(id_bytes(written.rsplit("/", 1)[-1]))
    except ValueError:
        raise UsageError("explain wants a source, or the id of a resource as it is written in the export") from None
    batch, place = _standing(instance, wanted)
    if batch.source not in instance.house.sources:
        return [f"{batch.name}: stated by link, by the rules of mappings/pathways and of the three links"]
    house, folder, said = _contract_of(instance, batch)
    told = [f"{batch.name}, row {place.row}, contract {batch.contract_digest[:12]}", *said]
    plans = compile_source(folder, house, instance.stores.keys)
    found = [*_traced(instance, folder, plans, place, element)]
    return [*told, *(found or [f"nothing of this record fills {element}"])]


def _standing(instance: Instance, wanted: bytes) -> tuple[Batch, Place]:
    with instance.stores.ledger.read() as tx:
        files = stored.view_files(tx)
        excluded = items.excluded(tx)
        known = {one.id: one for one in batches.found(tx)}
    with instance.stores.lake.view(files, excluded) as view:
        ids = {
            raw for part in batches_of(view.ids()) for raw in part.column("id").to_pylist() if as_written(raw) == wanted
        }
        table = pa.table({"id": pa.array(sorted(ids), IDS_SCHEMA.field("id").type)})
        for part in batches_of(view.rows(ids=table)) if ids else ():
            (batch_id, *_), (row, *_) = part.column("batch_id").to_pylist(), part.column("row").to_pylist()
            return known[batch_id], Place(batch_id, row)
    raise UsageError("no resource of this id stands; withheld and replaced ones are not shown")


def _contract_of(instance: Instance, batch: Batch) -> tuple[House, SourceFolder, list[str]]:
    """The contract that mapped the batch, as kept; today's, and a sentence, when it cannot be read any more."""
    today = instance.folder(batch.source)
    if batch.contract_digest == today.digest:
        return instance.house, today, []
    with instance.stores.ledger.read() as tx:
        kept = contracts.of(tx, batch.contract_digest)
    if kept is not None:
        try:
            house = load_house_from_bytes(kept, jurisdiction=instance.settings.jurisdiction)
        except ContractError:
            return instance.house, today, ["this version reads the contract of then otherwise; today's is shown"]
        return house, house.sources[batch.source], [f"the contract is another one today ({today.digest[:12]})"]
    return instance.house, today, ["the contract of then was not kept; today's is shown"]


def _traced(instance: Instance, folder: SourceFolder, plans: SourcePlans, place: Place, element: str) -> Iterator[str]:
    versions = Versions(instance.stores, folder)
    evaluator = Evaluator(folder, versions, plans.by_table, structure().check, versions.known())
    table = evaluator.known.tables[place.batch_id]
    (record,), _ = versions.located(table, versions.rows(table, [place]))
    for plan in plans.by_table.get(table, ()):
        row, parents, children = evaluator.read_by(plan, record)
        if row is not None:
            yield from _shown(traced(plan, folder, element, row, parents, children=children))


def _shown(lines: Iterable[Traced]) -> Iterator[str]:
    for one in lines:
        held = ", ".join(
            f"{name} {'filled' if present else 'empty'}"
            for name, present in zip(one.told.columns, one.present, strict=False)
        )
        at = f" occurrence {'.'.join(str(number + 1) for number in one.occurrence)}" if one.occurrence else ""
        why = f" ({one.reason.value} at {one.place})" if one.reason else ""
        yield f"{_said(one.told)}\n    ->{at} {one.outcome}{why}" + (f"; {held}" if held else "")
