"""A small house on disk, right in every line, and ways to break one line of it. Synthetic throughout."""

from pathlib import Path

from passerelle.contracts.house import load_house
from passerelle.errors import ContractError

ROOT = Path(__file__).parents[1]

SOURCE = """\
source: ward
says: A ward that sends two files.
owner: Ward office
jurisdiction: fr
environment: test
legal: {kind: hospital, ground: CSP L1110-4}
organisation: {name: Hôpital du Nord, finess: "000100016"}
connection: ward
schedule: "30 4 * * *"
extends: [norm]
identifiers:
  file-number: {system: https://passerelle.example/fhir/NamingSystem/ward-file}
coverage:
  - {whom: Everybody who is admitted, where: ["00"], since: "2024-01-01"}
tables:
  people:
    format: delimited
    files: people_*.csv
    complete: {marker: .ok}
    key: [number]
    order: {column: changed}
    columns:
      number: {required: true, identity: true}
      name: {identity: true}
      born: {type: date, identity: true}
      sex: {}
      changed: {type: datetime, required: true}
    expectations:
      use: [named]
  stays:
    files: stays_*.csv
    complete: {marker: .ok}
    parents:
      person: {table: people, on: {person_number: number}}
    columns:
      person_number: {required: true, identity: true}
      ward: {}
"""
PEOPLE = """\
mapping: people
version: 1
says: A person.
reads: people
emits:
  - resource: Patient
    as: patient
    key: [number]
    fields:
      - to: Patient.identifier[local].value
        column: number
        system: file-number
      - to: Patient.name[birth].family
        column: name
        missing: omit
      - to: Patient.gender
        column: sex
        codes: gender
        missing: omit
"""
STAYS = """\
mapping: stays
version: 2
says: A stay, with what the ward adds.
reads: stays
extends: norm/stays
emits:
  - as: stay
    fields:
      - {to: Encounter.class, column: kind, codes: stay_kind}
      - {to: Encounter.length.value, drop: true}
      - {to: Encounter.subject, refers: patient, key: [person_number]}
      - {to: Encounter.serviceProvider, refers: organisation}
      - {to: "Encounter.location[ward].location", refers: unit, key: [ward]}
"""
STANDARD = """\
standard: norm
version: 1
says: Stays as the norm writes them.
tables:
  stays:
    says: One row per stay.
    format: delimited
    dialect: {delimiter: ","}
    key: [number]
    order: {column: changed}
    columns:
      number: {required: true}
      kind: {required: true}
      entry: {type: datetime, required: true}
      days: {type: integer, unread: true}
      changed: {type: datetime, required: true}
"""
NORM_STAYS = """\
mapping: stays
version: 1
says: A stay.
reads: stays
emits:
  - resource: Encounter
    as: stay
    key: [number]
    fields:
      - {to: Encounter.status, constant: finished}
      - {to: Encounter.class, column: kind, codes: kind}
      - {to: Encounter.length.value, column: days}
      - {to: Encounter.period.start, column: entry}
"""
STORIES = """\
says: A person has a name.
given:
  people: [{number: "1", name: SYNTHETIQUE, changed: "2024-01-01T08:00:00"}]
expect:
  resources:
    - {resource: Patient, as: patient, is: {name: [{family: SYNTHETIQUE}]}}
---
says: A sex that nobody knows stops the record.
given:
  people: [{number: "1", sex: Q, changed: "2024-01-01T08:00:00"}]
expect:
  none: [stay]
  stopped: [{table: people, row: 0, stage: map, reason: unknown-code, place: sex}]
"""
ORGANISATIONS = """\
code,name,kind,care,finess,category,region,jurisdiction,source
NORTH,Hôpital du Nord,hospital,yes,000100016,101,11,fr,ward
DESK,Coordination,care-coordination,yes,,,11,fr,
"""
TARGET = """\
target: desk
says: {fr: La coordination., en: The desk.}
recipient: {organisation: DESK, kind: care-coordination, jurisdiction: fr}
purpose: deliver
elements: {Patient: [id]}
"""
PATHWAY = """\
pathway: discharge
version: 1
jurisdiction: fr
says: {fr: Sortie, en: Discharge}
after: {kinds: [hospital], resource: Encounter, status: [finished], time: period.end}
expects:
  - follow_up: contact
    says: {fr: Contact, en: Contact}
    holds: {kinds: [csapa], resource: Encounter, status: [finished], time: period.start}
    over: [ins]
    windows: [{name: d7, first: 1, last: 7}]
"""
SUITE = """\
suite: named
says: People have names.
expectations:
  - {says: A name., type: expect_column_values_to_not_be_null, column: name, severity: warn}
"""
NAMING = "- {name: ins-nir, system: 'urn:oid:1.2.250.1.213.1.4.8', says: National identity.}\n"
CODES = "code,target,system,display,says\n"

FILES = {
    "mappings/sources/ward/source.yaml": SOURCE,
    "mappings/sources/ward/people.yaml": PEOPLE,
    "mappings/sources/ward/stays.yaml": STAYS,
    "mappings/sources/ward/units.csv": "code,name,kind,from,to\nA,Ward A,bed,,2024-06-30\nA,Ward A,day,2024-07-01,\n",
    "mappings/sources/ward/codes/stay_kind.csv": CODES + "1,IMP,http://terminology.hl7.org/CodeSystem/v3-ActCode,,\n",
    "mappings/sources/ward/examples/stories.yaml": STORIES,
    "mappings/standards/norm/standard.yaml": STANDARD,
    "mappings/standards/norm/stays.yaml": NORM_STAYS,
    "mappings/standards/norm/codes/kind.csv": CODES + "1,AMB,http://terminology.hl7.org/CodeSystem/v3-ActCode,,\n",
    "mappings/codes/gender.csv": CODES + "F,female,,,\nM,male,,,\n?,-,,,Nobody asked.\n",
    "mappings/directory/organisations.csv": ORGANISATIONS,
    "mappings/pathways/discharge.yaml": PATHWAY,
    "fhir/targets/desk.yaml": TARGET,
    "fhir/naming_systems.yaml": NAMING,
    "validation/suites/named.yaml": SUITE,
}
COPIED = ("validation/gate.yaml", "mappings/directory/regions.csv")
WARD = "mappings/sources/ward/source.yaml"


def write_house(root: Path, **more: str) -> Path:
    """The house below the root; `more` has texts of further files by path, or of the same paths instead."""
    texts = {path: (ROOT / path).read_text("utf-8") for path in COPIED} | FILES | more
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="")
    return root


def change(root: Path, path: str, *pairs: str) -> None:
    """In the file, each first text of a pair is replaced by the second; it stands there exactly once."""
    text = (root / path).read_text("utf-8")
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    (root / path).write_text(text, encoding="utf-8", newline="")


def problems_of(root: Path, **keywords) -> list[str]:
    """What is wrong with the house, sentence by sentence."""
    try:
        load_house(root, **keywords)
    except ContractError as wrong:
        return list(wrong.problems)
    return []
