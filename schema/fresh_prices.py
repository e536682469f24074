"""How slot prices follow the bookings between two plans."""

from datetime import datetime

import strawberry

from app.allocation.price_changes import SeenRefresh, price_refreshes
from app.allocation.tables import WorthChange as WorthChangeRow
from app.errors import OperatorsOnly
from schema.context import Info
from schema.ids import to_global
from schema.onto import onto, shown

_MICRO = 1_000_000


@onto(WorthChangeRow, description="What one more minute of a pool's vehicles is worth, before and after.")
class WorthChange:
    """A change."""

    @strawberry.field(description="The pool.")
    def pool_id(self) -> strawberry.ID:
        """Its global id."""
        row: WorthChangeRow = shown(self)
        return to_global("CapacityPool", row.pool_id)

    @strawberry.field(description="Before, in minor units of the planning currency.")
    def before_minor(self) -> float:
        """The old worth."""
        row: WorthChangeRow = shown(self)
        return row.before_micro / _MICRO

    @strawberry.field(description="After, in minor units of the planning currency.")
    def after_minor(self) -> float:
        """The new worth."""
        row: WorthChangeRow = shown(self)
        return row.after_micro / _MICRO


@onto(SeenRefresh, description="Fresh shadow prices of the plan that sells.")
class PriceRefresh:
    """A refresh."""

    changed: list[WorthChange] = strawberry.field(description="The pools that got another worth.")

    @strawberry.field(description="When.")
    def at(self) -> datetime:
        """The instant."""
        return _seen(self).made.at

    @strawberry.field(description="Who.")
    def actor(self) -> str:
        """The actor."""
        return _seen(self).made.actor

    @strawberry.field(description="Why.")
    def reason(self) -> str:
        """The reason."""
        return _seen(self).made.reason

    @strawberry.field(description="CPU seconds of the solver.")
    def solver_seconds(self) -> float:
        """The time."""
        return _seen(self).made.solver_s


def _seen(refresh: object) -> SeenRefresh:
    seen: SeenRefresh = shown(refresh)
    return seen


async def seen_refreshes(info: Info) -> list[PriceRefresh] | None:
    """The newest refreshes."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, _: price_refreshes(conn)))
