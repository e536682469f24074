"""The ledger shows before and after, operators override plans, bookings are asked to move"""

from collections import defaultdict
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0004_capacity"
down_revision = "0003_calendar"
branch_labels = None
depends_on = None

_KINDS = ("VAN", "ELECTRIC_VAN", "CARGO_BIKE", "BIKE", "E_SCOOTER", "MOPED", "WALKER")


def upgrade() -> None:
    with op.batch_alter_table("capacity_pool") as batch_op:
        batch_op.add_column(sa.Column("entries", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("planned", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("capacity_entry") as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("held_after", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("booked_after", sa.JSON(), nullable=True))
    _number_entries()
    with op.batch_alter_table("capacity_pool") as batch_op:
        batch_op.alter_column("entries", server_default=None)
    with op.batch_alter_table("capacity_entry") as batch_op:
        batch_op.alter_column("number", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("held_after", existing_type=sa.JSON(), nullable=False)
        batch_op.alter_column("booked_after", existing_type=sa.JSON(), nullable=False)
        batch_op.create_unique_constraint("capacity_entry_number", ["pool_id", "number"])
        batch_op.drop_index("ix_capacity_entry_pool_id")
    op.create_table(
        "capacity_override",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("pool_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "vehicle_kind",
            sa.Enum(*_KINDS, name="vehiclekind", native_enum=False, length=40),
            nullable=True,
        ),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("sell_orders", sa.Integer(), nullable=True),
        sa.Column("factor_bp", sa.Integer(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("lifted_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("lifted_by", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lift_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(["pool_id"], ["capacity_pool.id"]),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_capacity_override_day", "capacity_override", ["day"])
    op.create_table(
        "repromise_proposal",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("storefront_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("pool_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("override_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("OPEN", "SETTLED", "WITHDRAWN", name="repromisestate", native_enum=False, length=40),
            nullable=False,
        ),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("alternatives", sa.JSON(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["storefront_id"], ["storefront.id"]),
        sa.ForeignKeyConstraint(["booking_id"], ["delivery_booking.id"]),
        sa.ForeignKeyConstraint(["pool_id"], ["capacity_pool.id"]),
        sa.ForeignKeyConstraint(["override_id"], ["capacity_override.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in ("storefront_id", "booking_id", "pool_id", "override_id"):
        op.create_index(f"ix_repromise_proposal_{name}", "repromise_proposal", [name])
    op.create_index(
        "proposal_one_open",
        "repromise_proposal",
        ["booking_id"],
        unique=True,
        postgresql_where=sa.text("state = 'OPEN'"),
        sqlite_where=sa.text("state = 'OPEN'"),
    )


def _number_entries() -> None:
    """Number what was written before in the order of its ids, with the counters after each line."""
    conn = op.get_bind()
    entry = sa.table(
        "capacity_entry",
        *(sa.column(name, sa.String()) for name in ("id", "pool_id")),
        sa.column("number", sa.Integer()),
        *(sa.column(f"{c}_{w}", sa.JSON()) for c in ("held", "booked") for w in ("delta", "after")),
    )
    pool = sa.table("capacity_pool", sa.column("id", sa.String()), sa.column("entries", sa.Integer()))
    lines = conn.execute(
        sa.select(entry.c.id, entry.c.pool_id, entry.c.held_delta, entry.c.booked_delta).order_by(
            entry.c.pool_id, entry.c.id
        )
    ).all()
    for pool_id, of_pool in groupby(lines, attrgetter("pool_id")):
        stand: dict[str, int] = defaultdict(int)
        number = 0
        for number, line in enumerate(of_pool, start=1):
            after = {}
            for prefix, changes in (("held", line.held_delta), ("booked", line.booked_delta)):
                for dimension, change in changes.items():
                    stand[f"{prefix}_{dimension}"] += change
                after[f"{prefix}_after"] = {d: stand[f"{prefix}_{d}"] for d in changes}
            conn.execute(sa.update(entry).where(entry.c.id == line.id).values(number=number, **after))
        conn.execute(sa.update(pool).where(pool.c.id == pool_id).values(entries=number))


def downgrade() -> None:
    op.drop_table("repromise_proposal")
    op.drop_table("capacity_override")
    with op.batch_alter_table("capacity_entry") as batch_op:
        batch_op.create_index("ix_capacity_entry_pool_id", ["pool_id"], unique=False)
        batch_op.drop_constraint("capacity_entry_number", type_="unique")
        batch_op.drop_column("booked_after")
        batch_op.drop_column("held_after")
        batch_op.drop_column("number")
    with op.batch_alter_table("capacity_pool") as batch_op:
        batch_op.drop_column("planned")
        batch_op.drop_column("entries")
