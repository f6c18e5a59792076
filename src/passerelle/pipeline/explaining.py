"""Where an element comes from: by source and path, or for one resource with the record it came from."""

from collections.abc import Iterator

from passerelle.errors import UsageError
from passerelle.fold.versions import Place
from passerelle.fold.view import as_written
from passerelle.ids import id_bytes
from passerelle.mapping import tracing
from passerelle.mapping.plan import Plan
from passerelle.pipeline.instance import Instance
from passerelle.stores.lake import batches_of
from passerelle.stores.ledger import batches, stored


def explain_source(instance: Instance, source: str, element: str) -> list[str]:
    """Every line of the source's mappings that fills the element: file, line, origin, rule, code list.

    Raises:
        UsageError: no mapping of the source fills it.
    """
    folder = instance.folder(source)
    resource = element.split(".", 1)[0]
    told: list[str] = []
    for plan in instance.tools(source).plans:
        told += _told(instance, plan, source, element)
    if not told:
        known = ", ".join(sorted(set(instance.tools(source).plans.labels.values())))
        raise UsageError(f"no mapping of {folder.name} fills {element}; it emits {known}" if resource else "say a path")
    return told


def _told(instance: Instance, plan: Plan, source: str, element: str) -> Iterator[str]:
    yield from _lines(tracing.told_of(plan, instance.folder(source), element))


def _lines(told: object) -> Iterator[str]:
    if told is None:
        return
    if isinstance(told, str):
        yield from told.splitlines()
        return
    if isinstance(told, list | tuple):
        for one in told:
            yield from _lines(one)
        return
    yield str(told)


def explain_resource(instance: Instance, written: str, element: str) -> list[str]:
    """How the element of one resource came to be: batch, row, contract, mapping line. No value is shown.

    Raises:
        UsageError: the id is none, or no resource of it stands.
    """
    try:
        wanted = as_written(id_bytes(written.rsplit("/", 1)[-1]))
    except ValueError:
        raise UsageError("explain wants a source or the id of a resource") from None
    with instance.stores.ledger.read() as tx:
        files = stored.view_files(tx)
        names = {one.id: one for one in batches.found(tx)}
    with instance.stores.lake.view(files) as view:
        for part in batches_of(view.rows()):
            columns = zip(*(part.column(name).to_pylist() for name in ("id", "batch_id", "row")), strict=True)
            for raw, batch_id, row in columns:
                if as_written(raw) == wanted:
                    return _explained(instance, names[batch_id], Place(batch_id, row), element)
    raise UsageError("no resource of this id stands")


def _explained(instance: Instance, batch: batches.Batch, place: Place, element: str) -> list[str]:
    if batch.source not in instance.house.sources:
        return [f"{batch.name}: stated by link, from the pathway files in mappings/pathways"]
    folder = instance.folder(batch.source)
    told = [f"{batch.name}, row {place.row}, contract {batch.contract_digest[:12]}"]
    if batch.contract_digest != folder.digest:
        told.append(f"the contract is another one now ({folder.digest[:12]}); what follows is said of today's")
    for plan in instance.tools(batch.source).plans.by_table.get(batch.table, ()):
        told += _told(instance, plan, batch.source, element)
    return told
