"""What a zone's offers, redemptions and keys are found by does not grow with the past"""

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision = "0018_flat_past"
down_revision = "0017_collection_point"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("capacity_reach", sa.Column("starts_at", UTCDateTime(), nullable=True))
    op.execute(
        "UPDATE capacity_reach SET starts_at ="
        " (SELECT starts_at FROM capacity_pool WHERE capacity_pool.id = capacity_reach.pool_id)"
    )
    with op.batch_alter_table("capacity_reach") as batch:
        batch.alter_column("starts_at", existing_type=UTCDateTime(), nullable=False)
        batch.drop_index("ix_capacity_reach_zone_id")
    op.create_index("reach_of_zone", "capacity_reach", ["zone_id", "starts_at"])
    op.create_index("ix_promotion_redemption_hold_id", "promotion_redemption", ["hold_id"])


def downgrade() -> None:
    op.drop_index("ix_promotion_redemption_hold_id", table_name="promotion_redemption")
    op.drop_index("reach_of_zone", table_name="capacity_reach")
    op.create_index("ix_capacity_reach_zone_id", "capacity_reach", ["zone_id"])
    with op.batch_alter_table("capacity_reach") as batch:
        batch.drop_column("starts_at")
