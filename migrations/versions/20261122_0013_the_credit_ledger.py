"""the credit ledger"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0013'
down_revision = '20261122_0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
