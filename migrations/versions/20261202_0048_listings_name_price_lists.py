"""listings say which list a price is of: every row is made anew"""

from alembic import op

revision = '20261202_0048'
down_revision = '20261201_0047'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until the worker has passed, a page leaves out what a row does not say yet.
    op.execute('UPDATE listing_row SET stale_at = now()')


def downgrade() -> None:
    op.execute('UPDATE listing_row SET stale_at = now()')
