"""Size pools: see what would not fit any more, choose what shall become of it, and only then act."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.booking.change_capacity import change_capacity
from app.booking.lift_override import lift_override
from app.booking.overcommitment import Overcommitment, preview_change, preview_lift
from app.booking.tables import DeliveryBooking
from app.capacity.errors import InvalidChange, PoolNotFound
from app.capacity.reasons import check_reason
from app.capacity.rules import OvercommitChoice, PoolSelector, SizeChange
from app.capacity.seen import SeenPool, override_by_id, pools_by_id
from app.capacity.tables import CapacityOverride
from app.errors import Refusal
from app.fleet.rules import VehicleKind
from app.pages.desk.pools import day_of, zone_of_city
from app.pages.desk.render import Desk, desk_page
from app.pages.shop import world_of

_TOLD = ("pool", "day", "node", "kind", "start", "end", "size", "orders", "percent", "reason", "override")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a change would do to each pool meant, and why it cannot be if it cannot."""

    over: Sequence[Overcommitment]
    pools: Mapping[str, SeenPool]
    lifted: CapacityOverride | None
    problem: Refusal | None

    @property
    def misfits(self) -> int:
        """How many holds and bookings would not fit any more."""
        return sum(len(one.misfits) for one in self.over)

    @property
    def must_choose(self) -> bool:
        """Whether this change leaves something out, so that it must be said what becomes of it."""
        return any(one.is_new and one.misfits for one in self.over)


async def preview(request: Request, desk: Desk) -> Response:
    """What the change in the address would do; nothing is written."""
    return await _preview(request, desk, dict(request.query_params), problem=None)


async def _preview(
    request: Request, desk: Desk, told: Mapping[str, str], *, problem: Refusal | None
) -> Response:
    seen = await world_of(request).db.read(partial(_foreseen, desk=desk, told=told))
    problem = problem or seen.problem
    return desk_page(
        request,
        desk,
        "sizing.html",
        seen=seen,
        told={name: told.get(name, "") for name in _TOLD},
        choice=told.get("choice", ""),
        back=_back(told),
        problem=problem,
        is_booking=lambda claim: isinstance(claim, DeliveryBooking),
        status=422 if problem else 200,
    )


def _foreseen(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> Foreseen:
    lifted = override_by_id(conn, told["override"]) if told.get("override") else None
    try:
        check_reason(told.get("reason", ""))
        over = _look(conn, now, desk, told)
    except Refusal as refusal:
        return Foreseen((), {}, lifted, refusal)
    return Foreseen(over, pools_by_id(conn, [one.edit.pool_id for one in over]), lifted, None)


def _look(conn: Connection, now: datetime, desk: Desk, told: Mapping[str, str]) -> list[Overcommitment]:
    if override := told.get("override"):
        return preview_lift(conn, now=now, actor=desk.actor, override_id=override)
    which = _which(told, zone_of_city(conn))
    return preview_change(conn, now=now, actor=desk.actor, which=which, to=_size(told))


async def change(request: Request, desk: Desk) -> Response:
    """Do what was looked at, with the choice that was made; sending the form twice does it once."""
    form = await request.form()
    told = {name: str(value) for name, value in form.items()}
    verb = _lift if told.get("override") else _change
    try:
        await world_of(request).db.write(partial(verb, desk=desk, told=told))
    except Refusal as refusal:
        return await _preview(request, desk, told, problem=refusal)
    path, query = _back(told)
    return RedirectResponse(f"{path}?{urlencode({**query, 'done': 'sized'})}", 303)


def _change(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> None:
    change_capacity(
        conn,
        now=now,
        actor=desk.actor,
        which=_which(told, zone_of_city(conn)),
        to=_size(told),
        choice=_choice(told),
        reason=told.get("reason", ""),
        key=told.get("key", ""),
    )


def _lift(conn: Connection, now: datetime, *, desk: Desk, told: Mapping[str, str]) -> None:
    lift_override(
        conn,
        now=now,
        actor=desk.actor,
        override_id=told["override"],
        choice=_choice(told),
        reason=told.get("reason", ""),
        key=told.get("key", ""),
    )


def _which(told: Mapping[str, str], zone: str) -> PoolSelector:
    """The pools that the form means; raises PoolNotFound where it names none."""
    if pool_id := told.get("pool"):
        return PoolSelector(pool_id=pool_id)
    day = day_of(told.get("day", ""))
    if day is None:
        raise PoolNotFound

    def instant(name: str) -> datetime | None:
        try:
            at = time.fromisoformat(told.get(name, ""))
        except ValueError:
            return None
        return datetime.combine(day, at, tzinfo=ZoneInfo(zone))

    kind = told.get("kind", "")
    return PoolSelector(
        day=day,
        node_id=told.get("node") or None,
        vehicle_kind=VehicleKind(kind) if kind in set(VehicleKind) else None,
        starts_at=instant("start"),
        ends_at=instant("end"),
    )


def _size(told: Mapping[str, str]) -> SizeChange:
    """What the form wants sold; raises InvalidChange for what is no number."""

    def number(name: str) -> int:
        text = told.get(name, "").strip()
        if not text.isdecimal() or len(text) > 9:
            raise InvalidChange(field=(name,))
        return int(text)

    sizes: Mapping[str, Callable[[], SizeChange]] = {
        "orders": lambda: SizeChange(sell_orders=number("orders")),
        "percent": lambda: SizeChange(factor_bp=number("percent") * 100),
        "closed": lambda: SizeChange(factor_bp=0),
    }
    chosen = sizes.get(told.get("size", ""))
    if chosen is None:
        raise InvalidChange(field=("size",))
    return chosen()


def _choice(told: Mapping[str, str]) -> OvercommitChoice | None:
    choice = told.get("choice", "")
    return OvercommitChoice(choice) if choice in set(OvercommitChoice) else None


def _back(told: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The page that the change began on."""
    if pool := told.get("pool"):
        return f"/operator/pools/{pool}", {}
    return "/operator/pools", {"day": told.get("day", ""), "node": told.get("node", "")}
