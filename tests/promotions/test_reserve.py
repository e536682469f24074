"""Promotions stay inside their limits and budgets, whoever asks at the same time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import Refusal
from app.promotions.errors import (
    AlreadyUsed,
    CodeExpired,
    CodeNotStarted,
    CodeUnknown,
    Exhausted,
    NotEligible,
    NotStackable,
)
from app.promotions.reserve import reserve
from app.promotions.rules import DiscountKind
from app.promotions.tables import Promotion, PromotionRedemption
from app.values.ids import new_id
from app.values.money import Money
from tests.conftest import Clock
from tests.factories import NOW, ZONE, Shop, evening, make_promotion, make_shop


def opened(db: Database, **changes: Any) -> Shop:
    def work(conn: sa.Connection, _now: object) -> Shop:
        shop = make_shop(conn)
        make_promotion(conn, shop, **changes)
        return shop

    return db.write_now(work)


def use(
    db: Database,
    shop: Shop,
    customer: str = "ana",
    hold: str | None = None,
    fee: int = 350,
    code: str = "bemvindo ",
) -> PromotionRedemption:
    def work(conn: sa.Connection, now: Any) -> PromotionRedemption:
        buyer = register(conn, now=now, actor=shop.actor, facts=CustomerFacts(reference=customer))
        return reserve(
            conn,
            now=now,
            storefront_id=shop.actor.storefront_id,
            customer_id=buyer.id,
            hold_id=hold or new_id(),
            zone_id=shop.zone_id,
            window=evening(),
            zone=ZONE,
            fee=Money(fee, "EUR"),
            code=code,
            reserved_until=now + timedelta(hours=1),
        )

    return db.write_now(work)


def promotion(db: Database) -> Promotion:
    return db.read_now(lambda c, _: rows(c, Promotion, sa.select(table_of(Promotion))))[0]


def test_sixty_callers_for_seven_uses_get_exactly_seven(db: Database) -> None:
    shop = opened(db, max_uses=7)

    def caller(number: int) -> str:
        try:
            use(db, shop, f"c{number}")
        except Exhausted as refusal:
            return refusal.code
        return "USED"

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(caller, range(60)))
    assert answers.count("USED") == 7
    assert (promotion(db).used, promotion(db).spent_minor) == (7, 1_400)


def test_twenty_twins_of_one_customer_get_one_use(db: Database) -> None:
    shop = opened(db)

    def twin(_: int) -> bool:
        try:
            use(db, shop)
        except AlreadyUsed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(twin, range(20))) == 1
    assert promotion(db).used == 1


def test_the_budget_ends_a_promotion_before_its_uses_do(db: Database) -> None:
    shop = opened(db, budget_minor=500)
    use(db, shop, "a")
    use(db, shop, "b")
    with pytest.raises(Exhausted):
        use(db, shop, "c")
    assert promotion(db).spent_minor == 400


def test_an_abandoned_reservation_is_taken_back_when_it_is_needed(db: Database, clock: Clock) -> None:
    shop = opened(db, max_uses=1)
    use(db, shop, "a")
    clock.forward(timedelta(minutes=59))
    with pytest.raises(Exhausted):
        use(db, shop, "b")
    clock.forward(timedelta(minutes=1))
    use(db, shop, "b")
    assert (promotion(db).used, promotion(db).spent_minor) == (1, 200)


@pytest.mark.parametrize(
    ("changes", "asked", "refusal"),
    [
        ({}, {"code": "NOPE"}, CodeUnknown),
        ({"starts_at": NOW + timedelta(seconds=1)}, {}, CodeNotStarted),
        ({"ends_at": NOW}, {}, CodeExpired),
        ({"zone_ids": ["elsewhere"]}, {}, NotEligible),
        ({}, {"fee": 0}, NotEligible),
    ],
)
def test_a_code_that_does_not_apply_says_why(
    db: Database, changes: dict[str, Any], asked: dict[str, Any], refusal: type[Refusal]
) -> None:
    shop = opened(db, **changes)
    with pytest.raises(refusal):
        use(db, shop, **asked)
    assert promotion(db).used == 0


def test_one_code_a_delivery(db: Database) -> None:
    shop = opened(db, per_customer=5)
    use(db, shop, hold="h")
    with pytest.raises(NotStackable):
        use(db, shop, hold="h")
    assert promotion(db).used == 1


@pytest.mark.parametrize(
    ("kind", "values", "fee", "discount"),
    [
        (DiscountKind.AMOUNT, {"amount_minor": 200}, 150, 150),
        (DiscountKind.PERCENT, {"percent_bp": 2_500}, 350, 88),
        (DiscountKind.FREE_DELIVERY, {}, 350, 350),
    ],
)
def test_a_discount_is_rounded_and_never_above_the_fee(
    db: Database, kind: DiscountKind, values: dict[str, int], fee: int, discount: int
) -> None:
    shop = opened(db, kind=kind, **values)
    assert use(db, shop, fee=fee).discount_minor == discount
