"""Ways of handing over and what customers chose, as rows."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.database.columns import words
from app.handover.rules import HandoverMode
from app.values.ids import new_id


class HandoverPolicy(SQLModel, table=True):
    """A way of handing over that this deployment offers, with its minutes at the door and its fee."""

    __tablename__ = "handover_policy"

    mode: HandoverMode = Field(sa_type=words(HandoverMode), primary_key=True)
    at_door_s: int
    fee_minor: int
    proof: list[Any] = Field(default_factory=list, sa_type=sa.JSON)


class DropPreference(SQLModel, table=True):
    """What the customer asked for; never changed, a new wish is a new row."""

    __tablename__ = "drop_preference"

    id: str = Field(default_factory=new_id, primary_key=True)
    mode: HandoverMode = Field(sa_type=words(HandoverMode))
    place: str | None = None
    neighbour: str | None = None
    neighbour_line1: str | None = None
    note: str | None = None
    ring_bell: bool = True
    contact_free: bool = False
    extra_min: int = 0
    at_door_s: int
    fee_minor: int
    proof: list[Any] = Field(default_factory=list, sa_type=sa.JSON)
    created_at: datetime
