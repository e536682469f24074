"""Keep parts of pools for groups of customers, as the rules for it say now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.leave_word import may_have_opened
from app.capacity.quota_rules import kept_orders, release_at, width
from app.capacity.rebuild import orders_of
from app.capacity.sizes import sized
from app.capacity.tables import CapacityEntry, CapacityPool, CapacityReach, ProtectedQuota
from app.database.rows import add, rows, table_of
from app.slots.tables import DeliverySlot

_CHUNK = 500


@dataclass(frozen=True)
class Protection:
    """What is to be kept of one pool, for whom and until when, and by which rule."""

    pool: CapacityPool
    orders: int = 0
    audience: str | None = None
    until: datetime | None = None
    quota_id: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether the pool says otherwise now."""
        pool = self.pool
        said = (pool.protected_orders, pool.protected_group, pool.protected_until)
        return said != (self.orders, self.audience, self.until)


def quotas(conn: Connection) -> list[ProtectedQuota]:
    """All rules, by key."""
    quota = table_of(ProtectedQuota)
    return rows(conn, ProtectedQuota, sa.select(quota).order_by(quota.c.key))


def protect(
    conn: Connection, *, now: datetime, actor: str, reason: str, first: date, last: date
) -> list[Protection]:
    """Keep in the pools ahead of these local days what the rules say; returns what has changed.

    Each change is an entry of the ledger. What a group has taken of a pool is counted from the ledger
    when the pool begins to keep something for it.
    """
    found = protections(conn, now=now, rules=quotas(conn), first=first, last=last, lock=True)
    news = [one for one in found if one.is_news]
    used = _used(conn, [one for one in news if one.audience not in (None, one.pool.protected_group)])
    entries = []
    for one in news:
        values = {
            "protected_orders": one.orders,
            "protected_group": one.audience,
            "protected_until": one.until,
        }
        if one.audience != one.pool.protected_group:
            values["protected_used"] = used.get(one.pool.id, 0)
        entry = sized(
            conn,
            now=now,
            actor=actor,
            reason=reason,
            reference=one.quota_id,
            pool=one.pool,
            values=values,
        )
        if entry:
            entries.append(entry)
    add(conn, *entries)
    for until in sorted({one.until for one in news if one.until is not None and one.until > now}):
        days = [one.pool.day for one in news if one.until == until]
        may_have_opened(conn, now=now, first=min(days), last=max(days), at=until)
    return news


def protections(
    conn: Connection,
    *,
    now: datetime,
    rules: Sequence[ProtectedQuota],
    first: date,
    last: date,
    lock: bool = False,
) -> list[Protection]:
    """What these rules would keep of each pool ahead; the narrowest rule counts for a pool."""
    pool = table_of(CapacityPool)
    kept_now = pool.c.protected_until > now
    ahead = sa.select(pool).where(pool.c.day.between(first, last), pool.c.starts_at > now)
    if not rules:
        ahead = ahead.where(kept_now)
    ahead = ahead.order_by(pool.c.id)
    found = rows(conn, CapacityPool, ahead.with_for_update() if lock else ahead)
    by_rule = {rule.id: _cutoffs(conn, now, rule, first, last) for rule in rules} if found else {}
    return [_protection(one, now, rules, by_rule) for one in found if one.sell_orders or one.protected_group]


type _Cutoffs = dict[str, tuple[datetime, str]]


def _protection(
    pool: CapacityPool, now: datetime, rules: Iterable[ProtectedQuota], by_rule: dict[str, _Cutoffs]
) -> Protection:
    for rule in sorted(rules, key=lambda rule: width(rule.draft)):
        cutoff = by_rule[rule.id].get(pool.id)
        if cutoff is None or str(pool.day.isoweekday()) not in rule.weekdays:
            continue
        until = release_at(rule.draft, day=pool.day, cutoff_at=cutoff[0], zone=cutoff[1])
        orders = kept_orders(rule.draft, pool.sell_orders)
        if until > now and orders:
            return Protection(pool, orders, rule.audience, until, rule.id)
        break
    if pool.protected_until is not None and pool.protected_until <= now:
        # Its time has come, and nothing needs to be said.
        return Protection(pool, pool.protected_orders, pool.protected_group, pool.protected_until)
    return Protection(pool)


def _cutoffs(conn: Connection, now: datetime, rule: ProtectedQuota, first: date, last: date) -> _Cutoffs:
    """The earliest cut-off of the windows that a rule concerns, with their time zone, by pool."""
    pool, reach, slot = table_of(CapacityPool), table_of(CapacityReach), table_of(DeliverySlot)
    query = (
        sa.select(pool.c.id, sa.func.min(slot.c.cutoff_at).label("cutoff_at"), sa.func.min(slot.c.time_zone))
        .join(reach, reach.c.pool_id == pool.c.id)
        .join(
            slot,
            sa.and_(
                slot.c.zone_id == reach.c.zone_id,
                slot.c.day == pool.c.day,
                slot.c.starts_at <= pool.c.starts_at,
                slot.c.ends_at >= pool.c.ends_at,
            ),
        )
        .where(pool.c.day.between(first, last), pool.c.starts_at > now)
        .group_by(pool.c.id)
    )
    if rule.node_id is not None:
        query = query.where(pool.c.node_id == rule.node_id)
    if rule.zone_id is not None:
        query = query.where(slot.c.zone_id == rule.zone_id)
    if rule.template_id is not None:
        query = query.where(slot.c.template_id == rule.template_id)
    return {row[0]: (row[1], row[2]) for row in conn.execute(query)}


def _used(conn: Connection, changed: Sequence[Protection]) -> dict[str, int]:
    """What each group has taken of the pool that begins to keep something for it."""
    entry = table_of(CapacityEntry)
    group = {one.pool.id: one.audience for one in changed}
    ids = sorted(group)
    used: dict[str, int] = defaultdict(int)
    for start in range(0, len(ids), _CHUNK):
        lines = sa.select(entry.c.pool_id, entry.c.audience, entry.c.held_delta, entry.c.booked_delta).where(
            entry.c.pool_id.in_(ids[start : start + _CHUNK]), entry.c.audience.is_not(None)
        )
        for line in conn.execute(lines):
            if line.audience == group[line.pool_id]:
                used[line.pool_id] += orders_of(line.held_delta, line.booked_delta)
    return used
