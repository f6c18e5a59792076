"""Airflow, started by `scripts/airflow_standalone.py` as people start it, asked over its interface, and stopped."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "airflow_standalone.py"
ENDED = {"success", "failed"}


class Deadline:
    """What is left of the time for everything."""

    def __init__(self, seconds):
        self._began = time.monotonic()
        self._seconds = seconds

    @property
    def spent(self):
        return time.monotonic() - self._began

    @property
    def left(self):
        return self._seconds - self.spent

    def until(self, what, happened, every=2.0):
        """What `happened` gave when it was no longer empty, false or None.

        Raises:
            AssertionError: the time was up before.
        """
        while True:
            found = happened()
            if found:
                return found
            assert self.left > 0, f"after {self.spent:.0f} s still waiting for: {what}"
            time.sleep(every)


class Airflow:
    """The Airflow of a folder: the script is a child, everything else is asked for."""

    def __init__(self, out, house, deadline, *, persons, seed):
        self.home = out / "home"
        self._deadline = deadline
        self._token = None
        self._heard = out / "heard.txt"
        out.mkdir(parents=True)
        with self._heard.open("wb") as heard:
            self.script = subprocess.Popen(
                [
                    *(sys.executable, str(SCRIPT), "--out", str(out), "--house", str(house)),
                    *("--persons", str(persons), "--seed", str(seed), "--at-most", str(deadline.left)),
                ],
                stdout=heard,
                stderr=subprocess.STDOUT,
                cwd=out,
                env={name: value for name, value in os.environ.items() if not name.startswith("PASSERELLE_")},
                start_new_session=True,
            )

    @property
    def heard(self):
        """What the script said."""
        return self._heard.read_text("utf-8")

    def ready(self):
        """The address of Airflow's pages, as the script told it."""
        found = self._deadline.until("Airflow to be ready", self._address)
        passwords = json.loads((self.home / "simple_auth_manager_passwords.json.generated").read_text("utf-8"))
        told = self._call(found + "/auth/token", {"username": "admin", "password": passwords["admin"]})
        self._token, self._base = told["access_token"], f"{found}/api/v2"
        return found

    def _address(self):
        assert self.script.poll() is None, self.heard
        found = re.search(r"^Airflow: (\S+)", self.heard, re.MULTILINE)
        return found and found[1]

    def ask(self, path, body=None, method=None):
        """The answer of Airflow's interface."""
        return self._call(self._base + path, body, method)

    def _call(self, url, body=None, method=None):
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        for _ in range(10):
            try:
                with urlopen(Request(url, data, headers, method=method), timeout=30) as answer:
                    return json.load(answer)
            except HTTPError as told:
                if told.code < 500:
                    raise AssertionError(f"{url}: {told.code} {told.read()[:500]!r}") from None
            except OSError:
                pass
            time.sleep(1)
        raise AssertionError(f"{url} does not answer")

    def dags(self):
        """The names of all DAGs that Airflow shows."""
        return sorted(dag["dag_id"] for dag in self.ask("/dags?limit=100")["dags"])

    def errors(self):
        """The files that Airflow could not read."""
        return self.ask("/importErrors")["import_errors"]

    def switch_on(self, dag):
        self.ask(f"/dags/{dag}", {"is_paused": False}, "PATCH")

    def trigger(self, dag, name):
        """A run of this name is asked for."""
        self.ask(f"/dags/{dag}/dagRuns", {"dag_run_id": name, "logical_date": None})

    def runs(self):
        """(DAG, run) -> state, of every run."""
        told = self.ask("/dags/~/dagRuns?limit=100")["dag_runs"]
        return {(run["dag_id"], run["dag_run_id"]): run["state"] for run in told}

    def tasks(self, dag, run="~"):
        """Every task instance of the DAG: (run, task) -> (state, number of the try)."""
        told = self.ask(f"/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
        return {(one["dag_run_id"], one["task_id"]): (one["state"], one["try_number"]) for one in told}

    def quiet(self):
        """True when no run is waiting or working."""
        return set(self.runs().values()) <= ENDED

    def log_of(self, dag, run, task):
        """What was logged of the task, all tries."""
        folder = self.home / "logs" / f"dag_id={dag}" / f"run_id={run}" / f"task_id={task}"
        return "".join(one.read_text("utf-8") for one in sorted(folder.glob("attempt=*.log")))

    def processes(self):
        """The processes that have this folder as their AIRFLOW_HOME, whoever started them."""
        import psutil

        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.environ().get("AIRFLOW_HOME") == str(self.home) and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
        return found

    def listening(self):
        """Every address that one of its processes, or the script, listens on."""
        import psutil

        found = set()
        for one in [*self.processes(), psutil.Process(self.script.pid)]:
            with contextlib.suppress(psutil.Error):
                told = one.net_connections("inet")
                found |= {connection.laddr.ip for connection in told if connection.status == psutil.CONN_LISTEN}
        return found

    def memory(self):
        """Megabytes, shared pages counted once."""
        total = 0
        for one in self.processes():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text("ascii").splitlines()
                total += int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
        return total / 1024

    def stop(self):
        """The script was interrupted, as with Ctrl-C, and has ended."""
        if self.script.poll() is None:
            self.script.send_signal(signal.SIGINT)
        self.script.wait(90)
