"""From a template to a page in the shopper's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.errors import Refusal
from app.pages.shop import Shop, fresh_key, locale_of, world_of
from app.values.money import Money
from app.values.wording import (
    day_text,
    language,
    money_text,
    part_text,
    span_text,
    time_text,
    window_text,
    word,
)

TEMPLATES = Path(__file__).parents[2] / "templates" / "pages"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(request: Request, shop: Shop, name: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
    """The template `name` with the shop, the language's words and formats, and these facts."""
    locale = locale_of(request, shop.storefront)
    html = _ENVIRONMENT.get_template(name).render(
        shop=shop,
        lang=language(locale),
        locale=locale,
        has_mailbox=world_of(request).has_mailbox,
        key=fresh_key(),
        t=partial(_text, locale),
        count=partial(_count, locale),
        why=partial(_why, locale),
        word=lambda group, key: word(group, str(key), locale),
        money=lambda value: money_text(value, locale),
        money_of=lambda minor, currency: money_text(Money(minor, currency), locale),
        day=lambda value, zone=None: day_text(value, locale, zone),
        local=lambda value, zone: value.astimezone(ZoneInfo(zone)),
        weekday_of=lambda value: part_text(
            datetime(value.year, value.month, value.day, tzinfo=UTC), "EEEE", locale, "UTC"
        ),
        weekday=lambda value, zone: part_text(value, "EEE", locale, zone),
        month=lambda value, zone: part_text(value, "LLL", locale, zone),
        clock=lambda value, zone: time_text(value, locale, zone),
        when=lambda value, zone: f"{day_text(value, locale, zone)}, {time_text(value, locale, zone)}",
        still=lambda span: span_text(max(span, timedelta()), locale),
        window=lambda value, zone: window_text(value, locale, zone),
        **facts,
    )
    return HTMLResponse(
        html, status_code=status, headers={"Cache-Control": "no-store", "Content-Language": language(locale)}
    )


def _text(locale: str, key: str, **facts: object) -> str:
    return word("page", key, locale).format(**facts)


def _count(locale: str, key: str, number: int) -> str:
    """A sentence about one or about several."""
    return _text(locale, f"{key}_one" if number == 1 else f"{key}_many", number=number)


def _why(locale: str, refusal: Refusal | str) -> str:
    """A refusal, or the code of one, as customers are told it; else its own sentence."""
    code = refusal if isinstance(refusal, str) else refusal.code
    told = word("refused", code, locale)
    if told != code:
        return told
    if isinstance(refusal, Refusal):
        return refusal.message
    return f"{code.lower().replace('_', ' ').capitalize()}."


def epoch_ms(instant: datetime) -> int:
    """An instant for the browser's clock."""
    return int(instant.timestamp() * 1000)
