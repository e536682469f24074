"""From rows to what operators write, and back: ids become keys and codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.database.rows import table_of
from app.errors import NotFound
from app.places.tables import FulfilmentNode, ServiceZone
from app.slots.checks import path
from app.slots.drafts import (
    BlackoutDraft,
    CutoffDraft,
    Draft,
    ExceptionDraft,
    HolidayDraft,
    HorizonDraft,
    LeadTimeDraft,
    PickWaveDraft,
    TemplateDraft,
    TimetableDraft,
)
from app.slots.errors import (
    UnknownCutoff,
    UnknownNode,
    UnknownPickWave,
    UnknownStorefront,
    UnknownTemplate,
    UnknownTimetable,
    UnknownZone,
)
from app.slots.rules import RuleKind
from app.slots.tables import (
    Blackout,
    BookingHorizon,
    CutoffRule,
    HolidayRule,
    LeadTime,
    PickWave,
    Rule,
    SlotException,
    SlotTemplate,
    Timetable,
)
from app.storefronts.tables import Storefront

# The row and the writing of each kind of rule, in an order in which each refers to earlier ones only.
KINDS: dict[RuleKind, tuple[type[Rule], type[Any]]] = {
    RuleKind.PICK_WAVE: (PickWave, PickWaveDraft),
    RuleKind.CUTOFF: (CutoffRule, CutoffDraft),
    RuleKind.TIMETABLE: (Timetable, TimetableDraft),
    RuleKind.TEMPLATE: (SlotTemplate, TemplateDraft),
    RuleKind.EXCEPTION: (SlotException, ExceptionDraft),
    RuleKind.HOLIDAY: (HolidayRule, HolidayDraft),
    RuleKind.LEAD_TIME: (LeadTime, LeadTimeDraft),
    RuleKind.HORIZON: (BookingHorizon, HorizonDraft),
    RuleKind.BLACKOUT: (Blackout, BlackoutDraft),
}


@dataclass(frozen=True, slots=True)
class _Link:
    """A field that is written as a key of another row: its column, that row's table, key and refusal."""

    column: str
    model: type[SQLModel]
    key: str
    unknown: type[NotFound]


_LINKS = {
    "template": _Link("template_id", SlotTemplate, "key", UnknownTemplate),
    "timetable": _Link("timetable_id", Timetable, "key", UnknownTimetable),
    "cutoff": _Link("cutoff_rule_id", CutoffRule, "key", UnknownCutoff),
    "wave": _Link("wave_id", PickWave, "key", UnknownPickWave),
    "zone": _Link("zone_id", ServiceZone, "code", UnknownZone),
    "node": _Link("node_id", FulfilmentNode, "key", UnknownNode),
    "storefront": _Link("storefront_id", Storefront, "key", UnknownStorefront),
}
_COLUMNS = {"counted": "kind"}


@dataclass(frozen=True)
class Spelling:
    """The keys of everything that rules refer to, by field and id."""

    keys: Mapping[str, Mapping[str, str]]

    def draft(self, row: Rule, kind: RuleKind) -> Draft:
        """A row as an operator writes it."""
        written: dict[str, Any] = {}
        for name in (field.name for field in fields(KINDS[kind][1])):
            link = _LINKS.get(name)
            value = getattr(row, link.column if link else _COLUMNS.get(name, name))
            written[name] = self.keys[name].get(value) if link and value else value
        draft: Draft = KINDS[kind][1](**written)
        return draft

    def columns(self, draft: Draft) -> dict[str, Any]:
        """The columns of the row that a draft means; raises the refusal of a key that is not there."""
        found: dict[str, Any] = {}
        for name in (field.name for field in fields(draft)):
            value, link = getattr(draft, name), _LINKS.get(name)
            if link is None:
                found[_COLUMNS.get(name, name)] = value
            elif value is None:
                found[link.column] = None
            else:
                ids = {key: row_id for row_id, key in self.keys[name].items()}
                if value not in ids:
                    raise link.unknown(field=path(name), key=value)
                found[link.column] = ids[value]
        return found


def read_spelling(conn: Connection) -> Spelling:
    """The keys of what stands: a removed rule cannot be referred to any more."""
    keys: dict[str, dict[str, str]] = {}
    for name, link in _LINKS.items():
        table = table_of(link.model)
        query = sa.select(table.c.id, table.c[link.key])
        if issubclass(link.model, Rule):
            query = query.where(table.c.removed_at.is_(None))
        keys[name] = {row[0]: row[1] for row in conn.execute(query)}
    return Spelling(keys)


def as_text(draft: Draft | None) -> dict[str, str] | None:
    """What the history keeps of a rule: each field that says something, as text."""
    if draft is None:
        return None
    values = {field.name: getattr(draft, field.name) for field in fields(draft)}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else str(value)
        for name, value in values.items()
        if value is not None
    }
