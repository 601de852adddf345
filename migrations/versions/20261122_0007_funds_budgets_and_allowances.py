"""funds budgets and allowances"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0007'
down_revision = '20261122_0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
