"""evidence and invoices"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0012'
down_revision = '20261122_0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
