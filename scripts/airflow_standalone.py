"""Airflow on one machine over a simulated region, until interrupted. What `make airflow` runs.

Below `--out` afterwards: `demo/` (the region, keys, connections, ledger, data, export, page) and `home/` (Airflow's
own database and logs). What is there is used again. Airflow listens on 127.0.0.1; its connections come from the same
file as those of the command line. Processes that this script did not start are left alone.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from passerelle.errors import UsageError
from passerelle.pipeline.demonstrating import Places
from passerelle.simulator import serve, simulate
from passerelle.simulator.serving import CLIENT_ID, CLIENT_SECRET, TOKEN_PATH

ROOT = Path(__file__).parents[1]
READY_SECONDS = 240
STOP_SECONDS = {signal.SIGINT: 45, signal.SIGTERM: 10}  # a task that runs is waited for
PASSWORDS = "simple_auth_manager_passwords.json.generated"  # a name that Airflow chose
TALK = "standalone.log"


def main() -> int:
    asked = parsed()
    if not is_installed():
        print("apache-airflow is not installed: pip install 'passerelle[airflow]'", file=sys.stderr)
        return 2
    for wish in (signal.SIGINT, signal.SIGTERM):  # a shell ignores SIGINT for what it starts in the background
        signal.signal(wish, signal.default_int_handler)
    os.umask(0o077)
    places = Places(asked.out.absolute() / "demo")
    home = asked.out.absolute() / "home"
    try:
        with (
            region(places, asked.persons, asked.seed),
            held_port() as held,
            airflow(environment(places, home, asked, held)) as started,
        ):
            address = started.environment["AIRFLOW__API__BASE_URL"]
            wait_until_ready(started, address)
            tell(address, places, home)
            started.process.wait(asked.at_most)
            print(f"Airflow ended by itself; what it said last is in {home / 'logs' / TALK}", file=sys.stderr)
            return 1
    except subprocess.TimeoutExpired:
        print(f"stopped after {asked.at_most} s, as asked", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    except (TimeoutError, UsageError) as told:
        print(told, file=sys.stderr)
        return 4
    return 0


def is_installed() -> bool:
    """Whether there is an Airflow to start; it is not imported to find out."""
    return find_spec("airflow") is not None and Path(sys.executable).with_name("airflow").exists()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("var/airflow"), help="folder for everything")
    parser.add_argument("--house", type=Path, default=ROOT, help="folder with mappings/, fhir/ and validation/")
    parser.add_argument("--persons", type=int, default=500, help="how many persons live in a new region")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same region")
    parser.add_argument("--port", type=int, default=0, help="of Airflow's pages; 0 takes any free one")
    parser.add_argument("--at-most", type=float, default=None, help="seconds after which everything is stopped")
    return parser.parse_args()


@contextmanager
def region(places: Places, persons: int, seed: int) -> Iterator[None]:
    """A simulated region, new or as it was left, whose housing desk answers as long as the block lasts."""
    if not (places.territory / "territory.json").exists():
        places.clear()
        print(f"simulating a region of {persons} persons ...", file=sys.stderr)
        simulate(persons, seed, places.territory)
    with serve(places.territory) as desk:
        places.write_keys()
        places.write_connections(desk.url, (CLIENT_ID, CLIENT_SECRET), TOKEN_PATH)
        yield


@contextmanager
def held_port() -> Iterator[int]:
    """A port that nobody else listens on as long as the block lasts.

    Airflow's servers of logs would listen on every address of the machine, and no setting says otherwise. They are
    given this port, so they do not start; pages read the logs from their files.
    """
    with socket.create_server(("127.0.0.1", 0)) as holding:
        yield holding.getsockname()[1]


def environment(places: Places, home: Path, asked: argparse.Namespace, held: int) -> dict[str, str]:
    """What Airflow and its tasks are told. Connections come from Airflow, which reads them from the region's file."""
    settings = places.settings(asked.house.absolute())
    port = asked.port or free_port()
    address = f"http://127.0.0.1:{port}"
    secrets = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    secrets_from = json.dumps({"connections_file_path": str(places.connections)})
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW", "PASSERELLE_"))
    }
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_COLOR": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "15",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(held),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(held),
        "AIRFLOW__SECRETS__BACKEND": secrets,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": secrets_from,
        "AIRFLOW__WORKERS__SECRETS_BACKEND": secrets,
        "AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS": secrets_from,
        "PASSERELLE_HOME": str(settings.home),
        "PASSERELLE_KEYS": str(settings.keys),
        "PASSERELLE_DATA": str(settings.data),
        "PASSERELLE_LEDGER": settings.ledger,
        "PASSERELLE_AS_OF": settings.as_of.isoformat(),
        "PASSERELLE_JURISDICTION": settings.jurisdiction,
    }


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


class Started:
    """The Airflow that this script started: a session of its own, so that what belongs to it can be told apart."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        logs = Path(environment["AIRFLOW_HOME"]) / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.talk = logs / TALK
        with os.fdopen(os.open(self.talk, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("airflow"), "standalone"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Nothing of its session runs any more: it was asked to end, then told, then killed."""
        for wish, seconds in STOP_SECONDS.items():
            if self.process.poll() is None:
                self.process.send_signal(wish)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(seconds)
        for wish in (signal.SIGTERM, signal.SIGKILL):
            if not self._end_session(wish):
                break
        self.process.wait()

    def _end_session(self, wish: int) -> list[int]:
        """Who of the session is left after five seconds."""
        for number in self._session():
            with suppress(ProcessLookupError):
                os.kill(number, wish)
        for _ in range(50):
            left = self._session()
            if not left:
                break
            time.sleep(0.1)
        return left

    def _session(self) -> list[int]:
        """The processes of the session that still run."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                told = path.read_text("ascii", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(told[3]) == self.process.pid and told[0] != "Z":  # fields 6 and 3: session, state
                found.append(int(path.parent.name))
        return found


@contextmanager
def airflow(environment: dict[str, str]) -> Iterator[Started]:
    """Airflow runs as long as the block lasts."""
    print("starting Airflow, which takes about half a minute ...", file=sys.stderr)
    started = Started(environment)
    try:
        yield started
    finally:
        for wish in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wish, signal.SIG_IGN)  # asked once is enough
        print("stopping Airflow ...", file=sys.stderr)
        started.stop()


def wait_until_ready(started: Started, address: str) -> None:
    """Its scheduler and its reader of DAGs say that they are healthy.

    Raises:
        TimeoutError: they do not, or it ended.
    """
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and started.process.poll() is None:
        try:
            with urlopen(f"{address}/api/v2/monitor/health", timeout=10) as answer:
                health = json.load(answer)
        except (URLError, OSError, ValueError):
            health = {}
        parts = ("metadatabase", "scheduler", "dag_processor")
        if all((health.get(part) or {}).get("status") == "healthy" for part in parts):
            return
        time.sleep(1)
    end = "ended" if started.process.poll() is not None else f"was not ready after {READY_SECONDS} s"
    raise TimeoutError(f"Airflow {end}; what it said is in {started.talk}")


def tell(address: str, places: Places, home: Path) -> None:
    """Where to look, on stdout."""
    print(
        f"Airflow: {address}  (user admin; password in {home / PASSWORDS})\n"
        "  Switch on `territory` and the sources you want, then trigger a source.\n"
        f"Ledger:  {places.root / 'ledger.sqlite'}\n"
        f"Export:  {places.export}\n"
        f"Page:    {places.page}\n"
        f"Logs:    {home / 'logs'}\n"
        "Ctrl-C stops Airflow and the housing desk.",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
