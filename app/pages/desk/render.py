"""From a template to a page of the desk: in English, at the wall clock of the city."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.pages.shop import fresh_key
from app.values.actor import Actor
from app.values.money import Money
from app.values.wording import day_text, money_text, time_text, window_text, word

LOCALE = "en_GB"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parents[3] / "templates" / "pages" / "desk"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

# What plans are begun for, in words.
_TRIGGERS = {
    "night": "as every night",
    "calendar": "because the calendar was changed",
    "operator": "because an operator asked for it",
    "schedule": "by the clock",
    "cut-off": "at a cut-off",
    "disruption": "because something failed",
    "skills": "because of what a kind of vehicles can do no more",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator at work; `form` is the token of each of their forms, `alerts` how many are open."""

    actor: Actor
    form: str
    alerts: int


def desk_page(
    request: Request, desk: Desk | None, name: str, *, status: int = 200, **facts: Any
) -> HTMLResponse:
    """The template `name` for whoever sits at the desk, with these facts."""
    html = _ENVIRONMENT.get_template(name).render(
        desk=desk,
        path=request.url.path,
        key=fresh_key(),
        day=lambda value: day_text(value, LOCALE),
        clock=lambda value, zone: time_text(value, LOCALE, zone),
        when=lambda value, zone: f"{value.astimezone(ZoneInfo(zone)):%a %d %b %Y}, {_seconds(value, zone)}",
        window=lambda value, zone: window_text(value, LOCALE, zone),
        plain=plain,
        money=lambda minor, currency: money_text(Money(minor, currency), LOCALE),
        local=lambda value, zone: value.astimezone(ZoneInfo(zone)),
        trigger=trigger_said,
        vehicle=lambda kind: word("vehicle", kind, LOCALE),
        **facts,
    )
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def plain(word: object) -> str:
    """A word of the house for people: PICK_WAVE is 'pick wave'."""
    return str(word).lower().replace("_", " ")


def trigger_said(trigger: str) -> str:
    """Why a run was begun, in words."""
    return _TRIGGERS.get(trigger, trigger)


def _seconds(value: datetime, zone: str) -> str:
    return f"{value.astimezone(ZoneInfo(zone)):%H:%M:%S}"
