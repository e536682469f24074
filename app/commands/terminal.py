"""What every command shares: where it writes, the database it opens, how it says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from app.database.engine import UnsupportedDatabase
from app.database.runner import Database
from app.errors import Outage, Refusal
from app.migrate import NewerDatabase, NotMigrated, is_current
from app.serve import PortInUse
from app.settings import Settings, SettingsError, read_settings

console = Console()
complaints = Console(stderr=True)


@contextmanager
def plainly() -> Iterator[None]:
    """A mistake of the operator is one sentence with its fix, and exit code 2."""
    try:
        yield
    except SettingsError as why:
        said = f"These settings cannot be used:\n{why}"
    except Refusal as why:
        said = why.message
    except (UnsupportedDatabase, NotMigrated, NewerDatabase, PortInUse) as why:
        said = str(why)
    except (DatabaseError, Outage) as why:
        if type(why) not in (OperationalError, DatabaseError) and not isinstance(why, Outage):
            raise  # a statement of ours is wrong, not the database
        said = _unreachable(why)
    else:
        return
    complaints.print(said, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(2)


def _unreachable(why: DatabaseError | Outage) -> str:
    """Which database does not answer, why, and what to do; its password stays out of it."""
    where = make_url(read_settings(demo=True).database_url).render_as_string(hide_password=True)
    cause = why.__cause__ if isinstance(why, Outage) else why
    reason = str(getattr(cause, "orig", None) or why).strip().splitlines()[0].rstrip(".")
    return f"The database {where} cannot be used: {reason}. Start it, or name another one by DATABASE_URL."


@contextmanager
def database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The database for as long as a command needs it; raises NotMigrated where tables are missing."""
    db = Database(settings.database_url)
    try:
        if migrated and not db.read_now(lambda conn, _: is_current(conn)):
            raise NotMigrated(NotMigrated.__doc__)
        yield db
    finally:
        db.close()
