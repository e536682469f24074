"""How ways go on the streets, by node and class of vehicle"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0029_street_paces"
down_revision = "0028_vehicles_out"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "street_pace",
        sa.Column("node_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("vehicle_class_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("detour_bp", sa.Integer(), nullable=True),
        sa.Column("s_per_km", sa.Float(), nullable=True),
        sa.Column("leg_s", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stamp", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("measured_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.ForeignKeyConstraint(["vehicle_class_id"], ["vehicle_class.id"]),
        sa.PrimaryKeyConstraint("node_id", "vehicle_class_id"),
    )


def downgrade() -> None:
    op.drop_table("street_pace")
