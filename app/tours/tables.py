"""The tentative tours of each node and day, packed into one row."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class TourSheet(SQLModel, table=True):
    """The tentative tours of one node on one local day.

    `frame` is what the plan said (vehicles, shifts, hours of zones), `stops` what is to be brought, in the
    order of the tours; both are packed by `app/tours/packing.py`. `version` counts changes for people. Every
    writing gives `stamp` a new value that was never used before, also one that is rolled back, so that a
    copy in memory with the same stamp is the same sheet.
    """

    __tablename__ = "tour_sheet"

    node_id: str = Field(foreign_key="fulfilment_node.id", primary_key=True)
    day: date = Field(primary_key=True)
    version: int = 1
    stamp: str
    frame_stamp: str
    frame: bytes = Field(sa_type=sa.LargeBinary)
    stops: bytes = Field(sa_type=sa.LargeBinary)
    # How many stops have come since the plan made it: every few the optimiser is asked.
    inserted: int = 0
    unplaced: int = 0
    run_id: str
    changed_at: datetime
    improved_at: datetime | None = None
