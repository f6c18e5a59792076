"""Every kind of problem in contract files, and the sentence that is said about it."""

import pytest
from house_builder import CODES, WARD, change, problems_of, write_house

from passerelle.contracts.source import Dialect

PEOPLE = "mappings/sources/ward/people.yaml"
STAYS = "mappings/sources/ward/stays.yaml"
STORIES = "mappings/sources/ward/examples/stories.yaml"
UNITS = "mappings/sources/ward/units.csv"
STAY_KIND = "mappings/sources/ward/codes/stay_kind.csv"
STANDARD = "mappings/standards/norm/standard.yaml"
NORM_STAYS = "mappings/standards/norm/stays.yaml"
GENDER = "mappings/codes/gender.csv"
ORGANISATIONS = "mappings/directory/organisations.csv"
TARGET = "fhir/targets/desk.yaml"
PATHWAY = "mappings/pathways/discharge.yaml"
NAMING = "fhir/naming_systems.yaml"
SUITE = "validation/suites/named.yaml"
REGIONS = "mappings/directory/regions.csv"


@pytest.fixture
def root(tmp_path):
    return write_house(tmp_path)


def broken(path, old, new, sentence):
    return pytest.param(path, (old, new), sentence, id=sentence.partition(": ")[2][:70])


FORM = [
    broken(
        WARD,
        "owner: Ward office\n",
        "owner: [Ward office\n",
        f"{WARD}:4: is not YAML: expected ',' or ']', but got ':'",
    ),
    broken(
        WARD,
        "owner: Ward",
        "owner:\t- Ward",
        f"{WARD}:3: is not YAML: found character '\\t' that cannot start any token",
    ),
    broken(
        WARD,
        "owner: Ward office\n",
        "owner: a\nowner: b\n",
        f"{WARD}:4: `owner` is written twice; it is already on line 3",
    ),
    broken(WARD, "owner: Ward office", "owner: !person Ward office", f"{WARD}:3: tag !person is not read here"),
    broken(
        WARD,
        "connection: ward",
        "conection: ward",
        f"{WARD}:8: `conection` is not known here; did you mean 'connection'?",
    ),
    broken(WARD, "connection: ward\n", "", f"{WARD}:1: `connection` is missing"),
    broken(WARD, "connection: ward", "connection: 12", f"{WARD}:8: `connection` wants a text; write it in quotes"),
    broken(WARD, 'since: "2024-01-01"', "since: 2024", f"{WARD}:14: `since` wants a text; write it in quotes"),
    broken(WARD, 'since: "2024-01-01"', 'since: "2024"', f'{WARD}:14: `since` wants a day, in quotes: "2024-01-31"'),
    broken(
        WARD,
        "environment: test",
        "environment: tests",
        f"{WARD}:5: `environment` wants 'test' or 'production'; did you mean 'test'?",
    ),
    broken(
        WARD, "  people:\n", "  Persons:\n", f"{WARD}:16: `Persons` wants small letters, digits and _, a letter first"
    ),
    broken(
        WARD, "born: {type: date, ", "born: {typ: date, ", f"{WARD}:25: `typ` is not known here; did you mean 'type'?"
    ),
    broken(
        WARD,
        "born: {type: date, ",
        "born: {type: dates, ",
        f"{WARD}:25: `type` wants 'string', 'integer', 'decimal', 'boolean', 'date', 'datetime' or 'time'; "
        "did you mean 'date'?",
    ),
    broken(WARD, "key: [number]", "key: number", f"{WARD}:20: `key` wants a list"),
    broken(
        WARD,
        "order: {column: changed}",
        "order: changed",
        f"{WARD}:21: `order` wants names with a value each (`name: value`)",
    ),
    broken(
        WARD,
        "order: {column: changed}",
        "order: {column: changed, snapshot: true}",
        f"{WARD}:21: give exactly one of column, message, snapshot",
    ),
    broken(
        WARD,
        "complete: {marker: .ok}\n    key",
        "complete: {}\n    key",
        f"{WARD}:19: give exactly one of marker, manifest, stable_for",
    ),
    broken(PEOPLE, "version: 1", "version: one", f"{PEOPLE}:2: `version` wants a whole number"),
    broken(PEOPLE, "version: 1", "version: 0", f"{PEOPLE}:2: `version`: input should be greater than or equal to 1"),
    broken(PEOPLE, "    key: [number]", "    key: []", f"{PEOPLE}:8: `key` wants at least 1"),
    broken(
        PEOPLE,
        "        codes: gender",
        "        code: gender",
        f"{PEOPLE}:18: `code` is not known here; did you mean 'codes'?",
    ),
    broken(
        PEOPLE,
        "missing: omit\n      - to: Patient.gender",
        "missing: skip\n      - to: Patient.gender",
        f"{PEOPLE}:15: `missing` wants 'stop', 'omit' or 'absent-reason'",
    ),
    broken(
        PEOPLE,
        "        column: name\n",
        "        column: name\n        constant: X\n",
        f"{PEOPLE}:13: 'Patient.name[birth].family' wants exactly one of column, columns, constant, refers",
    ),
    broken(
        PEOPLE,
        "        column: name\n",
        "",
        f"{PEOPLE}:13: 'Patient.name[birth].family' wants exactly one of column, columns, constant, refers",
    ),
    broken(
        PEOPLE,
        "        column: name\n",
        "        column: name\n        key: [number]\n",
        f"{PEOPLE}:13: 'Patient.name[birth].family' has a `key` without `refers`",
    ),
    broken(
        PEOPLE,
        "        column: name\n",
        "        columns: [name, sex]\n",
        f"{PEOPLE}:13: 'Patient.name[birth].family' reads several columns and wants a `rule` that makes one value of them",
    ),
    broken(
        PEOPLE,
        "        codes: gender\n",
        "        codes: gender\n        keep: source\n",
        f"{PEOPLE}:16: 'Patient.gender' keeps the source's code, which wants `codes` and the `system` of the source",
    ),
    broken(
        PEOPLE,
        "        column: name\n",
        "        constant: X\n        rule: upper\n",
        f"{PEOPLE}:13: 'Patient.name[birth].family' is constant and takes neither `rule` nor `codes`",
    ),
    broken(
        PEOPLE,
        "name[birth]",
        "name[0]",
        f"{PEOPLE}:13: 'Patient.name[0].family' has an index; the bracket is a label, for example [official]",
    ),
    broken(
        PEOPLE,
        "to: Patient.gender",
        "to: gender",
        f"{PEOPLE}:16: 'gender' is not a path such as Patient.identifier[ins].value",
    ),
    broken(
        PEOPLE,
        "as: patient\n",
        "as: patient\n    present: {colum: name}\n",
        f"{PEOPLE}:8: `colum` is not known here; did you mean 'column'?",
    ),
    broken(
        STORIES,
        "expect:\n  none",
        "expects:\n  none",
        f"{STORIES}:11: `expects` is not known here; did you mean 'expect'?",
    ),
    broken(
        STORIES,
        "reason: unknown-code",
        "reason: unknown-kode",
        f"{STORIES}:13: `reason` is not one of the names it may have; did you mean 'unknown-code'?",
    ),
    broken(
        STORIES,
        "  none: [stay]\n  stopped: [{table: people, row: 0, stage: map, reason: unknown-code, place: sex}]\n",
        "  none: []\n",
        f"{STORIES}:11: `expect` wants at least one of resources, none, stopped, findings",
    ),
    broken(GENDER, "M,male,,,", "M,male", f"{GENDER}:3: has 2 cells; the header has 5"),
    broken(GENDER, "code,target", "code;target", f"{GENDER}:1: the header is not code,target,system,display,says"),
    broken(GENDER, "M,male,,,", "F,male,,,", f"{GENDER}:3: code 'F' is written twice; it is already on line 2"),
    broken(GENDER, "M,male,,,", "M,,,,", f"{GENDER}:3: `target` is empty; `-` as a target means nothing here"),
    broken(GENDER, "M,male,,,", ",male,,,", f"{GENDER}:3: `code` is empty; `-` as a target means nothing here"),
    broken(
        GENDER, "?,-,,,", "?,-,urn:x,,", f"{GENDER}:4: code '?' means nothing here and has no system and no display"
    ),
    broken(
        GENDER,
        "M,male,,,",
        "M,male,ins-nia,,",
        f"{GENDER}:3: system 'ins-nia' is neither a URI nor a declared name; did you mean 'ins-nir'?",
    ),
    broken(GENDER, "M,male,,,", 'M,"male,,,', f"{GENDER}:4: is not CSV: unexpected end of data"),
    broken(UNITS, "2024-07-01,", "2024-06-30,", f"{UNITS}:3: unit 'A' is written twice for the same days"),
    broken(UNITS, ",,2024-06-30", ",2024-07-01,2024-06-30", f"{UNITS}:2: `to` must not be before `from`"),
    broken(
        ORGANISATIONS,
        "NORTH,",
        "DESK,",
        f"{ORGANISATIONS}:3: code 'DESK' is written twice; it is already at {ORGANISATIONS}:2",
    ),
    broken(ORGANISATIONS, "hospital,yes", "hospital,maybe", f"{ORGANISATIONS}:2: `care` wants true or false"),
    broken(REGIONS, "76,Occitanie", "75,Occitanie", f"{REGIONS}:16: code '75' is written twice"),
    broken(
        NAMING, "name: ins-nir,", "name: INS,", f"{NAMING}:1: `name` wants small letters, digits and -, a letter first"
    ),
    broken(NAMING, "- {name", "systems: {name", f"{NAMING}:1: wants a list of `name`, `system`, `says`"),
    broken(
        SUITE,
        "suite: named",
        "suite: naming",
        f"{SUITE}:1: `suite: naming` lies in named.yaml; file and name are the same",
    ),
    broken(
        SUITE,
        "values_to_not_be_null",
        "value_to_not_be_null",
        f"{SUITE}:4: expectation 'expect_column_value_to_not_be_null' is not known; "
        "did you mean 'expect_column_values_to_not_be_null'?",
    ),
    broken(
        STANDARD, "standard: norm", "standard: form", f"{STANDARD}:1: `standard` is not the name of its folder, 'norm'"
    ),
]

SOURCES = [
    broken(WARD, "source: ward", "source: wart", f"{WARD}:1: `source` is not the name of its folder, 'ward'"),
    broken(
        WARD,
        "extends: [norm]",
        "extends: [nor]",
        f"{WARD}:10: 'nor' is not a standard in mappings/standards; did you mean 'norm'?",
    ),
    broken(
        WARD,
        'schedule: "30 4 * * *"',
        "schedule: daily",
        f"{WARD}:9: `schedule` wants five fields (minute hour day month weekday), or @daily and its like",
    ),
    broken(
        WARD,
        "extends: [norm]",
        "extends: [norm]\ntime_zone: Europe/Lutetia",
        f"{WARD}:11: `time_zone: Europe/Lutetia` is not a zone such as Europe/Paris",
    ),
    broken(
        WARD, '"000100016"', '"00010001"', f"{WARD}:7: `finess` wants nine characters, the first two the department"
    ),
    broken(WARD, "kind: hospital", "kind: csapa", f"{WARD}:6: `kind` is not what the directory says of 'NORTH'"),
    broken(
        WARD,
        "kind: hospital",
        "kind: caarud",
        f"{WARD}:6: a caarud is anonymous by law (CSP L3411-9) and wants `anonymous: true`",
    ),
    broken(
        WARD,
        "kind: hospital,",
        "kind: hospital, anonymous: true,",
        f"{WARD}:20: an anonymous source has no key that identifies a person; 'number' is `identity: true`",
    ),
    broken(
        WARD,
        "kind: hospital,",
        "kind: hospital, anonymous: true,",
        f"{WARD}:34: an anonymous source has no key that identifies a person; 'person_number' is `identity: true`",
    ),
    broken(
        WARD, "kind: hospital,", "kind: hospital, anonymous: true,", f"{PEOPLE}:6: an anonymous source emits no Patient"
    ),
    broken(
        WARD,
        "kind: hospital,",
        "kind: hospital, anonymous: true,",
        f"{PEOPLE}:8: an anonymous source makes no id of 'number', which is `identity: true`",
    ),
    broken(WARD, "    files: people_*.csv\n", "", f"{WARD}:16: table 'people' is delimited and wants `files`"),
    broken(WARD, "format: delimited", "format: sql", f"{WARD}:16: table 'people' is sql and wants `sql`"),
    broken(WARD, "format: delimited", "format: sql", f"{WARD}:18: a table of format sql has no `files`"),
    broken(WARD, "{column: changed}", "{message: true}", f"{WARD}:21: only hl7v2 messages are ordered by `message`"),
    broken(WARD, "    key: [number]\n", "", f"{WARD}:16: table 'people' wants a `key`: the columns that name a record"),
    broken(
        WARD,
        "key: [number]",
        "key: [numbr]",
        f"{WARD}:20: 'numbr' is not a column of table 'people'; did you mean 'number'?",
    ),
    broken(
        WARD,
        "{column: changed}",
        "{column: change}",
        f"{WARD}:21: 'change' is not a column of table 'people'; did you mean 'changed'?",
    ),
    broken(
        WARD,
        "    key: [number]\n",
        "    key: [number]\n    deleted: {column: gone, values: [Y]}\n",
        f"{WARD}:21: 'gone' is not a column of table 'people'",
    ),
    broken(
        WARD,
        "    key: [number]\n",
        "    key: [number]\n    scope: {column: sex}\n",
        f"{WARD}:21: `scope` wants `among` or `units: true`; else nothing is in scope",
    ),
    broken(WARD, "sex: {}", "sex: {format: x}", f"{WARD}:26: column 'sex' is of type string and takes no `format`"),
    broken(
        WARD, "sex: {}", "sex: {true: [M]}", f"{WARD}:26: column 'sex' is of type string and takes no `true` or `false`"
    ),
    broken(
        WARD,
        "sex: {}",
        "sex: {type: boolean, true: [M, F], false: [F]}",
        f"{WARD}:26: column 'sex' wants both `true` and `false`, with no text in both",
    ),
    broken(
        WARD, "sex: {}", "sex: {path: '@ends'}", f"{WARD}:26: path '@ends' is filled by nobody; did you mean '@end'?"
    ),
    broken(
        WARD,
        "sex: {}",
        "sex: {path: '@end'}",
        f"{WARD}:26: path '@end' is filled by a fold `by: pam_stay`; the table has none",
    ),
    broken(
        WARD,
        "{table: people, on",
        "{table: peple, on",
        f"{WARD}:34: 'peple' is not a table of this source; did you mean 'people'?",
    ),
    broken(
        WARD,
        "{person_number: number}",
        "{persn_number: number}",
        f"{WARD}:34: 'persn_number' is not a column of table 'stays'; did you mean 'person_number'?",
    ),
    broken(
        WARD,
        "{person_number: number}",
        "{person_number: name}",
        f"{WARD}:34: `on` wants one column for each of the key of table 'people': number",
    ),
    broken(
        WARD,
        "number: {required: true, identity: true}\n      name",
        "number: {type: integer, required: true, identity: true}\n      name",
        f"{WARD}:34: 'stays.person_number' is of type string and 'people.number' of type integer; keys of two types never meet",
    ),
    broken(
        WARD,
        "{table: people, on: {person_number: number}}\n",
        "{table: people, on: {person_number: number}}\n      again: {table: people, on: {person_number: number}}\n",
        f"{WARD}:35: table 'people' is already parent 'person'; once is read",
    ),
    broken(
        WARD,
        "{table: people, on: {person_number: number}}\n",
        "{table: people, on: {person_number: number}}\n      before: {table: stays, on: {ward: number}}\n",
        f"{WARD}:33: records of table 'stays' would wait for records of the same table, and what stands would depend on "
        "the order in which records come; leave out a parent, or let one table alone read what the other lists",
    ),
    broken(
        WARD,
        "    key: [number]\n    order: {column: changed}\n",
        "    key: [number]\n    parents: {stay: {table: stays, on: {name: number}}}\n    order: {column: changed}\n",
        f"{WARD}:21: tables 'people', 'stays' wait for one another, and what stands would depend on the order in which "
        "records come; leave out a parent, or let one table alone read what the other lists",
    ),
    broken(
        WARD,
        "    parents:\n",
        "    repeats: {ward: {path: x, fields: {a: b}}}\n    parents:\n",
        f"{WARD}:33: 'ward' is also a column of table 'stays'",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    repeats: {stay: {table: stays, on: {person_number: number}}}\n    expectations:\n",
        f"{WARD}:28: a child table wants `order`: the columns that order the occurrences",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    repeats: {stay: {table: stays, on: {ward: number}, order: [entr]}}\n    expectations:\n",
        f"{WARD}:28: 'entr' is not a column of table 'stays'; did you mean 'entry'?",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    repeats: {stay: {table: stays, on: {ward: number}, order: [entry]}}\n    expectations:\n",
        f"{WARD}:28: `on` differs from that of the parent 'people' in table 'stays'",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    repeats: {names: {columns: [{one: name}, {two: sex}]}}\n    expectations:\n",
        f"{WARD}:28: every occurrence of repetition 'names' wants the same fields",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    repeats: {names: {columns: [{position: name}]}}\n    expectations:\n",
        f"{WARD}:28: 'position' is the place of the occurrence, counted by us",
    ),
    broken(
        WARD,
        "    expectations:\n",
        "    folds: {all: {key: [nobody], by: pam_stay}}\n    expectations:\n",
        f"{WARD}:28: `by: pam_stay` folds hl7v2 messages",
    ),
    broken(
        WARD,
        "use: [named]",
        "use: [name]",
        f"{WARD}:29: 'name' is not a suite of validation/suites; did you mean 'named'?",
    ),
    broken(
        WARD,
        "      name: {identity: true}\n",
        "",
        f"{WARD}:28: suite 'named': column 'name' is not a column of the table; did you mean 'number'?",
    ),
    broken(
        WARD,
        "      use: [named]\n",
        "      own:\n        - {says: X, type: expect_column_values_to_be_null, column: sx, severity: warn}\n",
        f"{WARD}:30: column 'sx' is not a column of the table; did you mean 'sex'?",
    ),
    broken(
        WARD,
        "NamingSystem/ward-file",
        "NamingSystem/ward-file}\n  ins-nir: {system: 'urn:x:y'",
        f"{WARD}:13: `ins-nir` is already a name of fhir/naming_systems.yaml",
    ),
    broken(
        WARD,
        "https://passerelle.example/fhir/NamingSystem/ward-file",
        "urn:oid:1.2.250.1.213.1.4.8",
        f"{WARD}:12: this system is already `ins-nir` of fhir/naming_systems.yaml",
    ),
    broken(
        WARD,
        "environment: test",
        "environment: production\ncoverage: []",
        f"{WARD}:14: `coverage` is written twice; it is already on line 6",
    ),
]

MAPPINGS = [
    broken(
        PEOPLE,
        "reads: people",
        "reads: peoples",
        f"{PEOPLE}:4: 'peoples' is not a table of this source; did you mean 'people'?",
    ),
    broken(PEOPLE, "reads: people", "reads: people\nfold: stay", f"{PEOPLE}:5: 'stay' is not a fold of table 'people'"),
    broken(PEOPLE, "as: patient", "as: stay", f"{STAYS}:7: label 'stay' is emitted twice, also at {PEOPLE}:7"),
    broken(PEOPLE, "as: patient", "as: unit", f"{PEOPLE}:7: label 'unit' belongs to the directory; choose another"),
    broken(
        PEOPLE,
        "key: [number]",
        "key: [numbers]",
        f"{PEOPLE}:8: 'numbers' is not a column that a mapping of table 'people' may read here; did you mean 'number'?",
    ),
    broken(
        PEOPLE,
        "column: sex",
        "column: person.sex",
        f"{PEOPLE}:16: 'person.sex' is not a column that a mapping of table 'people' may read here",
    ),
    broken(
        WARD,
        "sex: {}",
        "sex: {unread: true}",
        f"{PEOPLE}:16: column 'sex' is `unread: true` in source.yaml and is read here",
    ),
    broken(
        PEOPLE,
        "codes: gender",
        "codes: genders",
        f"{PEOPLE}:18: code list 'genders' does not exist; did you mean 'gender'?",
    ),
    broken(
        PEOPLE,
        "system: file-number",
        "system: file_number",
        f"{PEOPLE}:12: system 'file_number' is neither a URI nor a declared name; did you mean 'file-number'?",
    ),
    broken(
        PEOPLE,
        "to: Patient.gender",
        "to: Person.gender",
        f"{PEOPLE}:16: 'Person.gender' does not begin with Patient, which is emitted here",
    ),
    broken(
        PEOPLE,
        "to: Patient.gender",
        "to: Patient.name[birth].family",
        f"{PEOPLE}:16: 'Patient.name[birth].family' is written twice; it is already at {PEOPLE}:13",
    ),
    broken(
        PEOPLE,
        "        column: sex\n",
        "        column: sex\n        drop: true\n",
        f"{PEOPLE}:16: `drop` leaves out a line of a standard; this mapping extends none",
    ),
    broken(
        PEOPLE,
        "    key: [number]\n",
        "    key: [number]\n    each: names\n",
        f"{PEOPLE}:9: 'names' is not a repetition of table 'people'",
    ),
    broken(
        PEOPLE,
        "    key: [number]\n",
        "    key: [number]\n    only: {sexe: F}\n",
        f"{PEOPLE}:9: 'sexe' is not a column that a mapping of table 'people' may read here; did you mean 'sex'?",
    ),
    broken(
        PEOPLE,
        "    key: [number]\n",
        "    key: [number]\n    present: {column: sex, codes: gendre}\n",
        f"{PEOPLE}:9: code list 'gendre' does not exist; did you mean 'gender'?",
    ),
    broken(
        STAYS,
        "refers: patient",
        "refers: patients",
        f"{STAYS}:11: 'patients' is not a label that this source emits; did you mean 'patient'?",
    ),
    broken(
        STAYS,
        "key: [person_number]",
        "key: [person_number, number]",
        f"{STAYS}:11: 'patient' has the key number; `key` wants 1",
    ),
    broken(
        STAYS,
        "key: [person_number]",
        "key: [days]",
        f"{STAYS}:11: 'days' is of type integer; the key of 'patient' is of type string and never meets it",
    ),
    broken(
        STAYS,
        "refers: organisation}",
        "refers: organisation, key: [ward, number]}",
        f"{STAYS}:12: an organisation is named by one column, or by none: the source's own",
    ),
    broken(
        STAYS,
        "refers: organisation}",
        "refers: organisation, key: [ward], codes: stay_kind}",
        f"{STAY_KIND}:2: target 'IMP' is not in mappings/directory/organisations.csv",
    ),
    broken(STAYS, "key: [ward]", "key: []", f"{STAYS}:13: a unit is named by one column: `key` wants one"),
    broken(
        STAYS,
        "extends: norm/stays",
        "extends: norm/stay",
        f"{STAYS}:5: 'norm/stay' is not a mapping of the standards this source extends; did you mean 'norm/stays'?",
    ),
    broken(
        STAYS,
        "extends: norm/stays\n",
        "",
        f"{STAYS}:1: mapping 'stays' is also in {NORM_STAYS}; one of them wants another name",
    ),
    broken(
        STAYS,
        "Encounter.length.value, drop",
        "Encounter.length.valu, drop",
        f"{STAYS}:10: `to: Encounter.length.valu` is not in the standard; did you mean 'Encounter.length.value'?",
    ),
]

STORIES_AND_SHARED = [
    broken(
        STORIES,
        '  people: [{number: "1", name',
        '  peple: [{number: "1", name',
        f"{STORIES}:3: 'peple' is not a table of this source; did you mean 'people'?",
    ),
    broken(
        STORIES,
        "name: SYNTHETIQUE, c",
        "nam: SYNTHETIQUE, c",
        f"{STORIES}:3: 'nam' is not a column of table 'people'; did you mean 'name'?",
    ),
    broken(
        STORIES,
        '{number: "1", name',
        "{number: 1, name",
        f"{STORIES}:3: `number` wants a text, as the file has it; write it in quotes",
    ),
    broken(
        STORIES,
        "as: patient,",
        "as: patients,",
        f"{STORIES}:6: 'patients' is not a label that this source emits; did you mean 'patient'?",
    ),
    broken(
        STORIES,
        "resource: Patient",
        "resource: Person",
        f"{STORIES}:6: label 'patient' is emitted as Patient, not Person",
    ),
    broken(
        STORIES,
        "none: [stay]",
        "none: [stays]",
        f"{STORIES}:12: 'stays' is not a label that this source emits; did you mean 'stay'?",
    ),
    broken(
        STORIES,
        "row: 0",
        "row: 1",
        f"{STORIES}:13: table 'people' is given 1 row(s); row 1, counted from 0, is not there",
    ),
    broken(
        STORIES,
        "A sex that nobody knows stops the record.",
        "A person has a name.",
        f"{STORIES}:8: this story is already told at {STORIES}:1",
    ),
    broken(
        TARGET,
        "organisation: DESK",
        "organisation: DESC",
        f"{TARGET}:3: 'DESC' is not an organisation of mappings/directory/organisations.csv; did you mean 'DESK'?",
    ),
    broken(
        TARGET,
        "kind: care-coordination",
        "kind: csapa",
        f"{TARGET}:3: `kind` is 'csapa'; the directory says 'care-coordination' of 'DESK'",
    ),
    broken(
        ORGANISATIONS,
        "101,11,fr,ward",
        "101,12,fr,ward",
        f"{ORGANISATIONS}:2: region '12' is not in mappings/directory/regions.csv",
    ),
    broken(
        ORGANISATIONS,
        ",11,fr,ward",
        ",11,fr,wart",
        f"{ORGANISATIONS}:2: 'wart' is not a folder of mappings/sources; did you mean 'ward'?",
    ),
    broken(
        ORGANISATIONS,
        "yes,,,11,fr,\n",
        "yes,,,11,fr,ward\n",
        f"{ORGANISATIONS}:3: source 'ward' speaks for 'NORTH' already",
    ),
    broken(
        PATHWAY,
        "holds: {kinds: [csapa]",
        "holds: {kinds: [cspa]",
        f"{PATHWAY}:9: `kinds` is not one of the names it may have; did you mean 'csapa'?",
    ),
    broken(PATHWAY, "last: 7}", "last: 0}", f"{PATHWAY}:11: last must not be before first"),
    broken(
        PATHWAY,
        "last: 7}]",
        "last: 7}, {name: d7, first: 1, last: 9}]",
        f"{PATHWAY}:11: `name: d7` is written twice",
    ),
]


@pytest.mark.parametrize(("path", "pair", "sentence"), [*FORM, *SOURCES, *MAPPINGS, *STORIES_AND_SHARED])
def test_a_problem_is_said_with_file_line_and_the_nearest_right_name(root, path, pair, sentence):
    change(root, path, *pair)

    told = problems_of(root)

    assert sentence in told


def test_all_problems_of_all_files_are_said_at_once_in_the_order_of_files_and_lines(root):
    change(root, WARD, "connection: ward", "conection: ward", "owner: Ward office\n", "")
    change(root, PEOPLE, "version: 1", "version: one")
    change(root, GENDER, "M,male,,,", "M,,,,")
    change(root, TARGET, "purpose: deliver", "purpose: link")

    assert [
        "fhir/targets/desk.yaml:4: `purpose` wants 'deliver' or 'statistics'",
        "mappings/codes/gender.csv:3: `target` is empty; `-` as a target means nothing here",
        "mappings/sources/ward/people.yaml:2: `version` wants a whole number",
        "mappings/sources/ward/source.yaml:1: `connection` is missing",
        "mappings/sources/ward/source.yaml:1: `owner` is missing",
        "mappings/sources/ward/source.yaml:7: `conection` is not known here; did you mean 'connection'?",
    ] == problems_of(root)


def test_a_problem_in_what_a_standard_gives_is_said_once_at_its_own_line(root):
    change(root, STANDARD, "kind: {required: true}", "kind: {requird: true}")

    assert [f"{STANDARD}:13: `requird` is not known here; did you mean 'required'?"] == problems_of(root)


def test_a_standard_without_its_head_is_missed(root):
    (root / STANDARD).unlink()

    assert f"{STANDARD}: is missing" in problems_of(root)


def test_a_folder_without_source_yaml_is_missed(root):
    (root / WARD).unlink()

    assert f"{WARD}: is missing" in problems_of(root)


def test_an_empty_file_is_missed(root):
    (root / PEOPLE).write_text("", "utf-8")

    assert f"{PEOPLE}: is empty" in problems_of(root)


def test_a_second_document_is_refused_where_one_is_wanted(root):
    change(root, PEOPLE, "emits:\n", "---\nemits:\n")

    assert f"{PEOPLE}:6: holds a second document; this file wants one" in problems_of(root)


@pytest.mark.parametrize("path", [PEOPLE, GENDER])
def test_bytes_that_are_not_utf_8_are_told_by_their_line(root, path):
    (root / path).write_bytes(b"# one\n# caf\xe9\n")

    assert f"{path}:2: is not UTF-8" in problems_of(root)


def test_two_sources_do_not_declare_the_same_local_system(root):
    other = root / "mappings/sources/other"
    other.mkdir()
    text = (root / WARD).read_text("utf-8")
    (other / "source.yaml").write_text(text.replace("source: ward", "source: other"), "utf-8")

    assert (
        "mappings/sources/ward/source.yaml:12: source 'other' declares this system too; what several sources speak of "
        "belongs in fhir/naming_systems.yaml"
    ) in problems_of(root)


def test_a_production_source_says_whom_it_covers_and_what_it_is(root):
    change(root, WARD, "environment: test", "environment: production", "kind: hospital", "kind: test")
    text = (root / WARD).read_text("utf-8")
    start = text.index("coverage:")
    (root / WARD).write_text(text[:start] + text[text.index("tables:") :], "utf-8")

    told = problems_of(root)

    assert f"{WARD}:1: a production source says whom it would know of: `coverage` is missing" in told
    assert f"{WARD}:6: a production source has a legal kind of its own, not test" in told


def test_no_problem_shows_a_path_of_the_machine(root):
    (root / WARD).write_text("source: [", "utf-8")

    assert not any(str(root) in one for one in problems_of(root))


@pytest.mark.parametrize("written", ["%d/%m/%Y %H:%M", "%y%m%d", "%Y-%m-%d %I:%M %p", "%m/%Y"])
def test_the_cursor_of_a_database_sorts_as_it_is_written(root, written):
    change(root, WARD, "changed: {type: datetime,", f"changed: {{type: datetime, format: '{written}',")
    change(
        root,
        WARD,
        "format: delimited\n    files: people_*.csv\n    complete: {marker: .ok}",
        "format: sql\n    sql: {table: people, key: [number]}",
    )

    assert any(
        one.startswith(f"{WARD}:26: `format: {written}` does not sort as a text, and column 'changed' orders the rows")
        for one in problems_of(root)
    )


@pytest.mark.parametrize("written", ["%Y%m%d%H%M%S", "%d/%m/%Y"])
def test_any_format_orders_files_and_one_that_sorts_a_database(root, written):
    change(root, WARD, "changed: {type: datetime,", f"changed: {{type: datetime, format: '{written}',")
    if written.startswith("%Y"):
        change(
            root,
            WARD,
            "format: delimited\n    files: people_*.csv\n    complete: {marker: .ok}",
            "format: sql\n    sql: {table: people, key: [number]}",
        )

    assert not any("does not sort" in one for one in problems_of(root))


@pytest.mark.parametrize(
    "name", ["nope", "rot13", "punycode", "utf-16", "unicode_escape", "utf-7", "idna", "utf-8-sig", "hex", ""]
)
def test_a_charset_is_an_encoding_of_text(root, name):
    change(root, WARD, "    files: people_*.csv\n", f"    files: people_*.csv\n    dialect: {{charset: '{name}'}}\n")

    (told,) = [one for one in problems_of(root) if "charset" in one]
    assert told.startswith(f"{WARD}:19: ")
    assert "wants one of utf-8, ascii, iso8859-1" in told


def test_a_charset_may_be_called_by_another_of_its_names():
    assert ["iso8859-1", "cp1252", "utf-8"] == [
        Dialect.model_validate({"charset": name}).charset for name in ("Latin-1", "windows-1252", "UTF8")
    ]


def test_an_hl7v2_table_wants_messages_and_folds(root):
    change(
        root,
        WARD,
        "tables:\n",
        "tables:\n"
        "  adt:\n"
        "    format: hl7v2\n"
        "    files: '*.hl7'\n"
        "    order: {message: true}\n"
        "    messages: {events: [A01, A03]}\n"
        "    columns: {ipp: {path: '@ipp'}, end: {path: '@end'}}\n",
    )

    assert [
        f"{WARD}:16: table 'adt' is hl7v2 and wants `folds`: under which key messages meet",
        f"{WARD}:21: path '@end' is filled by a fold `by: pam_stay`; the table has none",
    ] == problems_of(root)


def test_a_fold_takes_events_that_are_read(root):
    change(
        root,
        WARD,
        "tables:\n",
        "tables:\n"
        "  adt:\n"
        "    format: hl7v2\n"
        "    files: '*.hl7'\n"
        "    order: {message: true}\n"
        "    messages: {events: [A01, A03]}\n"
        "    columns: {ipp: {path: '@ipp'}}\n"
        "    folds: {key: {key: [ipp], events: [A02]}}\n",
    )

    assert [
        f"{WARD}:22: a fold is not called `key`, which is the table's own",
        f"{WARD}:22: event 'A02' is not among `messages.events`; did you mean 'A03'?",
    ] == sorted(problems_of(root))


def test_a_code_list_may_hold_a_code_with_commas_and_line_ends(root):
    (root / GENDER).write_text(CODES + '"F, said\nby hand",female,,,\nM,,,,\n', "utf-8")

    assert [f"{GENDER}:4: `target` is empty; `-` as a target means nothing here"] == problems_of(root)
