"""Bookings also change their vehicles with better tentative tours, without a run"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0023_moves_with_tours"
down_revision = "0022_tour_lines"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    with op.batch_alter_table("booking_move") as batch:
        batch.alter_column("run_id", existing_type=_TEXT(), nullable=True)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM booking_move WHERE run_id IS NULL"))
    with op.batch_alter_table("booking_move") as batch:
        batch.alter_column("run_id", existing_type=_TEXT(), nullable=False)
