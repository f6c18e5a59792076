"""What the page for operators says to type, typed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from house_builder import ROOT

from passerelle.doors.connections import read_connections

PAGE = (ROOT / "docs/how-to/operate.md").read_text("utf-8")


def block(kind):
    """The first fenced block of this kind."""
    return re.search(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[1]


def test_keys_are_made_and_rotated_as_told(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "PASSERELLE_KEYS": "keys.json"}
    environment |= {"PASSERELLE_HOME": str(ROOT), "PASSERELLE_DATA": str(tmp_path / "data")}

    for typed in (block("sh"), "passerelle ledger migrate", f"python - <<'END'\n{block('python')}END\n"):
        told = subprocess.run(
            ["bash", "-ec", typed], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert 0 == told.returncode, told.stderr

    assert "0 data keys rewrapped" == told.stdout.strip()
    assert ["2"] == list(json.loads((tmp_path / "keys.json").read_text("utf-8"))["vault_keys"])


def test_the_connections_that_are_shown_are_read(tmp_path):
    file = tmp_path / "connections.json"
    file.write_text(block("json"), encoding="utf-8")
    file.chmod(0o600)

    read = read_connections(file)

    assert {"csapa_files": "file", "usmp_db": "postgres", "siao_api": "http"} == {
        name: one.kind for name, one in read.items()
    }
