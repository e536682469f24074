"""A van breaks down in the evening wave: behaviour 14, through GraphQL, the letter and its page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.booking.tables import DeliveryBooking
from app.database.rows import add
from app.database.runner import Database
from app.fleet.tables import Vehicle
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from schema.ids import to_global
from tests.api import KEY, Api, client_on, worked, world_on
from tests.assignment.world import Street, street
from tests.conftest import Clock
from tests.factories import evening, make_basket, make_slot, pool_plan

OPERATOR = "key-of-the-operator"
REPORT = """mutation ($input: ReportDisruptionInput!) { reportDisruption(input: $input) {
  disruption { id status bookings } preview { pools bookings misfits } userErrors { code message field } } }"""
OUTCOME = """{ disruptions { status reason bookings movedSilently asked partnerCouriers answerBy
  cost { amount } message } }"""
KNOWN = "{ disruptions { what nodeId moves { bookingId reason beforePoolId afterPoolId } } }"
VEHICLES = "{ vehicles { name nodeId vehicleClass vehicleKind isOut } }"
BOOKING = """query ($id: ID!) { booking(id: $id) { partnerCourier promise { window { startsAt endsAt }
  history { reason actor } } } explainAllocation(bookingId: $id) { sentence partnerCourier
  moves { reason actor beforePoolId afterPoolId } } notifications(bookingId: $id) { subject text } }"""
PROPOSALS = "{ repromiseProposals(first: 20) { nodes { state booking { id } alternatives { id } } } }"
CHOOSE = """mutation ($input: ChooseWindowInput!) { chooseWindow(input: $input) {
  booking { promise { window { startsAt } history { reason } } } userErrors { code } } }"""
AT_1740 = datetime(2026, 11, 25, 17, 40, tzinfo=UTC)
CHILLED = make_basket()
DRY = make_basket(chilled_ml=0, frozen_ml=0)


def broken_evening(db: Database) -> tuple[Street, dict[str, DeliveryBooking]]:
    """One van with fourteen stops from six to eight, bikes with room for nine of them; tomorrow is open."""
    town = street(db)
    tomorrow = evening(day=town.early.day + timedelta(days=1), start=18, end=19)
    later = pool_plan(town.shop, tomorrow)
    town.publish(town.vans(18, orders=14, vehicles=1), town.bike(18, orders=0), later)

    def more(conn: Connection, now: datetime) -> None:
        van = Vehicle(name="Van 7", node_id=town.shop.node_id, vehicle_class_id=town.van.id)
        add(conn, van)
        make_slot(conn, town.shop, tomorrow)
        shop = town.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="shop", role=Role.STOREFRONT)
        issue_key(conn, now=now, storefront_id=shop, key=OPERATOR, name="desk", role=Role.OPERATOR)

    db.write_now(more)
    bookings = {}
    for number in range(14):
        name = f"c{number}"
        # The first nine accept six to eight; of the others two have nothing that must stay cold.
        slot = town.both if number < 9 else town.early
        basket = DRY if number in (9, 10) else CHILLED
        bookings[name] = town.booking(slot, name, basket=basket)
    assert len({b.pool_id for b in bookings.values()}) == 1
    town.publish(
        town.vans(18, orders=14, vehicles=1), town.bike(18, orders=0), town.bike(19, orders=9), later
    )
    return town, bookings


def told(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "VEHICLE",
        "vehicleName": "Van 7",
        "startsAt": AT_1740.isoformat(),
        "endsAt": (AT_1740 + timedelta(hours=5)).isoformat(),
        "reason": "Van 7 broke down",
        "idempotencyKey": f"van-7 {sorted(changes.items())}",
        **changes,
    }


def about(api: Api, booking: DeliveryBooking) -> Any:
    return api.data(BOOKING, id=to_global("DeliveryBooking", booking.id))


def test_a_van_breaks_down_in_the_evening_wave(db: Database, clock: Clock) -> None:
    town, bookings = broken_evening(db)
    world = world_on(db)
    clock.set(AT_1740)
    while worked(world):
        pass
    before = {name: town.now_of(b) for name, b in bookings.items()}
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)

        # Only operators; a dry run tells and does nothing; asking again is asking once.
        refused = shop.data(REPORT, input=told())["reportDisruption"]["userErrors"]
        assert [error["code"] for error in refused] == ["OPERATORS_ONLY"]
        dry = desk.data(REPORT, input=told(dryRun=True))["reportDisruption"]
        assert dry["preview"] == {"pools": 1, "bookings": 14, "misfits": 14}
        assert desk.data(OUTCOME)["disruptions"] == []
        first, again = (desk.data(REPORT, input=told())["reportDisruption"]["disruption"] for _ in range(2))
        assert first == again
        # Its capacity is gone at once, before any repair.
        assert town.pools()[bookings["c0"].pool_id].sell_orders == 0
        while worked(world):
            pass

        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["status"] == "REPAIRED", outcome["message"]
        # Nine fit the bikes inside their two hours, two are asked, three must stay cold and have no vehicle.
        found = (outcome["bookings"], outcome["movedSilently"], outcome["asked"], outcome["partnerCouriers"])
        assert found == (14, 9, 2, 3)
        assert float(outcome["cost"]["amount"]) > 3 * 14
        assert town.sound()

        (known,) = desk.data(KNOWN)["disruptions"]
        assert (known["what"], known["nodeId"]) == (
            "Van 7 is out",
            to_global("FulfilmentNode", town.shop.node_id),
        )
        moved = {one["bookingId"]: one for one in known["moves"]}
        assert len(moved) == len(known["moves"]) == 12
        assert {one["reason"] for one in moved.values()} == {"Van 7 broke down"}
        handed = {key for key, one in moved.items() if one["afterPoolId"] is None}
        assert handed == {to_global("DeliveryBooking", bookings[name].id) for name in ("c11", "c12", "c13")}
        assert desk.data(VEHICLES)["vehicles"] == [
            {
                "name": "Van 7",
                "nodeId": to_global("FulfilmentNode", town.shop.node_id),
                "vehicleClass": "Van",
                "vehicleKind": "VAN",
                "isOut": True,
            }
        ]
        assert shop.codes(VEHICLES) == ["OPERATORS_ONLY"]

        for name, booking in bookings.items():
            seen = about(shop, booking)
            now = town.now_of(booking)
            moves = seen["explainAllocation"]["moves"]
            asked = name in ("c9", "c10")
            # Nobody's promise changed by itself, and only those who were asked were told anything.
            assert now.window == before[name].window
            subjects = [letter["subject"] for letter in seen["notifications"]]
            assert sum("Escolha" in subject for subject in subjects) == (1 if asked else 0)
            assert [(m["reason"], m["actor"]) for m in moves] == (
                [] if asked else [("Van 7 broke down", "desk")]
            )
            assert seen["booking"]["partnerCourier"] == (name in ("c11", "c12", "c13"))
            assert all(m["beforePoolId"] == to_global("CapacityPool", booking.pool_id) for m in moves)


def test_who_is_asked_chooses_in_time_or_is_brought_it_by_a_partner_courier(
    db: Database, clock: Clock
) -> None:
    town, bookings = broken_evening(db)
    world = world_on(db)
    clock.set(AT_1740)
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        desk.data(REPORT, input=told())
        while worked(world):
            pass
        (outcome,) = desk.data(OUTCOME)["disruptions"]

        # One chooses by the API, after the cut-off and for nothing.
        proposals = desk.data(PROPOSALS)["repromiseProposals"]["nodes"]
        by_booking = {one["booking"]["id"]: one for one in proposals}
        ninth, tenth = (to_global("DeliveryBooking", bookings[name].id) for name in ("c9", "c10"))
        assert set(by_booking) == {ninth, tenth}
        choice = {
            "bookingId": ninth,
            "slotId": by_booking[ninth]["alternatives"][0]["id"],
            "idempotencyKey": "k",
        }
        chosen = shop.data(CHOOSE, input=choice)["chooseWindow"]
        assert shop.data(CHOOSE, input=choice)["chooseWindow"] == chosen
        assert chosen["userErrors"] == []
        assert chosen["booking"]["promise"]["window"]["startsAt"].startswith("2026-11-26T18")
        assert "Van 7 broke down" in chosen["booking"]["promise"]["history"][-1]["reason"]
        late = shop.data(CHOOSE, input={**choice, "idempotencyKey": "again"})["chooseWindow"]
        assert [error["code"] for error in late["userErrors"]] == ["PROPOSAL_SETTLED"]
        assert town.now_of(bookings["c9"]).fee_minor == bookings["c9"].fee_minor

        # The other opens the page of the letter and lets the time pass: a partner courier keeps the promise.
        (letter,) = [
            one for one in about(shop, bookings["c10"])["notifications"] if "Escolha" in one["subject"]
        ]
        link = re.search(r"http://testserver(/bookings/\S+/choose)", letter["text"])
        assert link is not None
        opened = client.get(link[1])
        assert (opened.status_code, 'name="slot"' in opened.text) == (200, True)
        clock.set(datetime.fromisoformat(outcome["answerBy"]))
        while worked(world):
            pass
        assert town.now_of(bookings["c10"]).partner_courier is True
        assert desk.data(OUTCOME)["disruptions"][0]["partnerCouriers"] == 4
        over = client.get(link[1])
        assert (over.status_code, 'name="slot"' in over.text) == (200, False)
        assert town.sound()


def test_who_is_asked_when_something_else_fails_is_asked_anew_and_not_handed_over(
    db: Database, clock: Clock
) -> None:
    town, bookings = broken_evening(db)
    world = world_on(db)
    clock.set(AT_1740)
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        desk.data(REPORT, input=told())
        while worked(world):
            pass
        clock.forward(timedelta(minutes=5))
        node = to_global("FulfilmentNode", town.shop.node_id)
        ill = told(kind="COURIER", vehicleName=None, nodeId=node, vehicleKind="VAN", reason="Rui is ill")
        assert desk.data(REPORT, input=ill)["reportDisruption"]["userErrors"] == []
        while worked(world):
            pass
        latest, first = desk.data(OUTCOME)["disruptions"]
        assert (latest["status"], latest["asked"], latest["partnerCouriers"]) == ("REPAIRED", 2, 0)
        proposals = desk.data(PROPOSALS)["repromiseProposals"]["nodes"]
        states = sorted((one["booking"]["id"], one["state"]) for one in proposals)
        asked = sorted(to_global("DeliveryBooking", bookings[name].id) for name in ("c9", "c10"))
        assert states == [(one, state) for one in asked for state in ("OPEN", "WITHDRAWN")]
        # The letter says the day too: who is asked the evening before would take the hour for today's.
        letters = [
            one for one in about(shop, bookings["c10"])["notifications"] if "Escolha" in one["subject"]
        ]
        assert len(letters) == 2
        assert all("Escolha até quarta, 25 de novembro, " in one["text"] for one in letters)

        ninth = to_global("DeliveryBooking", bookings["c9"].id)
        (mine,) = [one for one in proposals if (one["booking"]["id"], one["state"]) == (ninth, "OPEN")]
        choice = {"bookingId": ninth, "slotId": mine["alternatives"][0]["id"], "idempotencyKey": "k"}
        assert shop.data(CHOOSE, input=choice)["chooseWindow"]["userErrors"] == []
        clock.set(max(datetime.fromisoformat(one["answerBy"]) for one in (latest, first)))
        while worked(world):
            pass
        assert town.now_of(bookings["c9"]).partner_courier is False
        assert town.now_of(bookings["c10"]).partner_courier is True
        counted = [one["partnerCouriers"] for one in desk.data(OUTCOME)["disruptions"]]
        assert counted == [1, 3]
        assert town.sound()


def test_a_window_is_chosen_on_the_page_of_the_letter(db: Database, clock: Clock) -> None:
    town, bookings = broken_evening(db)
    clock.set(AT_1740)
    world = world_on(db)
    with client_on(db) as client:
        Api(client, key=OPERATOR).data(REPORT, input=told())
        while worked(world):
            pass
        token = world.links.sign("booking", bookings["c9"].id)
        shown = client.get(f"/bookings/{token}/choose").text
        form = dict(re.findall(r'<input type="(?:hidden|radio)" name="(\w+)" value="([^"]*)"', shown))
        answered = client.post(f"/bookings/{token}/choose", data=form, follow_redirects=False)
        assert answered.status_code == 303, answered.text
        moved = town.now_of(bookings["c9"])
        assert (moved.starts_at.date().isoformat(), moved.moves) == ("2026-11-26", 0)
        again = client.post(f"/bookings/{token}/choose", data={**form, "key": "other"})
        assert 'name="slot"' not in again.text
        assert town.sound()


def test_what_cannot_be_reported_is_told(db: Database) -> None:
    town, _ = broken_evening(db)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)

        def code(**changes: Any) -> list[str]:
            found = desk.data(REPORT, input=told(**changes))["reportDisruption"]["userErrors"]
            return [error["code"] for error in found]

        assert code(vehicleName="Van 99") == ["NOTHING_DISRUPTED"]
        assert code(vehicleName=None) == ["INVALID_DISRUPTION"]
        assert code(reason=" ") == ["INVALID_DISRUPTION"]
        assert code(endsAt=(AT_1740 - timedelta(hours=1)).isoformat()) == ["INVALID_DISRUPTION"]
        assert code(kind="NODE") == ["INVALID_DISRUPTION"]
        assert code(kind="STREET", streetName="Rua Nenhuma") == ["NOTHING_DISRUPTED"]
        node = to_global("FulfilmentNode", town.shop.node_id)
        whole = desk.data(REPORT, input=told(kind="NODE", nodeId=node, dryRun=True))["reportDisruption"]
        assert whole["preview"]["pools"] == 3
        rider = told(kind="COURIER", nodeId=node, vehicleKind="CARGO_BIKE", vehicleName=None, dryRun=True)
        assert desk.data(REPORT, input=rider)["reportDisruption"]["preview"] == {
            "pools": 2,
            "bookings": 0,
            "misfits": 0,
        }
