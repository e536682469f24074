"""A node, a courier and a street fail: promises stay, every move has its reason, nobody is moved unasked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.rules import BookingStatus
from app.booking.tables import DeliveryBooking
from app.capacity.rules import PoolPlan
from app.database.rows import add, table_of
from app.database.runner import Database
from app.fleet.tables import Vehicle
from app.places.rules import NodeKind
from app.places.tables import City, FulfilmentNode, Street
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from schema.ids import to_global
from tests.api import KEY, Api, client_on, world_on
from tests.assignment.world import street
from tests.conftest import Clock
from tests.factories import HOME, evening, make_basket, make_houses, make_slot, pool_plan
from tests.journeys.broken import (
    AT_1605,
    DRY,
    END,
    OPERATOR,
    OUTCOME,
    REPORT,
    Broken,
    booked,
    broken_town,
    published,
    told,
)

PROPOSALS = """{ repromiseProposals(first: 20) { nodes { state reason booking { id }
  alternatives { id window { startsAt } } } } }"""
CHOOSE = """mutation ($input: ChooseWindowInput!) { chooseWindow(input: $input) {
  booking { promise { window { startsAt } history { reason } } } userErrors { code } } }"""
OFFERS = """query ($address: AddressInput!) { slotAvailability(address: $address, from: "2026-11-25", to: "2026-11-25") {
  days { offers { slot { window { startsAt } } available vehicleKind closed { reason } } } } }"""
AT_1630 = datetime(2026, 11, 25, 16, 30, tzinfo=UTC)
AT_1710 = datetime(2026, 11, 25, 17, 10, tzinfo=UTC)
CHILLED = make_basket()


def plain_town(db: Database) -> Broken:
    """A town without published tours: a storefront, an operator, an evening."""
    town = street(db)

    def keys(conn: Connection, now: datetime) -> None:
        shop = town.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key=KEY, name="shop", role=Role.STOREFRONT)
        issue_key(conn, now=now, storefront_id=shop, key=OPERATOR, name="desk", role=Role.OPERATOR)

    db.write_now(keys)
    return Broken(town, world_on(db))


def second_node(made: Broken) -> str:
    """Another node of the city."""

    def work(conn: Connection, _now: datetime) -> str:
        city = conn.execute(sa.select(table_of(City).c.id)).scalar_one()
        node = FulfilmentNode(
            city_id=city,
            key="other",
            name="Store Ribeira",
            kind=NodeKind.STORE,
            latitude=HOME.latitude + 0.01,
            longitude=HOME.longitude,
            door_orders_per_h=60,
            driver_hours_per_week=400,
        )
        add(conn, node)
        return node.id

    return made.db.write_now(work)


def elsewhere(made: Broken, node_id: str, hour: int, orders: int) -> PoolPlan:
    """A pool of vans of another node."""
    return replace(made.town.vans(hour, orders=orders), node_id=node_id)


def reported(made: Broken, desk: Api, what: dict[str, Any]) -> Any:
    """Report it, do what follows, and give back what came of it."""
    noted = desk.data(REPORT, input=what)["reportDisruption"]
    assert noted["userErrors"] == []
    made.run()
    outcome = desk.data(OUTCOME)["disruptions"][0]
    assert (outcome["id"], outcome["status"]) == (noted["disruption"]["id"], "REPAIRED"), outcome["message"]
    return outcome


def told_apart(made: Broken, shop: Api, before: dict[str, DeliveryBooking]) -> dict[str, set[str]]:
    """Who was moved silently, asked, handed over or left alone; asserts that windows and histories are right."""
    found: dict[str, set[str]] = {"moved": set(), "asked": set(), "handed": set(), "left": set()}
    for name, booking in made.bookings.items():
        now, seen = made.town.now_of(booking), made.about(shop, name)
        # No promise changed, and no line of it: the customer did not ask for another.
        assert now.window == before[name].window
        assert now.moves == before[name].moves
        asked = any("Escolha" in letter["subject"] for letter in seen["notifications"])
        moves = seen["explainAllocation"]["moves"] if seen["explainAllocation"] else []
        kind = "handed" if now.partner_courier else "asked" if asked else "moved" if moves else "left"
        found[kind].add(name)
        assert {(m["reason"].split(";")[0], m["actor"]) for m in moves} <= {("It broke down", "desk")}
        assert (len(moves) > 0) == (kind in ("moved", "handed"))
        if kind == "moved":
            assert now.pool_id != booking.pool_id
            assert made.town.pools()[now.pool_id].window.start >= now.starts_at
            assert made.town.pools()[now.pool_id].window.end <= now.ends_at
    assert made.town.sound()
    return found


def test_a_node_fails_and_another_one_picks_and_brings_what_it_can(db: Database, clock: Clock) -> None:
    made = plain_town(db)
    town, other = made.town, second_node(made)
    town.publish(town.vans(18, orders=6, vehicles=2), town.bike(18, orders=0), town.bike(19, orders=0))
    for number in range(6):
        basket = CHILLED if number == 5 else DRY
        made.bookings[f"n{number}"] = booked(made, town.early, f"n{number}", number, basket)
    tomorrow = evening(day=town.early.day + timedelta(days=1), start=18, end=19)
    plans = [
        town.vans(18, orders=6, vehicles=2),
        elsewhere(made, other, 18, 4),
        elsewhere(made, other, 19, 1),
    ]
    town.publish(*plans, pool_plan(town.shop, tomorrow, node_id=other))
    db.write_now(lambda c, _: make_slot(c, town.shop, tomorrow) and None)
    clock.set(AT_1710)
    before = {name: town.now_of(one) for name, one in made.bookings.items()}
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        node = to_global("FulfilmentNode", town.shop.node_id)
        what = told("NODE", AT_1710, nodeId=node, endsAt=(AT_1710 + timedelta(hours=6)).isoformat())
        dry = desk.data(REPORT, input={**what, "dryRun": True})["reportDisruption"]["preview"]
        assert dry == {"pools": 1, "bookings": 6, "misfits": 6}
        outcome = reported(made, desk, what)
        apart = told_apart(made, shop, before)
        # Four come from the other node in their hour; of the others some are asked, the rest is handed over.
        assert len(apart["moved"]) == 4
        assert all(town.pool_of(made.bookings[n]).node_id == other for n in apart["moved"])
        assert len(apart["asked"]) + len(apart["handed"]) == 2
        assert (outcome["movedSilently"], outcome["asked"]) == (4, len(apart["asked"]))
        assert outcome["partnerCouriers"] == len(apart["handed"])
        # Nothing is sold from the node while it lasts.
        assert {p.sell_orders for p in town.pools().values() if p.node_id == town.shop.node_id} == {0}

        # The same evening an hour later, past its cut-off, is among what is proposed: that node picks it anew.
        proposals = [p for p in desk.data(PROPOSALS)["repromiseProposals"]["nodes"] if p["state"] == "OPEN"]
        assert len(proposals) == len(apart["asked"]) > 0
        others = {one["window"]["startsAt"][:13]: one["id"] for one in proposals[0]["alternatives"]}
        assert {"2026-11-25T19", "2026-11-26T18"} <= set(others)
        assert all(p["reason"] == "It broke down" for p in proposals)
        first = proposals[0]
        choice = {"bookingId": first["booking"]["id"], "slotId": others["2026-11-25T19"]}
        chosen = shop.data(CHOOSE, input={**choice, "idempotencyKey": "k"})["chooseWindow"]
        assert chosen["userErrors"] == []
        assert chosen["booking"]["promise"]["window"]["startsAt"].startswith("2026-11-25T19")
        late = [p for p in town.pools().values() if p.starts_at == town.late.starts_at]
        assert sum(p.booked_orders for p in late if p.node_id == other) == 1

        # It is over: what is open is asked no more, and the node sells again.
        done = desk.data(END, input={"disruptionId": outcome["id"], "reason": "ok", "idempotencyKey": "e"})
        assert done["endDisruption"]["userErrors"] == []
        made.run()
        left = [p["state"] for p in desk.data(PROPOSALS)["repromiseProposals"]["nodes"]]
        assert "OPEN" not in left
        assert max(p.sell_orders for p in town.pools().values() if p.node_id == town.shop.node_id) == 6
        windows = [made.town.now_of(one).window for one in made.bookings.values()]
        assert (windows.count(town.early.window), windows.count(town.late.window)) == (5, 1)


def test_a_courier_fails_and_one_tour_of_the_kind_is_lost(db: Database, clock: Clock) -> None:
    made = broken_town(db)
    clock.set(AT_1605)
    published(made)
    tours = made.tours()
    clock.set(AT_1605 + timedelta(minutes=5))
    before = {name: made.town.now_of(one) for name, one in made.bookings.items()}
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        node = to_global("FulfilmentNode", made.town.shop.node_id)
        outcome = reported(made, desk, told("COURIER", clock.now, nodeId=node, vehicleKind="VAN"))
        after = made.tours()
        # Nobody said whose courier it is: the van with the fewest stops stays at home.
        lost = min(("Van 7", "Van 8"), key=lambda name: len(tours[name]))
        assert len([name for name in after if name.startswith("Van")]) == 1
        assert outcome["bookings"] >= len(tours[lost])
        there = {one for tour in after.values() for one in tour}
        for name, booking in made.bookings.items():
            now, seen = made.town.now_of(booking), made.about(shop, name)
            assert now.window == before[name].window
            moves = seen["explainAllocation"]["moves"]
            assert {(m["reason"].split(";")[0], m["actor"]) for m in moves} <= {("It broke down", "desk")}
            asked = any("Escolha" in letter["subject"] for letter in seen["notifications"])
            # Each is on a tour, asked, or with a partner courier, and only one of these.
            assert (name in there) + asked + now.partner_courier == 1
        assert made.town.sound()


def test_a_courier_is_told_by_the_vehicle(db: Database, clock: Clock) -> None:
    made = broken_town(db)
    clock.set(AT_1605)
    published(made)
    before = made.tours()
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        reported(made, desk, told("COURIER", clock.now, vehicleName="Van 8"))
        after = made.tours()
        assert "Van 8" not in after
        assert "Van 7" in after
        assert before["Van 8"]
        wrong = desk.data(REPORT, input=told("COURIER", clock.now, vehicleName="Van 99"))["reportDisruption"]
        assert [(e["code"], e["field"]) for e in wrong["userErrors"]] == [
            ("NOTHING_DISRUPTED", ["input", "vehicleName"])
        ]


def closed_town(db: Database) -> Broken:
    """A street with houses at HOME, vans at six and bikes at six and seven, and three van bookings in it."""
    made = plain_town(db)
    town = made.town

    def more(conn: Connection, _now: datetime) -> None:
        make_houses(conn)
        lines = [[[HOME.latitude - 0.001, HOME.longitude], [HOME.latitude + 0.001, HOME.longitude]]]
        conn.execute(sa.update(table_of(Street)).values(lines=lines))
        add(conn, Vehicle(name="Van 7", node_id=town.shop.node_id, vehicle_class_id=town.van.id))

    db.write_now(more)
    town.publish(town.vans(18, orders=14), town.vans(19, orders=5), town.bike(18, orders=0))
    made.bookings["here"] = booked(made, town.both, "here", 0, DRY)
    made.bookings["bulky"] = booked(made, town.early, "bulky", 0, CHILLED)
    made.bookings["away"] = booked(made, town.early, "away", 20, DRY, "Rua do Almada 3, Porto")
    town.publish(
        town.vans(18, orders=14), town.vans(19, orders=5), town.bike(18, orders=0), town.bike(19, orders=4)
    )
    return made


def offers(api: Api) -> dict[str, str | None]:
    """By hour, what would come to the address in the street; None where the window is closed."""
    days = api.data(OFFERS, address={"postal": {"line1": "Rua das Flores 12", "countryCode": "PT"}})[
        "slotAvailability"
    ]["days"]
    return {
        one["slot"]["window"]["startsAt"][11:16]: one["vehicleKind"] if one["available"] else None
        for day in days
        for one in day["offers"]
    }


def test_a_street_is_closed_to_motors_and_bikes_bring_what_they_can(db: Database, clock: Clock) -> None:
    made = closed_town(db)
    town = made.town
    at = AT_1630 - timedelta(hours=2)
    clock.set(at)
    before = {name: town.now_of(one) for name, one in made.bookings.items()}
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        whole = offers(shop)
        assert set(whole.values()) >= {"VAN"} or set(whole.values()) >= {"CARGO_BIKE"}
        outcome = reported(made, desk, told("STREET", at, streetName="rua das flores"))
        assert outcome["bookings"] == 2
        apart = told_apart(made, shop, before)
        # What the bike can bring in its window goes there; the other customer is asked; next door nothing.
        assert apart["moved"] == {"here"}
        assert apart["left"] == {"away"}
        assert apart["asked"] | apart["handed"] == {"bulky"}
        assert town.pool_of(made.bookings["here"]).vehicle_class_id == town.shop.class_id
        # No motor vehicle is offered there, nor planned by the hour.
        assert "VAN" not in offers(shop).values()
        assert "CARGO_BIKE" in offers(shop).values()
        done = {"disruptionId": outcome["id"], "reason": "The water main is mended", "idempotencyKey": "e"}
        assert desk.data(END, input=done)["endDisruption"]["userErrors"] == []
        made.run()
        assert offers(shop) == whole
        assert town.now_of(made.bookings["away"]).status is BookingStatus.CONFIRMED


def test_who_is_asked_about_a_closed_street_chooses_a_window_a_bike_serves(
    db: Database, clock: Clock
) -> None:
    made = closed_town(db)
    at = AT_1630 - timedelta(hours=2)
    clock.set(at)
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        reported(made, desk, told("STREET", at, streetName="Rua das Flores"))
        (proposal,) = desk.data(PROPOSALS)["repromiseProposals"]["nodes"]
        bulky = to_global("DeliveryBooking", made.bookings["bulky"].id)
        assert proposal["booking"]["id"] == bulky
        choice = {"bookingId": bulky, "slotId": proposal["alternatives"][0]["id"], "idempotencyKey": "k"}
        chosen = shop.data(CHOOSE, input=choice)["chooseWindow"]
        assert chosen["userErrors"] == []
        assert "It broke down" in chosen["booking"]["promise"]["history"][-1]["reason"]
        moved = made.town.pool_of(made.bookings["bulky"])
        assert moved.vehicle_class_id == made.town.shop.class_id
        assert made.town.sound()
