"""`passerelle validate` says file, line, path and what to do; files may hold one document or one per line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from passerelle.cli.validating import add_to
from passerelle.structure import Structure, structure
from passerelle.structure.files import Lines

GOOD = {"resourceType": "Patient", "gender": "other"}
BAD = {"resourceType": "Patient", "gender": "F"}
BUNDLE = """{
  "resourceType": "Bundle",
  "type": "collection",
  "entry": [
    {"resource": {"resourceType": "Basic", "code": {"text": "one"}}},
    {
      "resource": {
        "resourceType": "Encounter",
        "status": "done",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {
          "end": "2023-01-01", "start": "2024-01-01"
        }
      }
    }
  ]
}
"""


@pytest.fixture
def validate():
    app = typer.Typer()
    app.callback()(lambda: None)
    add_to(app)

    def run(*arguments):
        return CliRunner().invoke(app, ["validate", *map(str, arguments)])

    return run


@pytest.fixture
def write(tmp_path):
    def one(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return one


def test_a_valid_file_says_nothing_but_a_count(validate, write):
    done = validate(write("a.json", json.dumps(GOOD)))

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "1 file, 1 resource: 0 errors, 0 warnings\n"


def test_each_problem_has_its_line_its_path_and_what_to_do(validate, write):
    path = write("bundle.json", BUNDLE)

    done = validate(path)

    assert done.exit_code == 1
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{path}:9: error Bundle.entry[1].resource.status: The code is not one of those allowed")
    assert first.endswith(
        " Use one of arrived, cancelled, entered-in-error, finished, in-progress, onleave, planned, triaged, unknown."
    )
    assert second.startswith(f"{path}:11: error Bundle.entry[1].resource.period: The period starts after it ends")
    assert second.endswith(" (per-1). Correct start or end.")


def test_the_sentences_are_in_french_when_asked(validate, write):
    done = validate("--language", "fr", write("a.json", json.dumps(BAD)))

    assert done.stdout.endswith("Utiliser l'un de female, male, other, unknown.\n")


def test_a_language_without_sentences_is_refused(validate, write):
    done = validate("--language", "de", write("a.json", json.dumps(GOOD)))

    assert str(done.exception) == "there are no sentences in 'de'; languages are en, fr"


def test_records_of_a_file_by_line_are_named_by_their_line(validate, write):
    lines = "\n".join([json.dumps(GOOD), "", json.dumps(BAD), "{", json.dumps([])])
    path = write("a.ndjson", lines)

    done = validate(path)

    assert [line.split(": ")[0].rsplit(":", 1)[1] + " " + line.split(": ")[1] for line in done.stdout.splitlines()] == [
        "3 error Patient.gender",
        "4 error",
        "5 error Resource",
    ]
    assert done.stderr == "1 file, 3 resources: 3 errors, 0 warnings\n"


def test_a_file_by_line_is_known_without_its_suffix(validate, write):
    done = validate(write("export.json", json.dumps(GOOD) + "\n" + json.dumps(BAD)))

    assert "export.json:2: error Patient.gender" in done.stdout


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{\n "resourceType": \n', ":3: error: This is not JSON."),
        (b'{"resourceType": "Patient", "id": "\xe9"}', ":1: error: These bytes are not UTF-8."),
        (b"", ":1: error: The file holds no resource."),
        (b'{"resourceType": "Patient", "multipleBirthInteger": NaN}', ":1: error: This is not JSON."),
        (b'{"resourceType": "Observation",\n"valueQuantity": {"value": 1e400}}', ":2: error: A number is too big"),
        (b'{"resourceType": "Observation", "valueInteger": ' + b"7" * 5000 + b"}", ":1: error: A number is too big"),
        (b"[" * 1020 + b"]" * 1020, ":1: error: This is nested deeper than can be judged."),
        (b"[" * 9000 + b"]" * 9000, ":1: error: This is nested deeper than can be judged."),
        (b"[]", ":1: error Resource: A resource was wanted here"),
    ],
)
def test_what_is_no_json_of_a_resource_is_said(raw, said, validate, write):
    done = validate(write("a.json", raw))

    assert done.exit_code == 1
    assert said in done.stdout


def test_a_file_by_line_that_is_empty_is_an_error_as_any_other(validate, write):
    done = validate(write("a.ndjson", "\n\n"))

    assert done.exit_code == 1
    assert ":1: error: The file holds no resource." in done.stdout
    assert done.stderr == "1 file, 0 resources: 1 error, 0 warnings\n"


def test_a_member_named_twice_is_an_error_at_the_second_of_them(validate, write):
    text = """{"resourceType": "Patient",
 "name": [{"family": "a, \\" {"}, {"family": "b",
   "family": "c", "given": ["d", "e"]}],
 "gender": "male", "extension": [{"url": "gender", "valueCode": "gender"}],
 "g\\u0065nder": "female", "a b": 1, "a b": 2}"""
    path = write("a.json", text)

    done = validate(path)

    assert done.exit_code == 1
    assert [line.split(": A member of")[0] for line in done.stdout.splitlines() if "A member of this name" in line] == [
        f"{path}:3: error Patient.name[1].family",
        f"{path}:5: error Patient.gender",
        f"{path}:5: error Patient.?",
    ]


def test_a_member_named_twice_in_a_file_by_line_is_shown_on_its_line(validate, write):
    done = validate(write("a.ndjson", json.dumps(GOOD) + '\n{"resourceType": "Patient", "id": "a", "id": "b"}\n'))

    assert "a.ndjson:2: error Patient.id: A member of this name stands in the object already" in done.stdout
    assert done.stderr == "1 file, 2 resources: 1 error, 0 warnings\n"


@pytest.mark.parametrize("written", ["1.0", "1e0", "10.0e-1"])
def test_a_whole_number_is_written_without_a_point_and_without_an_exponent(written, validate, write):
    path = write("a.json", f'{{"resourceType": "Patient", "telecom": [{{"rank": {written}}}]}}')

    assert f"{path}:1: error Patient.telecom[0].rank: A value of type positiveInt is written" in validate(path).stdout


def nested(depth):
    inner = {"url": "urn:a", "valueCode": "a"}
    for _ in range(depth):
        inner = {"url": "urn:a", "extension": [inner]}
    return {"resourceType": "Patient", "extension": [inner]}


def items(depth):
    inner = {"linkId": "a"}
    for _ in range(depth):
        inner = {"linkId": "a", "item": [inner]}
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "item": [inner]}


@pytest.mark.parametrize("tree", [nested(200), nested(450), items(200), items(450)])
def test_what_is_nested_too_deep_is_said_and_the_next_file_is_judged(tree, validate, write):
    done = validate(write("deep.json", json.dumps(tree, indent=1)), write("a.json", json.dumps(BAD)))

    first, second = done.stdout.splitlines()
    assert ": This is nested deeper than can be judged." in first
    assert "a.json:1: error Patient.gender" in second
    assert done.stderr == "2 files, 2 resources: 2 errors, 0 warnings\n"


def test_sixty_levels_of_items_are_judged(validate, write):
    assert validate(write("a.json", json.dumps(items(60)))).exit_code == 0


def test_a_file_that_breaks_the_judge_does_not_stop_the_others(validate, write, monkeypatch):
    whole = Structure.problems

    def breaking(self, tree):
        if tree.get("id") == "breaking":
            raise ZeroDivisionError
        return whole(self, tree)

    monkeypatch.setattr(Structure, "problems", breaking)
    done = validate(write("a.json", json.dumps({**GOOD, "id": "breaking"})), write("b.json", json.dumps(BAD)))

    assert done.exit_code == 1
    assert "a.json:1: error: This file could not be judged" in done.stdout
    assert "b.json:1: error Patient.gender" in done.stdout


def test_of_a_type_whose_base_rules_are_not_all_known_that_is_said_once(validate, write):
    plan = {"resourceType": "PlanDefinition", "status": "draft"}
    questionnaire = {"resourceType": "Questionnaire", "status": "draft"}
    first = write("a.ndjson", "\n".join(json.dumps(one) for one in (plan, questionnaire, questionnaire)))
    second = write("b.json", json.dumps(questionnaire))

    said = validate(first, second)
    outcomes = json.loads(validate("--json", first, second).stdout)

    assert said.exit_code == 0
    assert len(said.stdout.splitlines()) == 1
    assert f"{first}:2: information Questionnaire: These base rules of Questionnaire are not judged here" in said.stdout
    assert [[(issue["severity"], issue["code"]) for issue in one["issue"]] for one in outcomes] == [
        [("information", "not-supported"), ("information", "informational")]
    ] * 2


def test_a_byte_order_mark_is_no_fault(validate, write):
    assert validate(write("a.json", b"\xef\xbb\xbf" + json.dumps(GOOD).encode())).exit_code == 0


def test_many_files_in_one_call_give_one_outcome_each_and_the_outcomes_are_fhir(validate, write):
    first, second = write("a.json", json.dumps(GOOD)), write("bundle.json", BUNDLE)

    done = validate("--json", first, second)
    outcomes = json.loads(done.stdout)

    assert done.exit_code == 1
    assert [structure().check(one) for one in outcomes] == [None, None]
    assert [one["extension"][0]["valueString"] for one in outcomes] == [str(first), str(second)]
    assert outcomes[0]["issue"] == [
        {"severity": "information", "code": "informational", "diagnostics": "Valid FHIR R4 4.0.1."}
    ]
    assert [
        (one["severity"], one["code"], one["expression"], one["extension"][0]["valueInteger"])
        for one in outcomes[1]["issue"]
    ] == [
        ("error", "code-invalid", ["Bundle.entry[1].resource.status"], 9),
        ("error", "invariant", ["Bundle.entry[1].resource.period"], 11),
    ]


def test_warnings_do_not_fail(validate, write):
    married = {**GOOD, "maritalStatus": {"coding": [{"system": "urn:a", "code": "b"}]}}

    done = validate(write("a.json", json.dumps(married)))

    assert done.exit_code == 0
    assert ": warning Patient.maritalStatus: No coding is in" in done.stdout


def test_a_file_that_is_not_there_is_a_wrong_call(validate, tmp_path):
    assert validate(tmp_path / "none.json").exit_code == 2


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ((), 1),
        (("type",), 3),
        (("entry",), 4),
        (("entry", 0), 5),
        (("entry", 1, "resource", "period", "start"), 12),
        (("entry", 1, "resource", "subject"), 7),
        (("entry", 7), 4),
        (("type", "nothing"), 3),
    ],
)
def test_an_element_that_is_not_there_is_shown_where_it_would_stand(location, line):
    assert Lines(BUNDLE).of(location) == line
