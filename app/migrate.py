"""Bring a database to the newest tables, and know whether it is there."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection

from alembic import command

_CONFIG = Path(__file__).parents[1] / "alembic.ini"


class NewerDatabase(Exception):
    """The database was migrated by a newer Lastlap; use that one, or another database."""


class NotMigrated(Exception):
    """The database lacks the newest tables; run `lastlap migrate` first."""


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing; running it again does nothing. Raises NewerDatabase."""
    config = _config()
    config.attributes["url"] = url
    try:
        command.upgrade(config, revision)
    except CommandError as why:
        if isinstance(why.__cause__, ResolutionError):
            raise NewerDatabase(NewerDatabase.__doc__) from why
        raise


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to a revision ('base' for all)."""
    config = _config()
    config.attributes["url"] = url
    command.downgrade(config, revision)


def is_current(conn: Connection) -> bool:
    """Whether the database is at the newest revision."""
    present = MigrationContext.configure(conn).get_current_heads()
    return set(present) == set(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    return Config(str(_CONFIG))
