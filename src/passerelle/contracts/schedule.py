"""When a source runs, read without its models: what a scheduler asks every few seconds must be cheap."""

from dataclasses import dataclass
from pathlib import Path

from passerelle.contracts.problems import Place, Problems
from passerelle.contracts.yaml_file import Node, merged, read_document

SOURCES = "mappings/sources"
STANDARDS = "mappings/standards"
TIME_ZONE = "Europe/Paris"
"""The zone of a source that names none, as in its model."""


@dataclass(frozen=True, slots=True)
class TableSchedule:
    """One table and the schedule it runs on."""

    name: str
    schedule: str


@dataclass(frozen=True, slots=True)
class SourceSchedule:
    """When a source runs. `says` becomes the description of its DAG."""

    source: str
    schedule: str
    jurisdiction: str
    says: str
    time_zone: str
    tables: tuple[TableSchedule, ...]


def list_source_names(root: Path) -> tuple[str, ...]:
    """The names of all source folders, whether or not they can be read."""
    folder = root / SOURCES
    if not folder.is_dir():
        return ()
    return tuple(sorted(one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith((".", "_"))))


def read_schedule(root: Path, name: str) -> SourceSchedule:
    """Name, schedule and tables of a source. Nothing else of it is looked at.

    Raises:
        ContractError: source.yaml cannot be read, or has no schedule or no tables.
    """
    problems = Problems()
    source = _document(root, f"{SOURCES}/{name}/source.yaml", problems)
    problems.raise_if_any()
    assert source is not None
    schedule = source.text("schedule")
    if schedule is None:
        problems.add(source.place, "`schedule` is missing")
    tables = _tables(root, source, problems)
    if not tables and not problems:
        problems.add(source.place, "`tables` is missing")
    problems.raise_if_any()
    return SourceSchedule(
        source=source.text("source") or name,
        schedule=schedule or "",
        jurisdiction=source.text("jurisdiction") or "",
        says=source.text("says") or "",
        time_zone=source.text("time_zone") or TIME_ZONE,
        tables=tuple(TableSchedule(table, node.text("schedule") or schedule or "") for table, node in tables.items()),
    )


def _tables(root: Path, source: Node, problems: Problems) -> dict[str, Node]:
    found = Node({}, source.file, source.line)
    for item in source.at("extends").items if "extends" in source.members else []:
        standard = _document(root, f"{STANDARDS}/{item.value}/standard.yaml", problems)
        if standard is not None and "tables" in standard.members:
            found = merged(found, standard.members["tables"])
    if "tables" in source.members:
        found = merged(found, source.members["tables"])
    return {name: node for name, node in found.members.items() if node.value is not None}


def _document(root: Path, path: str, problems: Problems) -> Node | None:
    try:
        body = (root / path).read_bytes()
    except OSError:
        problems.add(Place(path), "cannot be opened")
        return None
    return read_document(body, path, problems)
