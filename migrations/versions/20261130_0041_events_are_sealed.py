"""events of the log are sealed with the ledger"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0041'
down_revision = '20261130_0040'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The log has many rows and every purchase writes to it: its index is built beside them. That ends the transaction,
    # so what comes before it may run again.
    op.execute("ALTER TABLE audit_event ADD COLUMN IF NOT EXISTS xid xid8 DEFAULT '0' NOT NULL")
    op.execute('ALTER TABLE audit_event ALTER COLUMN xid SET DEFAULT pg_current_xact_id()')
    op.execute("""ALTER TABLE seal ADD COLUMN IF NOT EXISTS events integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS events_root varchar NOT NULL DEFAULT ''""")
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE seal DROP CONSTRAINT ck_seal_has_entries, ADD CONSTRAINT ck_seal_has_entries CHECK (entries + events > 0)""")
    op.create_table('seal_event',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('seal_number', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['seal_number'], ['seal.number'], name=op.f('fk_seal_event_seal_number_seal')),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_seal_event')),
    if_not_exists=True
    )
    op.create_index('uq_seal_event_place', 'seal_event', ['seal_number', 'position'], unique=True, if_not_exists=True)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for whoever has begun, and nobody waits for it
        op.execute("-- squawk-ignore ban-concurrent-index-creation-in-transaction\nDROP INDEX CONCURRENTLY IF EXISTS ix_audit_event_xid")
        op.execute("-- squawk-ignore ban-concurrent-index-creation-in-transaction, prefer-robust-stmts\nCREATE INDEX CONCURRENTLY ix_audit_event_xid ON audit_event (xid)")
        op.execute("SET lock_timeout = '100ms'")
