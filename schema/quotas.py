"""Parts of pools that are kept for groups of customers."""

from datetime import datetime
from operator import attrgetter
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.capacity import delete_quota as delete_verb
from app.capacity import save_quota as save_verb
from app.capacity.protection import quotas
from app.capacity.quota_rules import QuotaDraft
from app.capacity.quotas import Kept, kept_under
from app.capacity.tables import ProtectedQuota as ProtectedQuotaRow
from app.errors import OperatorsOnly
from schema.context import Info
from schema.errors import CapacityUserError, attempted, capacity_errors
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.places import Node, node_id


@onto(ProtectedQuotaRow, description="A rule that keeps a part of pools for a group of customers.")
class ProtectedQuota(Node):
    """A rule."""

    id: strawberry.ID = node_id("ProtectedQuota", attrgetter("id"))
    key: str = strawberry.field(description="Its name.")
    audience: str = strawberry.field(description="For this group of customers.")
    weekdays: str = strawberry.field(description="On these days: 1 is Monday, 7 Sunday.")
    orders: int | None = strawberry.field(description="So many orders of each pool, if said so.")
    release_min: int | None = strawberry.field(
        name="releaseMinutesBeforeCutoff", description="Open to all so long before the earliest cut-off."
    )
    release_days_before: int | None = strawberry.field(description="Open to all so many days before ...")
    release_at_local: str | None = strawberry.field(description="... at this time of the day.")
    reason: str = strawberry.field(description="Why.")
    actor: str = strawberry.field(description="Who said so last.")
    changed_at: datetime = strawberry.field(description="When.")

    @strawberry.field(name="nodeId", description="Only of this node, if one.")
    def of_node(self) -> strawberry.ID | None:
        """The node."""
        row: ProtectedQuotaRow = shown(self)
        return to_global("FulfilmentNode", row.node_id) if row.node_id else None

    @strawberry.field(name="zoneId", description="Only in pools that serve this zone, if one.")
    def of_zone(self) -> strawberry.ID | None:
        """The zone."""
        row: ProtectedQuotaRow = shown(self)
        return to_global("ServiceZone", row.zone_id) if row.zone_id else None

    @strawberry.field(name="templateId", description="Only in the windows of this template, if one.")
    def of_template(self) -> strawberry.ID | None:
        """The template."""
        row: ProtectedQuotaRow = shown(self)
        return to_global("SlotTemplate", row.template_id) if row.template_id else None

    @strawberry.field(description="Percent of each pool's orders, if said so.")
    def percent(self) -> int | None:
        """The share."""
        row: ProtectedQuotaRow = shown(self)
        return None if row.share_bp is None else row.share_bp // 100


@onto(Kept, description="What a rule keeps of the pools ahead.")
class KeptOrders:
    """What is kept."""

    pools: int = strawberry.field(description="In so many pools.")
    orders: int = strawberry.field(description="So many orders, over all of them.")
    missing: int = strawberry.field(
        description="Of them others have taken so many already; they stay theirs."
    )


@strawberry.input(one_of=True, description="How much of each pool is kept.")
class ProtectedAmountInput:
    """How much."""

    orders: strawberry.Maybe[int] = strawberry.field(description="So many orders.")
    percent: strawberry.Maybe[int] = strawberry.field(description="Percent of its orders, 0 to 100.")


@strawberry.input(description="A wall-clock time some days before the day of the pool.")
class ReleaseTimeInput:
    """By the clock."""

    days_before: int = strawberry.field(description="0 to 14.")
    at_local: str = strawberry.field(description="Like 18:00, on the zone's wall clock.")


@strawberry.input(one_of=True, description="When what is kept is open to all; never after the cut-off.")
class QuotaReleaseInput:
    """When it lets go."""

    minutes_before_cutoff: strawberry.Maybe[int] = strawberry.field(
        description="Before the earliest cut-off of the windows concerned."
    )
    at: strawberry.Maybe[ReleaseTimeInput] = strawberry.field(description="By the clock.")


@strawberry.input(description="A rule that keeps a part of pools for a group of customers.")
class ProtectedQuotaInput:
    """A rule, as told."""

    key: str = strawberry.field(description="Its name; the rule with it is changed.")
    audience: str = strawberry.field(description="The group, as given with customers.")
    amount: ProtectedAmountInput = strawberry.field(description="How much.")
    release: QuotaReleaseInput = strawberry.field(description="Until when.")
    node_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this node.")
    zone_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only in pools that serve this zone."
    )
    template_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only in the windows of this template."
    )
    weekdays: str = strawberry.field(default="1234567", description="1 is Monday, 7 Sunday.")

    def draft(self) -> QuotaDraft:
        """The rule as the room knows it."""
        at = self.release.at.value if self.release.at else None
        before = self.release.minutes_before_cutoff
        percent = self.amount.percent
        return QuotaDraft(
            key=self.key,
            audience=self.audience,
            node_id=key_of("FulfilmentNode", self.node_id) if self.node_id else None,
            zone_id=key_of("ServiceZone", self.zone_id) if self.zone_id else None,
            template_id=key_of("SlotTemplate", self.template_id) if self.template_id else None,
            weekdays=self.weekdays,
            orders=self.amount.orders.value if self.amount.orders else None,
            share_bp=percent.value * 100 if percent else None,
            release_min=before.value if before else None,
            release_days_before=at.days_before if at else None,
            release_at_local=at.at_local if at else None,
        )


@strawberry.input(description="A rule, and why.")
class UpsertProtectedQuotaInput:
    """What to keep."""

    quota: ProtectedQuotaInput = strawberry.field(description="The rule.")
    reason: str = strawberry.field(description="Why; the ledger keeps it.")


@strawberry.input(description="Which rule to take away.")
class DeleteProtectedQuotaInput:
    """What to let go."""

    quota_id: strawberry.ID = strawberry.field(description="The rule.")
    reason: str = strawberry.field(description="Why; the ledger keeps it.")


@strawberry.type(description="What a rule would keep; nothing was written.")
class ProtectedQuotaPreview:
    """A preview."""

    kept: KeptOrders | None = strawberry.field(description="Of the pools ahead; null when refused.")
    user_errors: list[CapacityUserError] = strawberry.field(description="Empty when it could be foreseen.")


@strawberry.type(description="What came of it.")
class ProtectedQuotaPayload:
    """The answer."""

    quota: ProtectedQuota | None = strawberry.field(description="Null when refused.")
    kept: KeptOrders | None = strawberry.field(description="Of the pools ahead; null when refused.")
    user_errors: list[CapacityUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.type(description="What came of it.")
class DeleteProtectedQuotaPayload:
    """The answer."""

    quota: ProtectedQuota | None = strawberry.field(description="As it was; null when refused.")
    user_errors: list[CapacityUserError] = strawberry.field(description="Empty when it worked.")


async def protected_quotas(info: Info) -> list[ProtectedQuota] | None:
    """All rules."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, _: quotas(conn)))


async def preview_protected_quota(
    info: Info, quota: Annotated[ProtectedQuotaInput, strawberry.argument(description="The rule.")]
) -> ProtectedQuotaPreview | None:
    """What a rule would keep."""
    draft = quota.draft()

    def look(conn: Connection, now: datetime) -> Kept:
        return kept_under(conn, now=now, actor=info.context.actor, draft=draft)

    kept, refusal = await attempted(info.context.read(look))
    return ProtectedQuotaPreview(kept=shown(kept), user_errors=capacity_errors(refusal))


async def upsert_protected_quota(
    info: Info, input: UpsertProtectedQuotaInput
) -> ProtectedQuotaPayload | None:
    """Keep."""
    draft = input.quota.draft()

    def work(conn: Connection, now: datetime) -> tuple[ProtectedQuotaRow, Kept]:
        return save_verb.save_quota(conn, now=now, actor=info.context.actor, draft=draft, reason=input.reason)

    done, refusal = await attempted(info.context.write(work))
    rule, kept = done or (None, None)
    return ProtectedQuotaPayload(quota=shown(rule), kept=shown(kept), user_errors=capacity_errors(refusal))


async def delete_protected_quota(
    info: Info, input: DeleteProtectedQuotaInput
) -> DeleteProtectedQuotaPayload | None:
    """Let go."""
    quota_id = key_of("ProtectedQuota", input.quota_id)

    def work(conn: Connection, now: datetime) -> ProtectedQuotaRow:
        return delete_verb.delete_quota(
            conn, now=now, actor=info.context.actor, quota_id=quota_id, reason=input.reason
        )

    gone, refusal = await attempted(info.context.write(work))
    return DeleteProtectedQuotaPayload(quota=shown(gone), user_errors=capacity_errors(refusal))
