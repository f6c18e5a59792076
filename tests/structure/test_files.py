"""`passerelle validate` says file, line, path and what to do; files may hold one document or one per line."""

import json

import pytest
import typer
from typer.testing import CliRunner

from passerelle.cli.validating import add_to
from passerelle.structure import structure
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
    assert done.stderr == "1 file, 4 resources: 3 errors, 0 warnings\n"


def test_a_file_by_line_is_known_without_its_suffix(validate, write):
    done = validate(write("export.json", json.dumps(GOOD) + "\n" + json.dumps(BAD)))

    assert "export.json:2: error Patient.gender" in done.stdout


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{\n "resourceType": \n', ":3: error: This is not JSON."),
        (b'{"resourceType": "Patient", "id": "\xe9"}', ":1: error: These bytes are not UTF-8."),
        (b"", ":1: error: This is not JSON."),
        (b"[]", ":1: error Resource: A resource was wanted here"),
    ],
)
def test_what_is_no_json_of_a_resource_is_said(raw, said, validate, write):
    done = validate(write("a.json", raw))

    assert done.exit_code == 1
    assert said in done.stdout


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
