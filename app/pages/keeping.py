"""A window that is kept every week: its weeks and what may be done about them, its pause and end; by link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.move_offers import MoveOffer
from app.errors import Refusal
from app.pages.moving import FormIncomplete, whole
from app.pages.render import page
from app.pages.shop import Shop, posted, shop_of, world_of
from app.standing.end import end
from app.standing.errors import StandingSlotNotFound
from app.standing.move import move
from app.standing.move_offers import standing_move_offers
from app.standing.pause import pause
from app.standing.queries import standing_of
from app.standing.resume import resume
from app.standing.rules import OPEN, OccurrenceState, StandingStatus
from app.standing.seen import SeenOccurrence, SeenStandingSlot, seen_series
from app.standing.series import series_of
from app.standing.skip import skip
from app.values.money import Money
from app.values.window import local_day

LINK_AGE_S = 120 * 24 * 3600
_SOON = timedelta(days=1)
# Weeks that another window of the week can still be found for.
_MOVABLE = (*OPEN, OccurrenceState.MISSED, OccurrenceState.SKIPPED, OccurrenceState.RELEASED)


@dataclass(frozen=True, slots=True)
class Kept:
    """A standing slot with its weeks from today on; `tomorrow` is the first day that a pause may begin on."""

    shop: Shop
    now: datetime
    series: SeenStandingSlot
    weeks: tuple[SeenOccurrence, ...]
    tomorrow: date

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.series.status is StandingStatus.ENDED

    @property
    def pausing(self) -> bool:
        """Whether a pause lasts or is to come."""
        until = self.series.paused_until
        begun = self.series.paused_from is not None
        return begun and (until is None or until >= local_day(self.now, self.series.time_zone))


async def show(request: Request) -> Response:
    """The weeks to come and what may be done about them."""
    return await _show(request, problem=None)


async def _show(request: Request, *, problem: Refusal | None) -> Response:
    kept = await _looked(request)
    return page(
        request,
        kept.shop,
        "standing.html",
        kept=kept,
        open_states=OPEN,
        movable=_MOVABLE,
        token=request.path_params["token"],
        done=request.query_params.get("done"),
        problem=problem,
        status=409 if problem else 200,
    )


async def choose(request: Request) -> Response:
    """The other windows of a week, each with what it costs or saves."""
    return await _choices(request, _day(request.query_params), problem=None)


async def _choices(request: Request, day: date, *, problem: Refusal | None) -> Response:
    kept = await _looked(request)
    standing_id = kept.series.row.id

    def look(conn: Connection, now: datetime) -> list[MoveOffer]:
        return standing_move_offers(conn, now=now, actor=kept.shop.actor, standing_id=standing_id, day=day)

    found = await world_of(request).db.read(look)
    return page(
        request,
        kept.shop,
        "standing_move.html",
        kept=kept,
        of_day=day,
        choices=[one for one in found if one.offer.available],
        token=request.path_params["token"],
        problem=problem,
        status=409 if problem else 200,
    )


async def act(request: Request) -> Response:
    """One of the forms: `do` says which. GET shows, only POST acts."""
    told = await posted(request)
    standing_id, shop = _standing_id(request), await shop_of(request)
    verb = _VERBS.get(told.get("do", ""))
    if verb is None:
        raise FormIncomplete
    try:
        await world_of(request).db.write(partial(verb, shop=shop, standing_id=standing_id, told=told))
    except Refusal as refusal:
        if told["do"] == "move":
            return await _choices(request, _day(told), problem=refusal)
        return await _show(request, problem=refusal)
    return RedirectResponse(f"/standing/{request.path_params['token']}?done={told['do']}", 303)


def _skip(conn: Connection, now: datetime, *, shop: Shop, standing_id: str, told: Mapping[str, str]) -> None:
    skip(conn, now=now, actor=shop.actor, standing_id=standing_id, day=_day(told))


def _move(conn: Connection, now: datetime, *, shop: Shop, standing_id: str, told: Mapping[str, str]) -> None:
    slot_id, _, minor = told.get("slot", "").partition("|")
    row = standing_of(conn, actor=shop.actor, standing_id=standing_id)
    if row is None:
        raise StandingSlotNotFound
    move(
        conn,
        now=now,
        actor=shop.actor,
        standing_id=standing_id,
        day=_day(told),
        slot_id=slot_id,
        expected_difference=Money(whole({"minor": minor}, "minor"), row.currency),
        key=told.get("key", ""),
    )


def _pause(conn: Connection, now: datetime, *, shop: Shop, standing_id: str, told: Mapping[str, str]) -> None:
    last = _day(told, "until") if told.get("until") else None
    pause(conn, now=now, actor=shop.actor, standing_id=standing_id, first=_day(told, "from"), last=last)


def _resume(
    conn: Connection, now: datetime, *, shop: Shop, standing_id: str, told: Mapping[str, str]
) -> None:
    resume(conn, now=now, actor=shop.actor, standing_id=standing_id, key=told.get("key", ""))


def _end(conn: Connection, now: datetime, *, shop: Shop, standing_id: str, told: Mapping[str, str]) -> None:
    if told.get("sure") != "yes":
        raise FormIncomplete
    end(conn, now=now, actor=shop.actor, standing_id=standing_id)


_VERBS: dict[str, Callable[..., Any]] = {
    "skip": _skip, "move": _move, "pause": _pause, "resume": _resume, "end": _end,
}  # fmt: skip


async def _looked(request: Request) -> Kept:
    """What the link is for; raises LinkInvalid, LinkExpired, StandingSlotNotFound."""
    shop, standing_id = await shop_of(request), _standing_id(request)
    return await world_of(request).db.read(partial(_look, shop=shop, standing_id=standing_id))


def _look(conn: Connection, now: datetime, *, shop: Shop, standing_id: str) -> Kept:
    row = standing_of(conn, actor=shop.actor, standing_id=standing_id)
    if row is None:
        raise StandingSlotNotFound
    (seen,) = seen_series(conn, at=now, series=series_of(conn, now=now, found=[row]))
    today = local_day(now, row.time_zone)
    weeks = tuple(week for week in seen.occurrences if week.day >= today)
    return Kept(shop, now, seen, weeks, today + _SOON)


def _standing_id(request: Request) -> str:
    return world_of(request).links.read("standing", request.path_params["token"], max_age_s=LINK_AGE_S)


def _day(told: Mapping[str, str], name: str = "day") -> date:
    """A day of a form or an address; raises FormIncomplete."""
    try:
        return date.fromisoformat(told.get(name, ""))
    except ValueError as why:
        raise FormIncomplete from why
