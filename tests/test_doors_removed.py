"""Each library of the owner's list does real work: without it the demo fails, and the sentence names it.

Airflow carries no demo: without it its own tests fail where they are asked for, and the script that starts it.
"""

import os
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


def without_airflow(code, *words):
    hidden = "import sys; sys.modules['airflow'] = None; "
    return subprocess.run(
        [sys.executable, "-c", hidden + code, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "CI"},
    )


@pytest.mark.parametrize(("marks", "ends"), [("airflow", 1), ("not heavy", 0)])
def test_the_tests_of_airflow_fail_without_it_only_where_they_are_asked_for_and_name_it(marks, ends):
    asked = ["-m", marks, "-p", "no:cacheprovider", "tests/airflow"]
    told = without_airflow(f"import pytest; sys.exit(pytest.main({asked!r}))")

    assert ends == told.returncode
    assert "apache-airflow is not installed" in told.stdout


def test_airflow_is_not_started_where_it_is_not_installed(tmp_path):
    code = "import runpy; sys.argv[0] = 'airflow_standalone'; runpy.run_path('scripts/airflow_standalone.py', run_name='__main__')"
    told = without_airflow(code, "--out", str(tmp_path / "out"))

    assert 2 == told.returncode
    assert "apache-airflow is not installed" in told.stderr
    assert not (tmp_path / "out").exists()
