"""Parts of pools that are kept for a group of customers until a stated second."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.delete_quota import delete_quota
from app.capacity.errors import InvalidQuota, QuotaNotFound, ReasonMissing
from app.capacity.give_back import give_back
from app.capacity.ledger import post
from app.capacity.override import override
from app.capacity.quota_rules import QuotaDraft, kept_orders, quota_mistake, release_at, width
from app.capacity.quotas import Kept, kept_under
from app.capacity.rebuild import rebuild
from app.capacity.rules import EntryKind, PoolSelector, SizeChange
from app.capacity.save_quota import save_quota
from app.capacity.tables import CapacityPool, ProtectedQuota
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import OperatorsOnly
from app.values.actor import Actor, Role
from app.values.load import Load
from tests.conftest import Clock
from tests.factories import ROOM, ZONE, Shop, evening, make_open_slot, make_pools, make_shop, pool_plan
from tests.ledger import assert_ledger_equals_counters
from tests.patience import patiently

OLGA = Actor("house", Role.OPERATOR, "Olga")
ONE = Load(1, 540, 25_000, 8_000, 4_000, 1_000)
GOLD = QuotaDraft(key="gold", audience="gold", orders=4, release_min=60)
# Tomorrow at six: the slot's cut-off is two hours before, the release one hour earlier.
RELEASE = evening().start - timedelta(hours=3)


def opened(db: Database, orders: int = 10) -> Shop:
    def work(conn: Connection, _now: datetime) -> Shop:
        shop = make_shop(conn)
        make_open_slot(conn, shop, orders=orders)
        return shop

    return db.write_now(work)


def the_pool(db: Database) -> CapacityPool:
    return db.read_now(lambda c, _: rows(c, CapacityPool, sa.select(table_of(CapacityPool))))[0]


def saved(db: Database, draft: QuotaDraft = GOLD) -> tuple[ProtectedQuota, Kept]:
    return db.write_now(lambda c, n: save_quota(c, now=n, actor=OLGA, draft=draft, reason="loyal customers"))


def taken(db: Database, pool_id: str, audience: str | None, reference: str = "r") -> bool:
    return db.write_now(
        lambda c, n: post(
            c,
            now=n,
            actor="test",
            kind=EntryKind.HOLD,
            pool_id=pool_id,
            held=ONE,
            reference=reference,
            reason="test",
            audience=audience,
        )
    )


def returned(db: Database, pool_id: str, audience: str | None) -> None:
    db.write_now(
        lambda c, n: give_back(
            c,
            now=n,
            actor="test",
            pool_id=pool_id,
            held=ONE,
            reference="r",
            reason="back",
            audience=audience,
        )
    )


def explained(db: Database) -> None:
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))
    assert db.write_now(lambda c, _: rebuild(c)) == []


def test_others_get_what_is_not_kept_and_the_group_gets_all(db: Database) -> None:
    opened(db)
    _, kept = saved(db)
    pool = the_pool(db)
    assert kept == Kept(pools=1, orders=4, missing=0)
    assert (pool.protected_orders, pool.protected_group, pool.protected_until) == (4, "gold", RELEASE)

    assert [taken(db, pool.id, None) for _ in range(7)] == [True] * 6 + [False]
    assert not taken(db, pool.id, "silver")
    assert [taken(db, pool.id, "gold") for _ in range(5)] == [True] * 4 + [False]
    explained(db)


def test_what_the_group_takes_lowers_what_is_kept_and_its_return_raises_it_again(db: Database) -> None:
    opened(db, orders=5)
    saved(db)
    pool = the_pool(db)
    assert [taken(db, pool.id, "gold") for _ in range(3)] == [True] * 3
    # One kept, one open.
    assert [taken(db, pool.id, None) for _ in range(2)] == [True, False]
    returned(db, pool.id, "gold")
    assert not taken(db, pool.id, None)
    assert taken(db, pool.id, "gold")
    returned(db, pool.id, None)
    assert taken(db, pool.id, None)
    explained(db)


def test_what_nobody_of_the_group_took_is_open_to_all_at_the_second_of_release(
    db: Database, clock: Clock
) -> None:
    opened(db, orders=5)
    saved(db)
    pool = the_pool(db)
    assert taken(db, pool.id, None)
    clock.set(RELEASE - timedelta(seconds=1))
    assert not taken(db, pool.id, None)
    clock.set(RELEASE)
    assert [taken(db, pool.id, None) for _ in range(5)] == [True] * 4 + [False]
    explained(db)


def test_a_group_that_takes_more_than_its_part_takes_from_what_is_open(db: Database) -> None:
    opened(db, orders=6)
    saved(db)
    pool = the_pool(db)
    assert [taken(db, pool.id, "gold") for _ in range(5)] == [True] * 5
    assert [taken(db, pool.id, None) for _ in range(2)] == [True, False]
    explained(db)


def test_what_a_group_had_before_the_rule_counts_for_it(db: Database) -> None:
    opened(db)
    pool = the_pool(db)
    assert [taken(db, pool.id, "gold") for _ in range(3)] == [True] * 3
    saved(db)
    assert the_pool(db).protected_used == 3
    assert [taken(db, pool.id, None) for _ in range(7)] == [True] * 6 + [False]
    explained(db)


def test_a_part_that_changes_hands_counts_the_new_group(db: Database) -> None:
    opened(db)
    saved(db)
    pool = the_pool(db)
    for audience in ("gold", "gold", "silver"):
        assert taken(db, pool.id, audience)
    saved(db, replace(GOLD, audience="silver"))
    assert the_pool(db).protected_used == 1
    returned(db, pool.id, "gold")
    assert the_pool(db).protected_used == 1
    returned(db, pool.id, "silver")
    assert the_pool(db).protected_used == 0
    explained(db)


def test_the_ledger_says_who_keeps_what_for_whom(db: Database) -> None:
    opened(db)
    rule, _ = saved(db)
    taken(db, the_pool(db).id, "gold")
    gone = db.write_now(lambda c, n: delete_quota(c, now=n, actor=OLGA, quota_id=rule.id, reason="over"))
    assert gone.key == "gold"
    pool = the_pool(db)
    assert (pool.protected_orders, pool.protected_group, pool.protected_until) == (0, None, None)
    assert [taken(db, pool.id, None) for _ in range(10)] == [True] * 9 + [False]
    with pytest.raises(QuotaNotFound):
        db.write_now(lambda c, n: delete_quota(c, now=n, actor=OLGA, quota_id=rule.id, reason="over"))
    explained(db)


def test_a_new_plan_and_an_override_keep_the_share_of_what_is_sold_then(db: Database) -> None:
    shop = opened(db)
    saved(db, replace(GOLD, orders=None, share_bp=5_000))
    assert the_pool(db).protected_orders == 5

    def replan(conn: Connection, now: datetime) -> None:
        bucket = the_pool_of(conn).window
        sell = Load(20, ROOM.work_s * 10, ROOM.volume_ml, ROOM.weight_g, ROOM.chilled_ml, ROOM.frozen_ml)
        make_pools(conn, pool_plan(shop, bucket, sell=sell), now=now)

    def the_pool_of(conn: Connection) -> CapacityPool:
        return rows(conn, CapacityPool, sa.select(table_of(CapacityPool)))[0]

    db.write_now(replan)
    assert (the_pool(db).sell_orders, the_pool(db).protected_orders) == (20, 10)
    which = PoolSelector(pool_id=the_pool(db).id)
    db.write_now(
        lambda c, n: override(
            c, now=n, actor="Olga", which=which, to=SizeChange(sell_orders=7), reason="a bike less"
        )
    )
    assert (the_pool(db).sell_orders, the_pool(db).protected_orders) == (7, 3)
    explained(db)


def test_a_preview_counts_and_writes_nothing(db: Database) -> None:
    opened(db, orders=5)
    pool = the_pool(db)
    for _ in range(3):
        assert taken(db, pool.id, None)
    kept = db.read_now(lambda c, n: kept_under(c, now=n, actor=OLGA, draft=GOLD))
    assert kept == Kept(pools=1, orders=4, missing=2)
    assert the_pool(db) == pool.model_copy(
        update={
            "held_orders": 3,
            **{
                name: getattr(the_pool(db), name)
                for name in (
                    "held_work_s",
                    "held_volume_ml",
                    "held_weight_g",
                    "held_chilled_ml",
                    "held_frozen_ml",
                    "entries",
                )
            },
        }
    )


@pytest.mark.parametrize(
    ("narrowed", "pools"),
    [
        ({"weekdays": "3"}, 1),
        ({"weekdays": "12"}, 0),
        ({"node_id": "here"}, 1),
        ({"zone_id": "here"}, 1),
        ({"template_id": "here"}, 1),
    ],
)
def test_a_rule_is_about_its_days_node_zone_and_template(
    db: Database, narrowed: dict[str, Any], pools: int
) -> None:
    shop = opened(db)
    here = {"node_id": shop.node_id, "zone_id": shop.zone_id, "template_id": shop.template_id}
    told: dict[str, Any] = {
        name: here[name] if value == "here" else value for name, value in narrowed.items()
    }
    assert saved(db, replace(GOLD, **told))[1].pools == pools


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"audience": ""},
        {"weekdays": "8"},
        {"orders": None},
        {"share_bp": 100},
        {"orders": -1},
        {"orders": None, "share_bp": 10_001},
        {"release_min": None},
        {"release_min": -1},
        {"release_days_before": 1, "release_at_local": "18:00"},
        {"release_min": None, "release_days_before": 1},
        {"release_min": None, "release_days_before": 1, "release_at_local": "25:00"},
        {"release_min": None, "release_days_before": 15, "release_at_local": "18:00"},
        {"node_id": "nowhere"},
        {"zone_id": "nowhere"},
        {"template_id": "nothing"},
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(db: Database, wrong: dict[str, Any]) -> None:
    opened(db)
    with pytest.raises(InvalidQuota):
        saved(db, replace(GOLD, **wrong))
    assert the_pool(db).protected_orders == 0


def test_only_operators_with_a_reason_keep_anything(db: Database) -> None:
    opened(db)
    shopkeeper = Actor("shop", Role.STOREFRONT, "shop")
    with pytest.raises(OperatorsOnly):
        db.write_now(lambda c, n: save_quota(c, now=n, actor=shopkeeper, draft=GOLD, reason="r"))
    with pytest.raises(OperatorsOnly):
        db.read_now(lambda c, n: kept_under(c, now=n, actor=shopkeeper, draft=GOLD))
    with pytest.raises(OperatorsOnly):
        db.write_now(lambda c, n: delete_quota(c, now=n, actor=shopkeeper, quota_id="x", reason="r"))
    with pytest.raises(ReasonMissing):
        db.write_now(lambda c, n: save_quota(c, now=n, actor=OLGA, draft=GOLD, reason=" "))
    with pytest.raises(ReasonMissing):
        db.write_now(lambda c, n: delete_quota(c, now=n, actor=OLGA, quota_id="x", reason=""))


def test_the_release_is_a_pure_rule() -> None:
    cutoff = datetime(2026, 11, 25, 16, tzinfo=UTC)

    def at(**release: Any) -> datetime:
        draft = replace(GOLD, release_min=None, **release)
        assert quota_mistake(draft) is None
        return release_at(draft, day=date(2026, 11, 25), cutoff_at=cutoff, zone=ZONE)

    assert release_at(GOLD, day=date(2026, 11, 25), cutoff_at=cutoff, zone=ZONE) == cutoff - timedelta(
        hours=1
    )
    assert at(release_days_before=1, release_at_local="18:30") == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    # Never after the cut-off.
    assert at(release_days_before=0, release_at_local="20:00") == cutoff
    # The clocks skip half past two in the morning of 29 March 2026 in Berlin.
    skipped = replace(GOLD, release_min=None, release_days_before=1, release_at_local="02:30")
    opens = release_at(
        skipped, day=date(2026, 3, 30), cutoff_at=datetime(2026, 3, 30, 9, tzinfo=UTC), zone="Europe/Berlin"
    )
    assert opens == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_amounts_and_precedence_are_pure_rules() -> None:
    half = replace(GOLD, orders=None, share_bp=5_000)
    assert [kept_orders(GOLD, 3), kept_orders(GOLD, 30), kept_orders(half, 9)] == [3, 4, 4]
    zone = replace(GOLD, key="zone", zone_id="z")
    days = replace(GOLD, key="days", weekdays="67")
    both = replace(GOLD, key="both", zone_id="z", weekdays="67")
    assert [one.key for one in sorted([GOLD, zone, days, both], key=width)] == [
        "both",
        "days",
        "zone",
        "gold",
    ]


def test_a_race_of_two_groups_never_oversells_and_keeps_what_is_kept(db: Database) -> None:
    opened(db, orders=20)
    saved(db, replace(GOLD, orders=8))
    pool_id = the_pool(db).id

    def shopper(number: int) -> tuple[str | None, bool]:
        audience = "gold" if number % 6 == 0 else None
        return audience, patiently(lambda: taken(db, pool_id, audience, f"hold-{number}"))

    with ThreadPoolExecutor(24) as threads:
        done = list(threads.map(shopper, range(60)))
    gold = sum(took for audience, took in done if audience)
    others = sum(took for audience, took in done if not audience)
    # Ten of the group ask for twenty places, eight of which are kept; forty others ask for the rest.
    assert gold + others == 20
    assert 8 <= gold <= 10
    assert others <= 12
    assert the_pool(db).held_orders == 20
    explained(db)
