"""Overrides for outages say how many vehicles are out, so that they may end in any order"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0028_vehicles_out"
down_revision = "0027_lockers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Those in force keep the share they were given: the next plan lifts them.
    with op.batch_alter_table("capacity_override") as table:
        table.add_column(sa.Column("vehicles_out", sa.Integer(), nullable=True))
        table.add_column(sa.Column("vehicle_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        table.create_foreign_key("capacity_override_vehicle_id_fkey", "vehicle", ["vehicle_id"], ["id"])


def downgrade() -> None:
    # One that said how many are out closes its pools until the next plan lifts it.
    with op.batch_alter_table("capacity_override") as table:
        table.drop_constraint("capacity_override_vehicle_id_fkey", type_="foreignkey")
        table.drop_column("vehicle_id")
        table.drop_column("vehicles_out")
