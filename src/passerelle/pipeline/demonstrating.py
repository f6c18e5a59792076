"""The demo: a region that does not exist, carried through every stage on embedded defaults, twice."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from passerelle.doors.connections import Connection, read_connections
from passerelle.errors import BrokenPromise, UsageError
from passerelle.pipeline.instance import Instance
from passerelle.pipeline.running import run_source
from passerelle.pipeline.territory import Territory, run_territory
from passerelle.pipeline.unchanged import differences, state_of
from passerelle.settings import Settings

Progress = Callable[[str, int, int], None]
_FILES = {"chu_files": "chu", "ch_files": "ch", "csapa_files": "csapa", "caarud_files": "caarud"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the demo keeps what it makes."""

    root: Path

    @property
    def territory(self) -> Path:
        """The simulated region."""
        return self.root / "territory"

    @property
    def connections(self) -> Path:
        """The connections to its sources."""
        return self.root / "connections.json"

    @property
    def export(self) -> Path:
        """What the recipient gets."""
        return self.root / "export"

    @property
    def page(self) -> Path:
        """The page for the operator."""
        return self.root / "page.html"

    def clear(self) -> None:
        """The folder is empty; what is not a demo's is left alone.

        Raises:
            UsageError: the folder holds something that no demo made.
        """
        known = {"territory", "connections.json", "keys.json", "data", "ledger.sqlite", "export", "page.html"}
        if self.root.exists():
            strange = [
                one.name
                for one in self.root.iterdir()
                if one.name.removesuffix("-wal").removesuffix("-shm") not in known
            ]
            if strange:
                raise UsageError(f"{self.root} holds {strange[0]}, which no demo made; give another folder")
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True)

    def settings(self, home: Path, ledger: str | None = None) -> Settings:
        """The settings of an instance that lives in this folder."""
        as_of = json.loads((self.territory / "territory.json").read_text("utf-8"))["as_of"]
        last = datetime.fromisoformat(as_of).replace(hour=22, minute=59, second=59, tzinfo=UTC)
        return Settings(
            keys=self.root / "keys.json",
            home=home,
            data=self.root / "data",
            ledger=ledger or f"sqlite:///{self.root / 'ledger.sqlite'}",
            connections=self.connections,
            as_of=last,
            jurisdiction="fr",
        )

    def write_keys(self) -> None:
        """The key file asks for the published keys."""
        _secret(self.root / "keys.json", {"id": "demo"})

    def write_connections(self, housing_url: str, client: tuple[str, str], token_path: str) -> None:
        """The connections to the sources of the region."""
        sources = self.territory / "sources"
        told: dict[str, dict[str, object]] = {
            name: {"conn_type": "file", "extra": {"path": str(sources / folder)}} for name, folder in _FILES.items()
        }
        told["usmp_db"] = {"conn_type": "sqlite", "extra": {"path": str(sources / "usmp" / "usmp.sqlite")}}
        told["siao_api"] = {
            "conn_type": "http",
            "host": housing_url,
            "login": client[0],
            "password": client[1],
            "extra": {"token_path": token_path},
        }
        _secret(self.connections, told)


def _secret(path: Path, tree: object) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(tree, out, indent=2)


def carry(instance: Instance, places: Places, progress: Progress) -> Territory:
    """Every source that has a connection through its stages, then link, deliver and report."""
    connections: dict[str, Connection] = read_connections(places.connections)
    for name, folder in sorted(instance.house.sources.items()):
        if folder.source.connection in connections:
            run_source(instance, name, connections, progress=progress)
    return run_territory(instance, places.export, page=places.page, progress=progress)


def carry_again(instance: Instance, places: Places, progress: Progress) -> None:
    """The same once more: nothing changes.

    Raises:
        BrokenPromise: something did.
    """
    before = state_of(instance, places.export)
    carry(instance, places, progress)
    changed = differences(before, state_of(instance, places.export))
    if changed:
        raise BrokenPromise("a second run changed something:\n  " + "\n  ".join(changed[:20]))
