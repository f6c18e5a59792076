"""Each library of the owner's list does real work: without it the demo fails, and the sentence names it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOORS = {
    "requests": "passerelle.doors.http",
    "great_expectations": "passerelle.doors.expectations",
    "sqlalchemy": "passerelle.",
    "fhir": "passerelle.doors.fhir_models",
}


@pytest.mark.parametrize("library", DOORS)
def test_the_demo_without_a_library_fails_and_names_it(library, tmp_path):
    code = f"import sys; sys.modules[{library!r}] = None; from passerelle.cli import main; main()"
    out = tmp_path / "demo"
    told = subprocess.run(
        [sys.executable, "-c", code, "demo", "--persons", "12", "--out", str(out)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert told.returncode not in {0, None}
    assert f"'{library}" in told.stderr.splitlines()[-1]
    assert DOORS[library] in told.stderr.splitlines()[-1]
