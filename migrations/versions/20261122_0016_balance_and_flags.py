"""balance and flags"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0016'
down_revision = '20261122_0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
