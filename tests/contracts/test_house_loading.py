"""A house that is right is read as it is written: extended, hashed, kept, and read again from what was kept."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from house_builder import CODES, ROOT, SOURCE, WARD, change, problems_of, write_house

from passerelle.contracts.code_list import CodeTarget
from passerelle.contracts.house import (
    contracts_bytes,
    list_source_names,
    load_folder,
    load_house,
    load_house_from_bytes,
    read_schedule,
)
from passerelle.errors import ContractError, UsageError


@pytest.fixture
def root(tmp_path):
    return write_house(tmp_path)


def test_the_small_house_is_right(root):
    assert [] == problems_of(root)


def test_the_house_of_this_repository_is_right():
    assert [] == problems_of(ROOT)


def test_a_house_holds_what_its_files_say(root):
    house = load_house(root)

    assert ["ward"] == list(house.sources)
    assert {} == house.linted
    assert ["named"] == list(house.suites)
    assert ["discharge"] == list(house.pathways)
    assert ["desk"] == list(house.targets)
    assert {"ins-nir": "urn:oid:1.2.250.1.213.1.4.8"} == house.naming
    assert ("Hôpital du Nord", "ward") == (house.organisations["NORTH"].name, house.organisations["NORTH"].source)
    assert "Île-de-France" == house.regions["11"].name
    assert "gate" == house.gate.table


def test_a_table_lies_over_that_of_its_standard(root):
    table = load_folder(root, "ward").source.tables["stays"]

    assert "One row per stay." == table.says
    assert "," == table.dialect.delimiter
    assert "stays_*.csv" == table.files
    assert ["number", "kind", "entry", "days", "changed", "person_number", "ward"] == list(table.columns)


def test_an_empty_value_drops_what_a_standard_gives(root):
    change(root, WARD, "      ward: {}\n", "      ward: {}\n      days:\n")

    assert "days" not in load_folder(root, "ward").source.tables["stays"].columns


def test_a_table_that_a_source_drops_takes_the_mappings_of_its_standard_with_it(root):
    (root / "mappings/sources/ward/stays.yaml").unlink()
    start = SOURCE.index("  stays:\n")
    (root / WARD).write_text(SOURCE[:start] + "  stays:\n", "utf-8")
    change(root, "mappings/sources/ward/examples/stories.yaml", "  none: [stay]\n", "")

    folder = load_folder(root, "ward")

    assert ["people"] == list(folder.source.tables)
    assert ["people"] == [one.mapping for one in folder.mappings]


def test_an_unchanged_mapping_of_a_standard_is_used_as_it_is(root):
    (root / "mappings/sources/ward/stays.yaml").unlink()
    change(root, "mappings/standards/norm/standard.yaml", "type: integer, unread: true", "type: integer")

    (mapping,) = [one for one in load_folder(root, "ward").mappings if one.mapping == "stays"]

    assert 1 == mapping.version
    assert 4 == len(mapping.emits[0].fields)


def test_fields_are_replaced_added_and_dropped_by_their_path(root):
    (mapping,) = [one for one in load_folder(root, "ward").mappings if one.mapping == "stays"]

    assert (2, "A stay, with what the ward adds.") == (mapping.version, mapping.says)
    (stay,) = mapping.emits
    assert ("Encounter", ("number",)) == (stay.resource, stay.key)
    assert [
        ("Encounter.status", None),
        ("Encounter.class", "stay_kind"),
        ("Encounter.period.start", None),
        ("Encounter.subject", None),
        ("Encounter.serviceProvider", None),
        ("Encounter.location[ward].location", None),
    ] == [(line.to, line.codes) for line in stay.fields]


def test_a_resource_of_a_standard_is_dropped_by_its_label(root):
    change(
        root,
        "mappings/sources/ward/stays.yaml",
        "emits:\n",
        "emits:\n  - {resource: Flag, as: flag, key: [number], fields: [{to: Flag.status, constant: active}]}\n",
    )
    text = (root / "mappings/sources/ward/stays.yaml").read_text("utf-8")
    (root / "mappings/sources/ward/stays.yaml").write_text(
        text[: text.index("  - as: stay")] + "  - {as: stay, drop: true}\n"
    )
    change(root, "mappings/sources/ward/examples/stories.yaml", "none: [stay]", "none: [flag]")

    (mapping,) = [one for one in load_folder(root, "ward").mappings if one.mapping == "stays"]

    assert ["flag"] == [emit.as_ for emit in mapping.emits]


def test_code_lists_are_found_in_the_source_then_its_standards_then_the_shared(root):
    path = root / "mappings/sources/ward/codes/gender.csv"
    before = load_folder(root, "ward").code_lists
    path.write_text(CODES + "1,male,,,\n", "utf-8")
    after = load_folder(root, "ward").code_lists

    assert ["gender", "kind", "stay_kind"] == sorted(before)
    assert {"F": CodeTarget("female", "", ""), "M": CodeTarget("male", "", ""), "?": None} == before["gender"].rows
    assert {"1": CodeTarget("male", "", "")} == after["gender"].rows


def test_a_system_of_a_code_list_may_be_a_declared_name(root):
    path = root / "mappings/sources/ward/codes/stay_kind.csv"
    path.write_text(CODES + "1,IMP,file-number,,\n", "utf-8")

    rows = load_folder(root, "ward").code_lists["stay_kind"].rows

    assert "https://passerelle.example/fhir/NamingSystem/ward-file" == rows["1"].system


def test_units_keep_every_span_of_days_of_their_code(root):
    units = load_folder(root, "ward").units

    assert [("bed", None, "2024-06-30"), ("day", "2024-07-01", None)] == [
        (one.kind, *(day and day.isoformat() for day in (one.valid_from, one.valid_to))) for one in units["A"]
    ]


def test_stories_keep_the_order_of_their_files_and_documents(root):
    assert ["A person has a name.", "A sex that nobody knows stops the record."] == [
        story.says for story in load_folder(root, "ward").stories
    ]


@pytest.mark.parametrize(
    ("loc", "expected"),
    [
        (("people",), "mappings/sources/ward/people.yaml"),
        (("people", "patient"), "mappings/sources/ward/people.yaml:6"),
        (("people", "patient", 0), "mappings/sources/ward/people.yaml:10"),
        (("people", "patient", 2, "codes"), "mappings/sources/ward/people.yaml:18"),
        (("stays", "stay", 0), "mappings/standards/norm/stays.yaml:10"),
        (("stays", "stay", 1), "mappings/sources/ward/stays.yaml:9"),
        (("stays", "stay", 2), "mappings/standards/norm/stays.yaml:13"),
        (("stays", "stay", 3), "mappings/sources/ward/stays.yaml:11"),
    ],
)
def test_every_field_knows_the_file_and_line_it_came_from(root, loc, expected):
    assert expected == load_folder(root, "ward").line_of(*loc)


def test_every_part_of_a_source_knows_the_file_and_line_it_came_from(root):
    lines = load_folder(root, "ward").lines

    assert "mappings/sources/ward/source.yaml:30" == str(lines.of_source("tables", "stays"))
    assert "mappings/standards/norm/standard.yaml:10" == str(lines.of_source("tables", "stays", "order"))
    assert "mappings/sources/ward/examples/stories.yaml:8" == str(lines.of_story(1, "says"))


def test_a_source_of_another_jurisdiction_is_read_and_not_run(root):
    change(root, WARD, "jurisdiction: fr", "jurisdiction: be")
    change(root, "mappings/directory/organisations.csv", "101,11,fr,ward", "101,11,be,ward")

    house = load_house(root)

    assert ([], ["ward"]) == (list(house.sources), list(house.linted))
    assert ["DESK"] == list(house.organisations)
    assert ["ward"] == list(load_house(root, jurisdiction="be").sources)


def test_a_house_without_any_source_is_a_house(tmp_path):
    (tmp_path / "validation").mkdir()
    (tmp_path / "validation/gate.yaml").write_text((ROOT / "validation/gate.yaml").read_text("utf-8"), "utf-8")

    assert {} == load_house(tmp_path).sources


def test_a_house_without_its_gate_does_not_run(tmp_path):
    (tmp_path / "validation").mkdir()
    assert ["validation/gate.yaml: is missing; a house without its sharing gate does not run"] == problems_of(tmp_path)


def test_a_folder_is_read_though_its_neighbour_is_broken(root):
    other = root / "mappings/sources/other"
    other.mkdir()
    (other / "source.yaml").write_text("source: [", "utf-8")

    assert "ward" == load_folder(root, "ward").name
    assert ["ward"] == list(load_house(root, only=["ward"]).sources)
    with pytest.raises(ContractError) as raised:
        load_folder(root, "other")
    assert [
        "mappings/sources/other/source.yaml:1: is not YAML: expected the node content, but found '<stream end>'"
    ] == list(raised.value.problems)


def test_a_source_that_has_no_folder_is_a_wrong_command(root):
    with pytest.raises(UsageError) as raised:
        load_folder(root, "wart")

    assert "there is no source 'wart' in mappings/sources; did you mean 'ward'?" == str(raised.value)


def digest(root: Path) -> str:
    return load_folder(root, "ward").digest


def test_the_digest_stays_while_nothing_changes(root, tmp_path):
    copy = write_house(tmp_path / "copy")

    assert digest(root) == digest(root) == digest(copy)
    assert 64 == len(digest(root))


@pytest.mark.parametrize(
    "path",
    [
        "mappings/sources/ward/source.yaml",
        "mappings/sources/ward/people.yaml",
        "mappings/sources/ward/codes/stay_kind.csv",
        "mappings/sources/ward/examples/stories.yaml",
        "mappings/standards/norm/standard.yaml",
        "mappings/standards/norm/codes/kind.csv",
        "mappings/codes/gender.csv",
        "mappings/directory/organisations.csv",
        "fhir/naming_systems.yaml",
        "fhir/targets/desk.yaml",
        "validation/gate.yaml",
        "validation/suites/named.yaml",
    ],
)
def test_the_digest_changes_with_every_file_it_rests_on(root, path):
    before = digest(root)
    with (root / path).open("a", encoding="utf-8", newline="") as file:
        file.write("\n")

    assert before != digest(root)


def test_the_digest_changes_when_one_code_means_something_else(root):
    before = digest(root)
    change(root, "mappings/codes/gender.csv", "M,male", "M,other")

    assert before != digest(root)


def test_the_digest_knows_where_one_file_ends(root):
    one, other = root / "fhir/a.txt", root / "fhir/b.txt"
    one.write_text("xy", "utf-8")
    other.write_text("z", "utf-8")
    before = digest(root)
    one.write_text("x", "utf-8")
    other.write_text("yz", "utf-8")

    assert before != digest(root)


@pytest.mark.parametrize(
    "path",
    [
        "mappings/pathways/discharge.yaml",
        "mappings/sources/ward/.source.yaml.swp",
        "mappings/standards/unused/standard.yaml",
        "docs/page.md",
    ],
)
def test_the_digest_stays_when_something_else_changes(root, path):
    before = digest(root)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    with (root / path).open("a", encoding="utf-8") as file:
        file.write("standard: unused\nversion: 1\nsays: Nothing.\n" if "unused" in path else "# a word\n")

    assert before == digest(root)


def test_the_digest_changes_with_the_version_of_the_package(root, monkeypatch):
    before = digest(root)
    monkeypatch.setattr("passerelle.contracts.house.__version__", "9.9.9")

    assert before != digest(root)


def test_kept_contracts_are_the_same_bytes_and_read_back_as_the_same_folder(root, tmp_path):
    folder = load_folder(root, "ward")
    copy = load_folder(write_house(tmp_path / "copy"), "ward")

    kept = contracts_bytes(folder)
    read = load_house_from_bytes(kept).sources["ward"]

    assert kept == contracts_bytes(copy)
    assert folder.digest == read.digest
    assert (folder.source, folder.mappings, folder.code_lists) == (read.source, read.mappings, read.code_lists)
    assert dataclasses.replace(folder, path=read.path) == read
    assert folder.line_of("people", "patient", 0) == read.line_of("people", "patient", 0)


def test_kept_contracts_hold_nothing_of_other_sources(root):
    other = root / "mappings/sources/other"
    other.mkdir()
    (other / "source.yaml").write_text("source: other", "utf-8")

    assert b"mappings/sources/other" not in contracts_bytes(load_folder(root, "ward"))


def test_a_scheduler_reads_names_and_schedules_of_folders_that_do_not_fit_together(root):
    change(root, WARD, "  people:\n", "  people:\n    schedule: '@hourly'\n", "connection: ward", "connexion: ward")

    assert ("ward",) == list_source_names(root)
    found = read_schedule(root, "ward")
    assert ("ward", "30 4 * * *", "fr") == (found.source, found.schedule, found.jurisdiction)
    assert [("stays", "30 4 * * *"), ("people", "@hourly")] == [(one.name, one.schedule) for one in found.tables]


def test_a_scheduler_hears_which_source_cannot_be_read(root):
    change(root, WARD, 'schedule: "30 4 * * *"\n', "")

    with pytest.raises(ContractError) as raised:
        read_schedule(root, "ward")
    assert ["mappings/sources/ward/source.yaml:1: `schedule` is missing"] == list(raised.value.problems)
    with pytest.raises(ContractError) as raised:
        read_schedule(root, "wart")
    assert ["mappings/sources/wart/source.yaml: cannot be opened"] == list(raised.value.problems)


def test_a_house_without_sources_has_no_names(tmp_path):
    assert () == list_source_names(tmp_path)


def test_a_schedule_is_read_without_the_models(root):
    code = (
        "import sys; from pathlib import Path; from passerelle.contracts.schedule import read_schedule;"
        f"read_schedule(Path({str(root)!r}), 'ward'); print('pydantic' in sys.modules)"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "False" == told.stdout.strip()


def test_long_and_accented_names_are_kept_too(root):
    path = root / "mappings/sources/ward/codes" / f"é{'x' * 120}.csv"
    path.write_text(CODES, "utf-8")

    kept = contracts_bytes(load_folder(root, "ward"))

    assert load_folder(root, "ward").digest == load_house_from_bytes(kept).sources["ward"].digest
