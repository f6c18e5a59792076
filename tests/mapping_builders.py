"""A source, its mappings and code lists, written as the files would be, compiled into plans."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from passerelle.contracts.code_list import read_code_list
from passerelle.contracts.directory import DirectoryOrganisation, read_units
from passerelle.contracts.gate_table import GateTable
from passerelle.contracts.house import House, Lines, SourceFolder
from passerelle.contracts.mapping import MappingFile
from passerelle.contracts.modelled import validated
from passerelle.contracts.problems import Problems
from passerelle.contracts.source import Source
from passerelle.contracts.yaml_file import read_document
from passerelle.mapping.compiling import compile_source
from passerelle.mapping.plan import Refusal
from passerelle.stores.keys import KeyRing

SOURCE = """
source: s
says: A source for tests.
owner: nobody
jurisdiction: fr
environment: test
legal: {kind: csapa, ground: none}
organisation: {name: Les Tilleuls, finess: "000100032", category: "197", region: "11"}
connection: none
schedule: "0 5 * * *"
identifiers: {local: {system: "https://example.org/local"}}
tables:
"""
NAMING = {"rpps": "https://rpps.esante.gouv.fr", "finess": "https://finess.esante.gouv.fr"}
KEYS = KeyRing.demo()


def organisation(code, name, kind="csapa", **more):
    return DirectoryOrganisation.model_validate(
        {"code": code, "name": name, "kind": kind, "care": True, "jurisdiction": "fr", **more}
    )


ORGANISATIONS = {
    "TIL": organisation("TIL", "Les Tilleuls", source="s", finess="000100032", category="197"),
    "CHU": organisation("CHU", "Le CHU", "hospital", finess="000100016"),
}


def table(columns, **more):
    """A table in the form of source.yaml: its columns by name, each the text of its declaration."""
    import json

    written = {"format": "sql", "sql": {"table": "t", "key": ["id"]}, "key": ["id"], "order": {"column": "maj"}}
    declared = {"id": {"required": True}, **columns, "maj": {"type": "datetime"}}
    return json.dumps({**written, "columns": declared, **more})


@dataclass
class Built:
    """Plans, and rows written by column name."""

    folder: SourceFolder
    house: House
    plans: object

    def row(self, table_name, values, repeats=()):
        columns = self.folder.source.tables[table_name].columns
        unknown = set(values) - set(columns)
        assert not unknown, unknown
        return [values.get(name) for name in columns] + list(repeats)

    def evaluate(self, values, table_name="t", parents=(), children=(), repeats=(), notes=None):
        (plan,) = self.plans.by_table[table_name]
        row = self.row(table_name, {"id": "1", **values}, repeats)
        return plan.evaluate(row, parents, children, [] if notes is None else notes)

    def tree(self, values=(), **how):
        """The only resource of the record, without what every resource has."""
        (made,) = self.evaluate(dict(values), **how)
        return {name: value for name, value in made.tree.items() if name not in {"resourceType", "id"}}

    def refused(self, values=(), **how):
        """Why the record was refused, and where."""
        try:
            self.evaluate(dict(values), **how)
        except Refusal as refusal:
            return refusal.reason.value, refusal.place
        raise AssertionError("the record was not refused")


def house(folder):
    return House(
        root=Path(),
        jurisdiction="fr",
        sources={folder.name: folder},
        linted={},
        suites={},
        pathways={},
        targets={},
        gate=GateTable.model_construct(),
        regions={},
        organisations=ORGANISATIONS,
        naming=NAMING,
    )


def source_folder(tables, mappings, codes=None, units="", source=SOURCE):
    """The folder of a source. `tables` maps names to the JSON of `table`; `mappings` are YAML texts."""
    problems = Problems()
    text = source + "\n".join(f"  {name}: {written}" for name, written in tables.items())
    node = read_document(text.encode(), "source.yaml", problems)
    nodes, files = {}, []
    for written in mappings:
        document = read_document(dedent(written).encode(), "mapping.yaml", problems)
        model = validated(MappingFile, document, problems)
        problems.raise_if_any()
        nodes[model.mapping] = document
        files.append(model)
    lists = {
        name: read_code_list(
            name, ("code,target,system,display,says\n" + rows).encode(), f"{name}.csv", NAMING, problems
        )
        for name, rows in (codes or {}).items()
    }
    held = read_units(("code,name,kind,from,to\n" + units).encode(), "units.csv", problems) if units else {}
    model = validated(Source, node, problems)
    problems.raise_if_any()
    return SourceFolder(
        name="s",
        path=Path("s"),
        source=model,
        mappings=tuple(files),
        code_lists=lists,
        units=held,
        stories=(),
        digest="00",
        lines=Lines(node, nodes),
        files={},
    )


def built(columns, *mappings, codes=None, units="", tables=None, source=SOURCE, **more):
    """Everything compiled. `columns` are those of table `t`; `more` belongs to that table."""
    every = {"t": table(columns, **more), **(tables or {})}
    folder = source_folder(every, mappings, codes, units, source)
    whole = house(folder)
    return Built(folder, whole, compile_source(folder, whole, KEYS))


def emitting(resource, *fields, key="id", more="", label="made"):
    """A mapping of table `t` with one emit, its fields given as YAML flow mappings."""
    lines = "\n".join(f"      - {one}" for one in fields)
    head = "mapping: m\nversion: 1\nsays: A mapping for tests.\nreads: t\nemits:\n"
    body = f"  - resource: {resource}\n    as: {label}\n    key: [{key}]\n"
    extra = "".join(f"    {line}\n" for line in more.splitlines())
    return f"{head}{body}{extra}    fields:\n{lines}\n"
