"""A PostgreSQL server for the tests: the one named by PASSERELLE_TEST_POSTGRES, else one of our own from Debian's package.

Its databases compare text by French rules, not by bytes, so that a key that forgot its collation is noticed.
"""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

VARIABLE = "PASSERELLE_TEST_POSTGRES"
DEATH_SIGNAL = 1  # prctl: the kernel tells the server when the tests are gone


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


def _as_somebody_else() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGINT)


@contextmanager
def server() -> Iterator[str]:
    """The URL of a running server; skips where there is none, but fails there if CI is set."""
    given = os.environ.get(VARIABLE)
    if given:
        yield given
        return
    binaries = _binaries()
    if binaries is None:
        missing = f"no PostgreSQL: install Debian's package 'postgresql' or set {VARIABLE}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="passerelle-postgres-"))
    who = _as_somebody_else()
    if who:
        os.chown(folder, who["user"], who["group"])
    try:
        with _started(binaries, folder, who) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(binaries: Path, folder: Path, who: dict[str, object]) -> Iterator[str]:
    data = folder / "data"
    initdb = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "passerelle",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
        "--locale=C",
    ]
    french = ["--locale-provider=icu", "--icu-locale=fr-FR"]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
    if subprocess.run([*initdb, *french], **quiet, check=False).returncode:
        shutil.rmtree(data, ignore_errors=True)
        subprocess.run(initdb, **quiet, check=True)
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "shared_buffers=64MB"],
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs yet
        **quiet,
    )
    try:
        _wait_for(folder, process)
        yield f"postgresql://passerelle@/postgres?host={folder}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait_for(folder: Path, process: subprocess.Popen) -> None:
    for _ in range(300):
        try:
            psycopg.connect(f"host={folder} user=passerelle dbname=postgres").close()
        except psycopg.OperationalError:
            assert process.poll() is None, "the PostgreSQL server of the tests did not start"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the PostgreSQL server of the tests does not answer")


@contextmanager
def database(server_url: str, template: str | None = None) -> Iterator[str]:
    """The URL of a fresh database on the server, dropped at the end; a copy of the template if one is given."""
    name = f"passerelle_test_{secrets.token_hex(6)}"
    admin = sa.create_engine(
        sa.make_url(server_url).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    like = f" TEMPLATE {sa.make_url(template).database}" if template else ""
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}{like}")
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
