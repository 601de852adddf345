"""numbers of transactions that no cluster resets"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0044'
down_revision = '20261130_0043'
branch_labels = None
depends_on = None

TABLES = ('audit_event', 'credit_entry', 'flag', 'flag_decision', 'flag_end', 'flag_line', 'period_event')


def upgrade() -> None:
    op.create_table('commit_epoch',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('cluster', sa.BigInteger(), nullable=False),
    sa.Column('added', sa.BigInteger(), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_commit_epoch'))
    )
    op.execute("CREATE FUNCTION commit_number() RETURNS xid8 LANGUAGE sql VOLATILE AS 'SELECT pg_current_xact_id()'")
    op.execute(
        "CREATE FUNCTION commit_snapshot() RETURNS pg_snapshot LANGUAGE sql STABLE AS 'SELECT pg_current_snapshot()'"
    )
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN xid SET DEFAULT commit_number()")
