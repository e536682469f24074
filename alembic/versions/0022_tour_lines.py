"""The ways of tours along the streets"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0022_tour_lines"
down_revision = "0021_plan_outline"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "tour_line",
        sa.Column("tour_id", _TEXT(), nullable=False),
        sa.Column("trip", sa.Integer(), nullable=False),
        sa.Column("line", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tour_id"], ["tour.id"]),
        sa.PrimaryKeyConstraint("tour_id", "trip"),
    )


def downgrade() -> None:
    op.drop_table("tour_line")
