"""Which goods may change hands how, and what a wish must say."""

from typing import Any

import pytest

from app.database.runner import Database
from app.errors import Refusal
from app.handover.choose import choose
from app.handover.errors import AgeCheckRequiresHandover, HandoverNotAllowed, InvalidDropPreference
from app.handover.queries import policies
from app.handover.rules import DropWish, HandoverMode, HandoverRefusal, ProofKind, options
from app.values.basket import GoodsTrait
from tests.factories import make_basket, make_handover_policies


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
