"""The real server or worker with a database clock that is off by the seconds in a file, read every time.

python -m tests.faults.stepped serve|work FILE
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import uvicorn
from sqlalchemy import Connection

from app.database.clock import database_clock
from app.database.runner import Database
from app.logs import set_up_logs
from app.main import build_app
from app.settings import read_settings
from app.worker.run import work
from app.world.world import build_world


@dataclass(frozen=True)
class SteppedClock:
    """The database's clock, off by what the file says."""

    file: Path

    def step(self, seconds: float) -> None:
        """From now on it is off by this much; readers see the old or the new figure, never half of one."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.file)

    def __call__(self, conn: Connection) -> datetime:
        return database_clock(conn) + timedelta(seconds=float(self.file.read_text()))


def main(what: str, file: str) -> None:
    """Serve, or work."""
    settings = read_settings()
    set_up_logs(settings.log_level)
    db = Database(settings.database_url, clock=SteppedClock(Path(file)))
    world = build_world(settings, db)
    if what == "serve":
        uvicorn.run(
            build_app(world=world), host=settings.host, port=settings.port, log_config=None, access_log=False
        )
    else:
        asyncio.run(work(world, stop=asyncio.Event(), lease=timedelta(seconds=settings.job_lease_s)))


if __name__ == "__main__":
    main(*sys.argv[1:])
