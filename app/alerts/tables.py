"""Alerts to operators, as rows."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.alerts.rules import AlertKind
from app.database.columns import words
from app.values.ids import new_id

_OPEN = "cleared_at IS NULL"


class OperatorAlert(SQLModel, table=True):
    """Something that operators must know of; while it lasts there is one alert per `cause`.

    `times` counts how often it has happened, `cleared_at` says that it is over by itself.
    """

    __tablename__ = "operator_alert"
    __table_args__ = (
        sa.Index(
            "alert_one_per_cause",
            "cause",
            unique=True,
            postgresql_where=sa.text(_OPEN),
            sqlite_where=sa.text(_OPEN),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    kind: AlertKind = Field(sa_type=words(AlertKind))
    cause: str
    message: str = Field(sa_type=sa.Text)
    raised_at: datetime = Field(index=True)
    last_at: datetime
    times: int = 1
    mailed_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    cleared_at: datetime | None = None
