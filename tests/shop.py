"""A small invented source with every relation between tables, whose records are written down version by version.

People have files, files have acts, teams list members (who are nothing else) and notes (which also stand for
themselves, and wait for the team), signs belong to people without referring to them, and choose among equal orders. No column has an expectation, so
that a run costs little and many arrangements can be tried. A file whose label is `f r` makes its acts something that
is not FHIR, and an act emits two resources when its file has a label.
"""

import csv
import io
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace

import region as regions
from house_builder import ROOT, change, write_house

from passerelle.contracts.house import load_house
from passerelle.mapping.compiling import compile_source
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import Asked, run_source
from passerelle.stores.keys import KeyRing
from passerelle.stores.opened import open_stores

TABLE = """\
    format: delimited
    files: {name}/*.csv
    complete: {{marker: .ok}}
    key: [{key}]
    order: {{column: changed}}
    deleted: {{column: gone, values: [O]}}
{relations}    columns: {{{columns}, gone: {{}}, changed: {{}}}}
"""
PARENT = "    parents: {owner: {table: people, on: {person: number}}}\n"
TABLES = {
    "people": ("number", "", ("number", "sex")),
    "files": ("file", PARENT, ("file", "person", "label")),
    "acts": ("act", "    parents: {course: {table: files, on: {file: file}}}\n", ("act", "file", "kind")),
    "teams": (
        "team",
        PARENT
        + "    repeats:\n      members: {table: members, on: {team: team}, order: [rank]}\n"
        + "      notes: {table: notes, on: {team: team}, order: [note]}\n",
        ("team", "person", "label"),
    ),
    "notes": ("note", "    parents: {about: {table: teams, on: {team: team}}}\n", ("note", "team", "role", "word")),
    "members": ("member", "", ("member", "team", "rank", "role")),
    "signs": ("sign", PARENT + "    ties: greatest-bytes\n", ("sign", "person", "label")),
}
COLUMNS = {name: (*columns, "gone", "changed") for name, (_, _, columns) in TABLES.items()}
SOURCE = """\
source: ward
says: An invented source.
owner: the tests
jurisdiction: fr
environment: test
legal: {kind: hospital, ground: none}
organisation: {name: Ward, finess: "000100016"}
connection: ward
schedule: "30 4 * * *"
identifiers:
  own: {system: https://passerelle.example/fhir/NamingSystem/ward-own}
coverage:
  - {whom: Everybody, where: ["00"], since: "2024-01-01"}
tables:
"""
MAPPINGS = {
    "person": """\
reads: people
emits:
  - resource: Patient
    as: patient
    key: [number]
    fields:
      - {to: "Patient.identifier[own].value", column: number, system: own}
      - {to: Patient.gender, column: sex, codes: gender, missing: omit}
""",
    "episode": """\
reads: files
emits:
  - resource: EpisodeOfCare
    as: episode
    key: [file]
    fields:
      - {to: EpisodeOfCare.status, constant: active}
      - {to: EpisodeOfCare.patient, refers: patient, key: [person]}
      - {to: "EpisodeOfCare.type[label].text", column: label, missing: omit}
      - {to: "EpisodeOfCare.type[of].text", column: owner.sex, missing: omit}
""",
    "contact": """\
reads: acts
emits:
  - resource: Encounter
    as: contact
    key: [act]
    present: kind
    fields:
      - {to: Encounter.status, constant: finished}
      - {to: Encounter.class, constant: {system: "http://terminology.hl7.org/CodeSystem/v3-ActCode", code: AMB}}
      - {to: Encounter.subject, refers: patient, key: [course.person]}
      - {to: "Encounter.episodeOfCare[of]", refers: episode, key: [file]}
      - {to: "Encounter.type[kind].text", column: kind}
      - {to: "Encounter.type[of].text", column: course.owner.sex, missing: omit}
      - {to: Encounter.language, column: course.label, missing: omit}
  - resource: Location
    as: room
    key: [act]
    present: course.label
    fields:
      - {to: Location.status, constant: active}
      - {to: Location.name, column: course.label}
""",
    "team": """\
reads: teams
emits:
  - resource: CareTeam
    as: team
    key: [team]
    fields:
      - {to: "CareTeam.identifier[own].value", column: team, system: own}
      - {to: CareTeam.subject, refers: patient, key: [person]}
      - {to: CareTeam.name, column: label, missing: omit}
      - {to: "CareTeam.participant[member].role[role]", each: members, column: members.role, codes: roles, missing: omit}
      - {to: "CareTeam.reasonCode[note]", each: notes, column: notes.role, codes: roles, missing: omit}
""",
    "note": """\
reads: notes
emits:
  - resource: Location
    as: note
    key: [note]
    fields:
      - {to: Location.status, constant: active}
      - {to: "Location.type[word]", column: word, codes: roles, missing: omit}
""",
    "sign": """\
reads: signs
emits:
  - resource: Location
    as: sign
    key: [sign]
    fields:
      - {to: Location.status, constant: active}
      - {to: Location.name, column: label, missing: omit}
""",
}


ROLES = """\
code,target,system,display,says
a,A,https://passerelle.example/fhir/CodeSystem/role,,
b,-,,,Nothing.
"""
"""A member or a note of role c stops the team that lists it; a note stops for itself when its word is c."""


@dataclass(frozen=True, order=True)
class Record:
    """One version of one record as its table writes it."""

    table: str
    values: tuple[str, ...]

    @property
    def line(self):
        text = io.StringIO()
        csv.writer(text, delimiter=";", lineterminator="\n").writerow(self.values)
        return text.getvalue()


def record(table, *values, gone="", changed):
    """A version: the table's own columns, whether it is a tombstone, its order."""
    assert len(values) == len(COLUMNS[table]) - 2, COLUMNS[table]
    return Record(table, (*values, gone, str(changed)))


def write_shop(root):
    """The house of the shop."""
    tables = "".join(
        f"  {name}:\n"
        + TABLE.format(
            name=name, key=key, relations=relations, columns=", ".join(f"{column}: {{}}" for column in columns)
        )
        for name, (key, relations, columns) in TABLES.items()
    )
    mappings = {
        f"mappings/sources/ward/{name}.yaml": f"mapping: {name}\nversion: 1\nsays: Invented.\n{text}"
        for name, text in MAPPINGS.items()
    }
    write_house(root, **{"mappings/sources/ward/source.yaml": SOURCE + tables}, **mappings)
    (root / "mappings/sources/ward/codes/roles.csv").write_text(ROLES, encoding="utf-8")
    ward = root / "mappings" / "sources" / "ward"
    for name in ("people.yaml", "stays.yaml"):
        (ward / name).unlink()
    for folder in (ward / "examples", root / "mappings" / "standards", root / "mappings" / "pathways"):
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    (root / "fhir" / "identity_elements.yaml").write_bytes((ROOT / "fhir" / "identity_elements.yaml").read_bytes())
    return root


class Shop:
    """The house, loaded and compiled once; each `open` is an instance of its own."""

    def __init__(self, root, template):
        self.house = load_house(write_shop(root / "home"))
        self._root = root
        self._template = template
        self._opened = 0
        compile_source(self.house.sources["ward"], self.house, KeyRing.demo())

    def open(self):
        """A fresh instance, and the folder into which its files are dropped."""
        self._opened += 1
        return Opened(self, self._root / f"instance-{self._opened}", self._template)


def corrected(house, root, *pairs):
    """The shop's house with other texts in its contract: each first text of a pair is replaced by the second."""
    shutil.copytree(house.root, root)
    change(root, "mappings/sources/ward/source.yaml", *pairs)
    return load_house(root)


class Opened:
    """One instance of the shop."""

    def __init__(self, shop, root, template):
        inbox = root / "inbox"
        inbox.mkdir(parents=True)
        (root / "ledger.sqlite").write_bytes(template.read_bytes())
        self.place = regions.Place(root)
        regions.secret(self.place.settings.connections, {"ward": {"conn_type": "file", "extra": {"path": str(inbox)}}})
        self._stores = open_stores(self.place.settings)
        self._inbox = inbox
        self._dropped = 0
        self.under(shop.house)

    def under(self, house):
        """From now on this house counts."""
        self.instance = Instance(replace(self.place.settings, home=house.root), house, self._stores)
        return self

    def drop_bytes(self, table, *lines):
        """A new file of the table holds these lines as they are."""
        self._dropped += 1
        path = self._inbox / table / f"{table}_{self._dropped:04d}.csv"
        regions.drop(path, b"\n".join([";".join(COLUMNS[table]).encode(), *lines, b""]))

    def drop(self, records):
        """The records lie in new files, one per table, in this order."""
        self._dropped += 1
        by_table = defaultdict(list)
        for one in records:
            by_table[one.table].append(one)
        for table, listed in by_table.items():
            header = ";".join(COLUMNS[table]) + "\n"
            text = header + "".join(one.line for one in listed)
            regions.drop(self._inbox / table / f"{table}_{self._dropped:04d}.csv", text.encode())

    def run(self, **asked):
        return run_source(self.instance, "ward", self.place.connections, Asked(**asked))

    def deliver(self, *deliveries):
        """Each delivery is dropped and run through every stage before the next comes."""
        for records in deliveries:
            self.drop(records)
            self.run()
        return self

    def view(self):
        return regions.view_of(self.instance, ["ward"])

    def verdicts(self):
        """(table, line) -> what became of every record, wherever it lies."""
        told = regions.verdicts_of(self.instance, ["ward"])
        return {(table, raw.decode("latin-1")): said for (_, table, raw), said in told.items()}

    def close(self):
        self.instance.close()
