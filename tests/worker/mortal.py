"""A worker that is killed with signal 9 around sending: python -m tests.worker.mortal URL before|after

It is the product's worker with the mailbox; only the way of mail ends the process at the named moment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, replace

from app.database.runner import Database
from app.worker.run import work
from app.world.mail import MailboxMail, OutgoingMail
from tests.api import world_on


@dataclass(frozen=True)
class DeadlyMail:
    """The mailbox, and the end of this process before or after it has the mail."""

    inner: MailboxMail
    moment: str

    async def send(self, mail: OutgoingMail) -> None:
        """Send, and never return."""
        if self.moment == "after":
            await self.inner.send(mail)
        os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, moment: str) -> None:
    """Work until the first mail."""
    world = world_on(Database(url))
    asyncio.run(work(replace(world, mail=DeadlyMail(MailboxMail(world.db), moment)), stop=asyncio.Event()))


if __name__ == "__main__":
    main(*sys.argv[1:])
