"""reports"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0019'
down_revision = '20261122_0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
