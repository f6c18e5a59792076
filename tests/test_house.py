"""Rules of the house that no library checks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("great_expectations", "pandas", "fhir", "pyarrow", "duckdb", "sqlalchemy", "airflow", "jsonschema_rs")


@pytest.mark.parametrize("room", ["fhir", "mappings", "validation"])
def test_rooms_of_data_hold_no_python(room):
    """A `.py` file in `fhir/` would hide the library of the same name."""
    assert [] == sorted((ROOT / room).rglob("*.py"))


def test_no_folder_of_tests_is_called_fhir():
    assert [] == [path for path in (ROOT / "tests").rglob("fhir") if path.is_dir()]


def test_help_imports_nothing_heavy():
    code = (
        "import sys, contextlib, io\n"
        "from passerelle.cli import main\n"
        "sys.argv = ['passerelle', '--help']\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "[]" == told.stdout.strip().splitlines()[-1]


def test_requirements_name_no_address():
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert files
    assert [] == [file.name for file in files if re.search(r"https?://", file.read_text("utf-8"))]


def test_every_requirement_has_a_hash():
    for file in sorted((ROOT / "requirements").glob("*.txt")):
        text = file.read_text("utf-8").replace("\\\n", " ")
        named = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert named
        assert [] == [line.split("==")[0] for line in named if "--hash=sha256:" not in line]


def test_the_scheduler_reads_dags_without_heavy_libraries():
    code = (
        "import sys, os\n"
        "from passerelle.contracts.schedule import list_source_names, read_schedule\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name != 'airflow'])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "[]" == told.stdout.strip()
