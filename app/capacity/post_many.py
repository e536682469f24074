"""Change the use of many pools at once, in three statements however many they are."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from app.capacity.ledger import NOTHING, delta, picked
from app.capacity.rules import EntryKind
from app.capacity.tables import CapacityEntry, CapacityPool
from app.database.rows import add, made, table_of
from app.values.load import DIMENSIONS, Load

_COUNTERS = tuple(f"{prefix}_{d}" for prefix in ("held", "booked") for d in DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one reference changes in a pool; `audience` is the group of its customer."""

    pool_id: str
    reference: str
    actor: str
    audience: str | None
    held: Load = NOTHING
    booked: Load = NOTHING


def post_many(
    conn: Connection, *, now: datetime, kind: EntryKind, reason: str, claims: Sequence[Claim]
) -> set[str]:
    """Change many pools at once, as `post` changes one; the references of those that were counted.

    A pool takes all that is claimed of it or nothing, and so does a picking wave of all its pools: what
    was refused here may still fit alone. Waves are locked before pools, each in the order of their ids.
    """
    by_pool: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_pool[claim.pool_id].append(claim)
    asked = [_Asked(pool_id, by_pool[pool_id]) for pool_id in sorted(by_pool)]
    waves = _waves_of(conn, list(by_pool))
    asked = [one for one in asked if one.pool_id in waves]
    full = {wave for wave, more in _per_wave(asked, waves) if not picked(conn, wave, *_orders(more))}
    asked = [one for one in asked if waves[one.pool_id] not in full]
    posted = _changed(conn, now, asked, waves)
    for wave, more in _per_wave([one for one in asked if one.pool_id not in posted], waves):
        picked(conn, wave, *(-orders for orders in _orders(more)))
    entries = [
        entry
        for one in asked
        if (row := posted.get(one.pool_id)) is not None
        for entry in _in_turn(now, kind, reason, one, row)
    ]
    add(conn, *entries)
    return {str(entry.reference) for entry in entries}


class _Asked:
    """All that is claimed of one pool."""

    def __init__(self, pool_id: str, claims: Sequence[Claim]) -> None:
        self.pool_id, self.claims = pool_id, claims
        self.held = sum((claim.held for claim in claims), NOTHING)
        self.booked = sum((claim.booked for claim in claims), NOTHING)

    def told(self, wave: str | None) -> dict[str, Any]:
        """As an element of the statement's parameter."""
        groups: Counter[str] = Counter()
        for claim in self.claims:
            if claim.audience is not None:
                groups[claim.audience] += claim.held.orders + claim.booked.orders
        amounts = {
            f"{prefix}_{d}": getattr(load, d)
            for prefix, load in (("held", self.held), ("booked", self.booked))
            for d in DIMENSIONS
        }
        return {
            "pool_id": self.pool_id,
            "wave": wave,
            "entries": len(self.claims),
            "groups": groups,
            **amounts,
        }


def _waves_of(conn: Connection, pool_ids: Sequence[str]) -> dict[str, str | None]:
    """The picking wave of each pool that there is."""
    return {row.id: row.pick_load_id for row in conn.execute(_waves(), {"ids": pool_ids})}


@cache
def _waves() -> sa.Select[tuple[str, str | None]]:
    pool = table_of(CapacityPool)
    return sa.select(pool.c.id, pool.c.pick_load_id).where(pool.c.id.in_(sa.bindparam("ids", expanding=True)))


def _per_wave(asked: Iterable[_Asked], waves: Mapping[str, str | None]) -> list[tuple[str, list[_Asked]]]:
    """What counts against each picking wave, in the order of their ids."""
    found: dict[str, list[_Asked]] = defaultdict(list)
    for one in asked:
        if (wave := waves[one.pool_id]) is not None:
            found[wave].append(one)
    return sorted(found.items(), key=itemgetter(0))


def _orders(asked: Iterable[_Asked]) -> tuple[int, int]:
    """The orders that are held and booked more."""
    many = list(asked)
    return sum(one.held.orders for one in many), sum(one.booked.orders for one in many)


def _changed(
    conn: Connection, now: datetime, asked: Sequence[_Asked], waves: Mapping[str, str | None]
) -> Mapping[str, RowMapping]:
    """The pools that could take what is asked of them, with their counters as this statement left them."""
    if not asked:
        return {}
    told = json.dumps([one.told(waves[one.pool_id]) for one in asked])
    found = conn.execute(_statement(conn.dialect.name), {"asked": told, "now": now}).mappings()
    return {row["id"]: row for row in found}


@cache
def _statement(dialect: str) -> sa.TextClause:
    """One conditional UPDATE of all pools, in the driver's own words for a list of rows.

    It says what `post` says of one pool, but what is kept for any group is not there: that may be had alone.
    PostgreSQL locks the pools in the order of their ids first, so that two such statements never cross, and
    judges each by what it finds when it has the lock.
    """
    pool = table_of(CapacityPool)
    ours = _DIALECTS[dialect]
    values = [f"{name} = pool.{name} + asked.{name}" for name in _COUNTERS]
    left = "pool.protected_orders - pool.protected_used"
    kept = f"CASE WHEN pool.protected_until > :now AND {left} > 0 THEN {left} ELSE 0 END"
    fits = [
        f"(asked.held_{d} + asked.booked_{d} <= 0 OR pool.held_{d} + pool.booked_{d} + asked.held_{d} +"
        f" asked.booked_{d} <= pool.sell_{d}{f' - {kept}' if d == 'orders' else ''})"
        for d in DIMENSIONS
    ]
    text = f"""
        {ours.source}
        UPDATE capacity_pool AS pool
        SET entries = pool.entries + asked.entries, {", ".join(values)},
            protected_used = pool.protected_used + COALESCE({ours.counted}, 0)
        FROM {ours.joined}
        WHERE pool.id = asked.pool_id AND pool.pick_load_id {ours.same} asked.wave
            AND {" AND ".join(fits)}
        RETURNING {", ".join(f"{ours.prefix}{name}" for name in ("id", "entries", *_COUNTERS))}
    """
    return sa.text(text).bindparams(sa.bindparam("now", type_=pool.c.protected_until.type))


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How an engine reads rows out of a JSON array, and a number by its name out of an object."""

    source: str
    joined: str
    counted: str
    same: str
    prefix: str


_AMOUNTS = ("entries", *_COUNTERS)
_TOLD = ("pool_id", "wave", "groups", *_AMOUNTS)
_DIALECTS = {
    "postgresql": _Dialect(
        source=f"""
        WITH asked AS MATERIALIZED (
            SELECT * FROM json_to_recordset(CAST(:asked AS json)) AS r(
                pool_id text, wave text, groups json, {", ".join(f"{name} bigint" for name in _AMOUNTS)})
        ), locked AS MATERIALIZED (
            SELECT id FROM capacity_pool WHERE id IN (SELECT pool_id FROM asked) ORDER BY id FOR UPDATE
        )""",
        joined="asked JOIN locked ON locked.id = asked.pool_id",
        counted="CAST(asked.groups ->> pool.protected_group AS bigint)",
        same="IS NOT DISTINCT FROM",
        prefix="pool.",
    ),
    "sqlite": _Dialect(
        source="",
        joined=f"""(
            SELECT {", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in _TOLD)}
            FROM json_each(:asked)) AS asked""",
        counted="json_extract(asked.groups, '$.\"' || pool.protected_group || '\"')",
        same="IS",
        prefix="",
    ),
}


def _in_turn(
    now: datetime, kind: EntryKind, reason: str, asked: _Asked, posted: RowMapping
) -> Iterator[CapacityEntry]:
    """The entries of claims that one UPDATE counted together, as if one had come after the other."""
    number = posted["entries"] - len(asked.claims)
    held = {
        d: posted[f"held_{d}"] - change for d, change in zip(DIMENSIONS, astuple(asked.held), strict=True)
    }
    booked = {
        d: posted[f"booked_{d}"] - change for d, change in zip(DIMENSIONS, astuple(asked.booked), strict=True)
    }
    for place, claim in enumerate(asked.claims, start=1):
        more_held, more_booked = delta(claim.held), delta(claim.booked)
        for d, change in more_held.items():
            held[d] += change
        for d, change in more_booked.items():
            booked[d] += change
        yield made(
            CapacityEntry,
            pool_id=claim.pool_id,
            number=number + place,
            kind=kind,
            at=now,
            actor=claim.actor,
            reason=reason,
            reference=claim.reference,
            audience=claim.audience,
            held_delta=more_held,
            booked_delta=more_booked,
            held_after={d: held[d] for d in more_held},
            booked_after={d: booked[d] for d in more_booked},
        )
