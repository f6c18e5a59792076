"""The one history of the ledger's tables, run from inside the package."""

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from passerelle.errors import BrokenPromise

_FOLDER = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@cache
def known_revisions() -> frozenset[str]:
    """Every revision of the history."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


@cache
def newest_revision() -> str:
    """The last revision of the history."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise BrokenPromise("the package holds no migrations of the ledger")
    return head


def revision_of(connection: sa.Connection) -> str | None:
    """The revision that the database says it has; None if it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: sa.Connection, revision: str = "head") -> None:
    """The database has that revision, once the caller's transaction is committed."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
