"""Disruptions with their outcome"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0020_disruptions"
down_revision = "0019_assignment"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, length=40)


def upgrade() -> None:
    kinds = ("VAN", "ELECTRIC_VAN", "CARGO_BIKE", "BIKE", "E_SCOOTER", "MOPED", "WALKER")
    op.create_table(
        "disruption",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("kind", _words("disruptionkind", "VEHICLE", "COURIER", "NODE", "STREET"), nullable=False),
        sa.Column("status", _words("disruptionstatus", "REPORTED", "REPAIRED", "FAILED"), nullable=False),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("vehicle_id", _TEXT(), nullable=True),
        sa.Column("node_id", _TEXT(), nullable=True),
        sa.Column("vehicle_kind", _words("vehiclekind", *kinds), nullable=True),
        sa.Column("street_id", _TEXT(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("starts_at", _INSTANT(), nullable=False),
        sa.Column("ends_at", _INSTANT(), nullable=True),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("barred", sa.JSON(), nullable=False),
        sa.Column("bookings", sa.Integer(), nullable=False),
        sa.Column("run_id", _TEXT(), nullable=True),
        sa.Column("repaired_at", _INSTANT(), nullable=True),
        sa.Column("moved_silently", sa.Integer(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=True),
        sa.Column("partner_couriers", sa.Integer(), nullable=True),
        sa.Column("cost_minor", sa.Integer(), nullable=True),
        sa.Column("currency", _TEXT(), nullable=True),
        sa.Column("answer_by", _INSTANT(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicle.id"]),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"]),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_run.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_disruption_status", "disruption", ["status"])


def downgrade() -> None:
    op.drop_table("disruption")
