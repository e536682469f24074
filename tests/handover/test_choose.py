"""Which goods may change hands how, and what a wish must say."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from app.database.runner import Database
from app.errors import Refusal
from app.handover.choose import choose
from app.handover.errors import AgeCheckRequiresHandover, HandoverNotAllowed, InvalidDropPreference
from app.handover.queries import policies
from app.handover.rules import DropWish, HandoverMode, HandoverRefusal, ProofKind, options
from app.handover.tables import DropPreference
from app.values.basket import GoodsTrait
from tests.factories import make_basket, make_collection, make_handover_policies


def basket(*traits: GoodsTrait) -> Any:
    return make_basket(traits=frozenset(traits))


def test_a_wish_is_kept_with_its_seconds_and_proof(db: Database) -> None:
    db.write_now(lambda c, _: make_handover_policies(c))
    wish = DropWish(HandoverMode.SAFE_PLACE, place="the porch")
    made = db.write_now(lambda c, n: choose(c, now=n, wish=wish, basket=basket()))
    assert (made.at_door_s, made.proof) == (120, ["PHOTO"])

    slow = DropWish(HandoverMode.ATTENDED, extra_min=5)
    made = db.write_now(lambda c, n: choose(c, now=n, wish=slow, basket=basket(GoodsTrait.AGE_RESTRICTED)))
    assert (made.at_door_s, made.proof) == (240 + 300, ["ID_CHECK"])


@pytest.mark.parametrize(
    ("wish", "traits", "refusal"),
    [
        (
            DropWish(HandoverMode.SAFE_PLACE, place="porch"),
            [GoodsTrait.AGE_RESTRICTED],
            AgeCheckRequiresHandover,
        ),
        (
            DropWish(HandoverMode.NEIGHBOUR, neighbour="Rui", neighbour_line1="14"),
            [GoodsTrait.AGE_RESTRICTED],
            AgeCheckRequiresHandover,
        ),
        (DropWish(HandoverMode.SAFE_PLACE, place="porch"), [GoodsTrait.HIGH_VALUE], HandoverNotAllowed),
        (DropWish(HandoverMode.LOCKER), [], HandoverNotAllowed),
        (DropWish(HandoverMode.SAFE_PLACE, place="  "), [], InvalidDropPreference),
        (DropWish(HandoverMode.NEIGHBOUR, neighbour="Rui"), [], InvalidDropPreference),
        (DropWish(HandoverMode.ATTENDED, extra_min=31), [], InvalidDropPreference),
        (DropWish(HandoverMode.ATTENDED, note="x" * 201), [], InvalidDropPreference),
    ],
)
def test_what_may_not_be_is_refused_with_its_reason(
    db: Database, wish: DropWish, traits: list[GoodsTrait], refusal: type[Refusal]
) -> None:
    db.write_now(lambda c, _: make_handover_policies(c))
    with pytest.raises(refusal):
        db.write_now(lambda c, n: choose(c, now=n, wish=wish, basket=basket(*traits)))


def test_every_way_is_shown_with_the_reason_why_not(db: Database) -> None:
    db.write_now(lambda c, _: make_handover_policies(c))
    known = db.read_now(lambda c, _: policies(c))
    shown = {o.mode: o for o in options(known, basket(GoodsTrait.AGE_RESTRICTED))}

    assert shown[HandoverMode.ATTENDED].proof == (ProofKind.ID_CHECK,)
    assert shown[HandoverMode.ATTENDED].extra_minutes == 2
    assert shown[HandoverMode.SAFE_PLACE].reason is HandoverRefusal.AGE_CHECK_REQUIRES_HANDOVER
    assert all(o.allowed for o in options(known, basket(GoodsTrait.BULKY)))


def test_at_a_collection_point_goods_are_collected_and_nowhere_else(db: Database) -> None:
    db.write_now(lambda c, _: make_handover_policies(c))
    known = db.read_now(lambda c, _: policies(c))
    wine = basket(GoodsTrait.AGE_RESTRICTED)
    assert options(known, wine, collected=True) == options(known, wine), "where that is not offered"

    db.write_now(lambda c, _: make_collection(c))
    known = db.read_now(lambda c, _: policies(c))
    there = {o.mode: o for o in options(known, wine, collected=True)}
    assert [mode for mode, o in there.items() if o.allowed] == [HandoverMode.COLLECTION]
    assert there[HandoverMode.COLLECTION].proof == (ProofKind.BARCODE, ProofKind.ID_CHECK)
    assert there[HandoverMode.COLLECTION].extra_minutes == 0
    assert there[HandoverMode.SAFE_PLACE].reason is HandoverRefusal.NOT_AT_THIS_ADDRESS
    home = {o.mode: o for o in options(known, basket())}
    assert home[HandoverMode.COLLECTION].reason is HandoverRefusal.NOT_AT_THIS_ADDRESS
    assert home[HandoverMode.ATTENDED].extra_minutes == 2, "the quickest way at home counts"

    made = db.write_now(lambda c, n: choose(c, now=n, wish=None, basket=wine, collected=True))
    assert (made.mode, made.at_door_s) == (HandoverMode.COLLECTION, 60)
    usual = db.write_now(lambda c, n: choose(c, now=n, wish=None, basket=wine))
    assert usual.mode is HandoverMode.ATTENDED
    for collected, mode in ((True, HandoverMode.ATTENDED), (False, HandoverMode.COLLECTION)):
        told: dict[str, Any] = {"wish": DropWish(mode), "basket": basket(), "collected": collected}
        with pytest.raises(HandoverNotAllowed, match="not at this address"):
            db.write_now(partial(_chosen, **told))


def _chosen(conn: Connection, now: datetime, **told: Any) -> DropPreference:
    return choose(conn, now=now, **told)
