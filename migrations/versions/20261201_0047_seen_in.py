"""in which epoch and timeline a tick was seen"""

import sqlalchemy as sa
from alembic import op

revision = '20261201_0047'
down_revision = '20261130_0046'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('knowledge', sa.Column('seen_in', sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column('knowledge', 'seen_in')
