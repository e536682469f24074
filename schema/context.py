"""What every resolver may ask for: the World, who calls, and transactions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import strawberry
from sqlalchemy import Connection

from app.database.runner import Together
from app.values.actor import Actor
from app.world.world import World


@dataclass(frozen=True)
class Context:
    """One request."""

    world: World
    actor: Actor

    async def read[T](self, work: Callable[[Connection, datetime], T]) -> T:
        """A read-only transaction."""
        return await self.world.db.read(work)

    async def write[T](self, work: Callable[[Connection, datetime], T]) -> T:
        """A transaction."""
        return await self.world.db.write(work)

    async def write_together[I, T](self, together: Together[I, T], item: I) -> T:
        """A transaction that may be shared with others who ask for the same."""
        return await self.world.db.write_together(together, item)


Info = strawberry.Info[Context, None]
