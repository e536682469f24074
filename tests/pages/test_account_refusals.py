"""A customer's own pages with a plain client: links, looks that change nothing, and every clear no."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from httpx2 import Response
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from starlette.testclient import TestClient

from app.booking.cancel import cancel
from app.booking.reschedule import reschedule
from app.booking.rules import BookingStatus, WaitlistStatus
from app.booking.tables import SlotHold, WaitlistEntry
from app.booking.update_hold import update_hold
from app.database.rows import by_id
from app.main import build_app
from app.pages.my import LINK_AGE_S
from app.values.basket import GoodsTrait
from app.values.ids import new_id
from tests.api import SECRET, worked
from tests.factories import make_basket, make_booking, make_storefront, set_policy
from tests.pages.account import Account


@pytest.fixture
def client(account: Account) -> Iterator[TestClient]:
    app = build_app(world=account.world)
    headers = {"Accept-Language": "en-GB"}
    with TestClient(app, client=("127.0.0.1", 5), follow_redirects=False, headers=headers) as running:
        yield running


def form(page: Response, marker: str) -> dict[str, str]:
    """The hidden fields of the form that has this in it."""
    found = next(one for one in re.findall(r"<form.*?</form>", page.text, re.DOTALL) if marker in one)
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found))


def says(page: Response, text: str) -> bool:
    return text in unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.text)))


def asked(client: TestClient, account: Account, hour: int) -> dict[str, str]:
    """The form of the step that asks whether to move to the window at this hour."""
    return form(client.get(f"{account.page}/move?slot={account.slot_at(hour).id}"), "Move it")


def test_links_lead_their_own_customer_only_and_end(client: TestClient, account: Account) -> None:
    other_purpose = account.world.links.sign("booking", account.booking.customer_id)
    assert client.get(account.mine).status_code == 200
    token = account.mine.removeprefix("/my/")
    # Not the last letter: some of its bits say nothing.
    forged = ("B" if token[0] == "A" else "A") + token[1:]
    for path in (f"/my/{forged}", f"/bookings/{token}", f"/my/{other_purpose}"):
        broken = client.get(path)
        assert broken.status_code == 404
        assert says(broken, "This link does not open")
    other = account.db.write_now(
        lambda c, n: make_booking(c, account.shop, account.slot_at(9), now=n, customer="eva")
    )
    theirs = client.get(account.path("customer", other.customer_id))
    assert account.booking.address_label in theirs.text
    assert account.booking.code not in theirs.text
    account.db.write_now(lambda c, _: make_storefront(c, key="elsewhere"))
    with TestClient(build_app(world=replace(account.world, checkout_storefront="elsewhere"))) as stranger:
        assert stranger.get(account.mine).status_code == 404
        assert stranger.get(account.page).status_code == 404


class Past(TimestampSigner):
    """Signs as if the longest age of a link were over."""

    def get_timestamp(self) -> int:
        return super().get_timestamp() - LINK_AGE_S - 1


def test_a_link_that_has_ended_says_so(client: TestClient, account: Account) -> None:
    signing = URLSafeTimedSerializer(SECRET, salt="lastlap.customer", signer=Past)
    ended = client.get(f"/my/{signing.dumps(account.booking.customer_id)}")
    assert ended.status_code == 410
    assert says(ended, "This link has ended. Open the newest message from us")


def test_the_confirmation_and_the_browser_that_booked_lead_to_all_bookings(
    client: TestClient, account: Account
) -> None:
    worked(account.world)
    mailbox = client.get("/mailbox").text
    mail = next(
        text
        for link in re.findall(r'href="(/mailbox/[^"]+)"', mailbox)
        if account.booking.code in (text := client.get(link).text)
    )
    link = re.findall(r"Todas as minhas entregas:\s+http://testserver(/my/\S+)", unescape(mail))[0]
    assert says(client.get("/my"), "This browser does not know you yet.")
    assert says(client.get(link), "18:00–20:00")
    assert client.get("/my").headers["location"].startswith("/my/"), "opened once, the way back is open"


def test_no_look_changes_anything(client: TestClient, account: Account) -> None:
    offered = account.path("hold", account.offered())
    slot = account.slot_at(9).id
    paths = [account.mine, account.page, f"{account.page}/move", f"{account.page}/move?slot={slot}"]
    paths += [f"{account.page}/cancel", f"{account.page}/delivery.ics", offered, "/my"]
    paths += ["/checkout?text=Rua+das+Flores+12", f"/waitlist?address={account.house_id}&slot={slot}"]
    before = account.everything()
    for path in paths:
        assert client.get(path).status_code in (200, 303), path
        assert client.head(path).status_code in (200, 303), path
    assert account.everything() == before


def test_other_sites_cannot_act(client: TestClient, account: Account) -> None:
    entry = account.waits()
    forms = {
        account.mine: {"do": "leave", "entry": entry.id},
        f"{account.page}/move": asked(client, account, 9),
        f"{account.page}/cancel": form(client.get(f"{account.page}/cancel"), "Cancel it"),
        "/waitlist": {
            "slot": account.full.id,
            "address": account.house_id,
            "email": "a@example.com",
            "key": "k",
        },
    }
    before = account.everything()
    for path, told in forms.items():
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post(path, data=told, headers=headers).status_code == 403, path
    assert account.everything() == before


def test_what_the_shopper_holds_is_shown_as_theirs_and_not_to_be_waited_for(
    client: TestClient, account: Account
) -> None:
    account.gives_up()
    windows = client.get("/checkout?text=Rua+das+Flores+12")
    told = {"address": account.house_id, "basket": "weekly", "mode": "ATTENDED", "key": "k"}
    assert client.post("/holds", data={**told, "slot": account.full.id}).status_code == 303
    assert not says(windows, "Held by you")
    mine = client.get("/checkout?text=Rua+das+Flores+12")
    assert says(mine, "16:00–17:00 Held by you")
    assert "Tell me when it is free" not in mine.text


def test_the_same_form_moves_once(client: TestClient, account: Account) -> None:
    told = asked(client, account, 9)
    for _ in range(2):
        assert client.post(f"{account.page}/move", data=told).headers["location"].endswith("?done=moved")
    assert (account.now().moves, account.now().version) == (1, 2)


def test_another_difference_is_shown_before_anything_moves(client: TestClient, account: Account) -> None:
    told = asked(client, account, 9)
    assert told["difference"] == "-50"
    stale = client.post(f"{account.page}/move", data={**told, "difference": "-100"})
    assert stale.status_code == 409
    assert says(stale, "The price has changed since you looked.")
    assert says(stale, "You get back €0.50")
    assert account.now().version == 1
    again = form(stale, "Move it")
    assert client.post(f"{account.page}/move", data=again).status_code == 303
    assert account.now().fee_minor == 300


def test_a_booking_changed_elsewhere_is_looked_at_first(client: TestClient, account: Account) -> None:
    told, dropping = asked(client, account, 9), form(client.get(f"{account.page}/cancel"), "Cancel it")
    later = account.slot_at(19, 2).id
    account.write(reschedule, booking_id=account.booking.id, slot_id=later, reason="back late", key=new_id())
    for path, data in ((f"{account.page}/move", told), (f"{account.page}/cancel", dropping)):
        stale = client.post(path, data=data)
        assert stale.status_code == 409
        assert says(stale, "changed meanwhile, perhaps by you in another tab")
    assert account.now().version == 2
    assert says(client.get(account.page), "by Mercearia do Bairro “back late”")


def test_a_window_taken_meanwhile_leads_to_those_near_it(client: TestClient, account: Account) -> None:
    told = {**asked(client, account, 9), "slot": account.full.id}
    full = client.post(f"{account.page}/move", data=told)
    assert full.status_code == 409
    assert says(full, "This window has just been taken.")
    assert full.text.count("Close to it") == 2, "the third is the window that she has"
    assert client.get(f"{account.page}/move?slot={account.full.id}").status_code == 409
    assert client.get(f"{account.page}/move?slot=nothing").status_code == 409
    assert says(client.post(f"{account.page}/move", data={"slot": account.full.id}), "Something was missing")
    assert account.now().version == 1


def test_days_before_and_after_can_be_looked_at(client: TestClient, account: Account) -> None:
    week = client.get(f"{account.page}/move").text
    later = re.findall(r'href="(\?from=[^"]+)"', week)
    assert len(later) == 1, "there is nothing before today"
    beyond = client.get(f"{account.page}/move{later[0]}")
    assert "Your window now" not in beyond.text
    assert len(re.findall(r'href="\?from=', beyond.text)) == 1
    assert client.get(f"{account.page}/move?from=nonsense").status_code == 200


def test_after_the_cutoff_pages_say_what_is_possible(client: TestClient, account: Account) -> None:
    told = asked(client, account, 9)
    account.clock.set(account.booking.cutoff_at)
    late = client.post(f"{account.page}/move", data=told)
    assert late.status_code == 409
    assert says(late, "This delivery cannot be moved")
    assert says(client.get(account.page), "you may refuse them at the door")
    assert says(client.get(f"{account.page}/cancel"), "This delivery cannot be cancelled")
    assert says(
        client.post(account.page, data={"mode": "ATTENDED"}),
        "Orders and changes for this window have closed.",
    )
    assert account.now().version == 1


def test_nobody_pays_for_cancelling_what_they_were_not_shown(client: TestClient, account: Account) -> None:
    told = form(client.get(f"{account.page}/cancel"), "Cancel it")
    account.db.write_now(
        lambda c, _: set_policy(c, account.shop, late_cancellation="FEE", late_cancellation_minor=500)
    )
    account.clock.set(account.booking.cutoff_at)
    changed = client.post(f"{account.page}/cancel", data=told)
    assert changed.status_code == 409
    assert says(changed, "What cancelling costs has changed")
    assert says(changed, "Cancelling now costs €5.00")
    assert account.now().status is BookingStatus.CONFIRMED
    again = form(changed, "Cancel it for €5.00")
    assert client.post(f"{account.page}/cancel", data=again).headers["location"].endswith("?done=cancelled")
    assert account.now().fee_minor == 500


def test_the_moves_that_are_left_are_counted_down(client: TestClient, account: Account) -> None:
    account.db.write_now(lambda c, _: set_policy(c, account.shop, move_limit=1))
    assert says(client.get(account.page), "You can move it once more.")
    client.post(f"{account.page}/move", data=asked(client, account, 9))
    assert says(client.get(account.page), "This delivery was moved as often as it may be.")
    assert says(client.get(f"{account.page}/move"), "You can still cancel, free of charge.")


def test_the_calendar_follows_a_move_and_takes_a_cancelled_delivery_out(
    client: TestClient, account: Account
) -> None:
    client.post(f"{account.page}/move", data=asked(client, account, 9))
    moved = client.get(f"{account.page}/delivery.ics").text
    assert "METHOD:REQUEST" in moved
    assert "SEQUENCE:2" in moved
    assert f"DTSTART:{account.slot_at(9).starts_at:%Y%m%dT%H%M%SZ}" in moved
    account.write(cancel, booking_id=account.booking.id, key=new_id())
    dropped = client.get(f"{account.page}/delivery.ics").text
    assert "METHOD:CANCEL" in dropped
    assert "STATUS:CANCELLED" in dropped
    assert f"UID:{account.booking.id}@lastlap" in dropped


def test_waiting_is_left_by_those_who_wait(client: TestClient, account: Account) -> None:
    entry = account.waits()
    theirs = account.path("customer", account.taken.customer_id)
    refused = client.post(theirs, data={"do": "leave", "entry": entry.id})
    assert refused.status_code == 409
    assert says(refused, "We do not find what you waited for here.")
    for _ in range(2):
        assert client.post(account.mine, data={"do": "leave", "entry": entry.id}).status_code == 303
    after = account.db.read_now(lambda c, _: by_id(c, WaitlistEntry, entry.id))
    assert after is not None
    assert after.status is WaitlistStatus.CANCELLED
    assert not says(client.get(account.mine), "Waiting for")


def test_who_waits_is_asked_for_windows_and_an_address_that_can_be_reached(
    client: TestClient, account: Account
) -> None:
    told = {
        "address": account.house_id,
        "basket": "weekly",
        "key": "k1",
        "email": "",
        "slot": account.full.id,
    }
    assert says(client.post("/waitlist", data=told), "Give an e-mail address")
    assert says(
        client.post("/waitlist", data={**told, "email": "nobody"}),
        "This does not look like an e-mail address.",
    )
    none = {**told, "email": "joana@example.com", "slot": [], "key": "k2"}
    assert says(client.post("/waitlist", data=none), "Choose at least one window")
    both = {**none, "slot": [account.full.id, account.slot_at(9).id], "key": "k3"}
    offered = client.post("/waitlist", data=both).headers["location"]
    assert says(client.get(offered), "A window is free for you"), "one of them had room at once"


def test_a_declined_offer_is_gone_and_one_that_ended_says_so(client: TestClient, account: Account) -> None:
    path = account.path("hold", account.offered())
    account.clock.forward(timedelta(minutes=31))
    assert says(client.get(path), "This offer has ended")
    assert says(client.get(account.mine), "Nobody took the offer in time")
    account.clock.forward(-timedelta(minutes=31))
    client.post(path, data={"do": "release"})
    assert says(client.get(path), "You declined the offer")


def conflict(account: Account, **goods: object) -> SlotHold:
    held = account.holds(account.slot_at(9), customer="eva")
    account.write(update_hold, hold_id=held.id, basket=make_basket(**goods), key=new_id())
    return held


def test_a_basket_in_conflict_goes_back_or_takes_another_window(client: TestClient, account: Account) -> None:
    held = conflict(account, weight_g=100_000)
    assert client.get(account.path("hold", held.id)).status_code == 200, "it still fits"
    for n in range(7):
        heavy = make_basket(weight_g=100_000)
        account.holds(account.slot_at(9), customer=f"x{n}", basket=heavy)
    account.write(update_hold, hold_id=held.id, basket=make_basket(weight_g=110_000), key=new_id())
    path = account.path("hold", held.id)
    page = client.get(path)
    assert page.status_code == 409
    assert says(page, "The window has no room for all of these goods.")
    assert "Confirm delivery" not in page.text
    other = re.findall(r'name="slot" value="([^"]+)"', page.text)
    told = form(page, "Hold this one")
    switched = client.post(path, data={**told, "do": "switch", "slot": other[0]}).headers["location"]
    assert says(client.get(switched), "Your window is held")
    assert client.get(path).status_code == 410, "the first one was given back"


def test_a_basket_in_conflict_can_be_undone(client: TestClient, account: Account) -> None:
    path = account.path("hold", conflict(account, weight_g=900_000).id)
    page = client.get(path)
    assert says(page, "No vehicle that comes in this window can carry all of these goods.")
    assert client.post(path, data={**form(page, "undo"), "do": "undo"}).status_code == 303
    assert client.get(path).status_code == 200


def test_another_handover_solves_a_conflict_that_is_about_it(client: TestClient, account: Account) -> None:
    held = conflict(account)
    path = account.path("hold", held.id)
    client.post(path, data={"do": "prefer", "mode": "SAFE_PLACE", "place": "porch", "key": new_id()})
    wine = make_basket(traits=frozenset({GoodsTrait.AGE_RESTRICTED}))
    account.write(update_hold, hold_id=held.id, basket=wine, key=new_id())
    page = client.get(path)
    assert says(page, "These goods may not be handed over in the way you chose.")
    told = {**form(page, "prefer"), "do": "prefer"}
    assert says(client.post(path, data={**told, "mode": "SAFE_PLACE", "place": "porch"}), "in person only")
    assert client.post(path, data={"do": "prefer", "mode": "ATTENDED", "key": new_id()}).status_code == 303
    assert client.get(path).status_code == 200


def test_a_mistake_in_the_form_does_not_cost_the_window(client: TestClient, account: Account) -> None:
    held = conflict(account)
    path = account.path("hold", held.id)
    account.clock.forward(timedelta(minutes=58))
    page = client.get(path)
    wrong = client.post(
        path, data={**form(page, "confirm"), "do": "confirm", "email": "nobody", "name": "Eva"}
    )
    assert says(wrong, "This does not look like an e-mail address.")
    assert says(wrong, "Held until 10:08")
    assert 'value="Eva"' in wrong.text


def test_a_late_yes_gets_the_window_while_it_is_free(client: TestClient, account: Account) -> None:
    path = account.path("hold", conflict(account).id)
    told = {**form(client.get(path), "confirm"), "do": "confirm", "email": "eva@example.com"}
    account.clock.forward(timedelta(minutes=61))
    ended = client.get(path)
    assert ended.status_code == 410
    assert says(ended, "The same window again")
    booked = client.post(path, data=told).headers["location"]
    assert says(client.get(booked), "The hold had ended before you confirmed, but the window was still free")
    assert client.get(path).headers["location"].startswith("/bookings/")


def test_a_late_yes_to_a_window_that_is_gone_books_nothing_and_shows_others(
    client: TestClient, account: Account
) -> None:
    account.write(cancel, booking_id=account.taken.id, key=new_id())
    held = account.holds(account.full, customer="eva")
    path = account.path("hold", held.id)
    told = {**form(client.get(path), "confirm"), "do": "confirm", "email": "eva@example.com"}
    account.clock.forward(timedelta(minutes=61))
    account.holds(account.full, customer="rui")
    late = client.post(path, data=told)
    assert late.status_code == 410
    assert says(late, "so nothing was booked and there is nothing to pay.")
    assert says(late, "The window has been taken since.")
    others = re.findall(r'name="slot" value="([^"]+)"', late.text)
    assert len(others) == 3
    dear = client.post(
        path, data={**form(late, "switch"), "do": "switch", "slot": others[0].split("|")[0] + "|1"}
    )
    assert says(dear, "The price of this window has just changed.")
    again = form(dear, "switch")
    assert client.post(path, data={**again, "do": "switch", "slot": others[0]}).status_code == 303
