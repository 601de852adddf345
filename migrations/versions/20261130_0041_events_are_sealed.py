"""events of the log are sealed with the ledger"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0041'
down_revision = '20261130_0040'
branch_labels = None
depends_on = None

# Of tables with many rows, to which every purchase writes, or which every sign-in reads; some columns came before.
BESIDE = {
    'ix_audit_event_xid': "audit_event (xid)",
    'ix_payment_held': "payment (order_id) WHERE state = 'held'",
    'ix_payment_advance_of': "payment (advance_of_id) WHERE advance_of_id IS NOT NULL",
    'ix_user_account_email': "user_account (lower(email))",
    'ix_person_phone': "person (phone, name) WHERE phone IS NOT NULL",
}


def upgrade() -> None:
    # Indexes are built beside the shop. That ends the transaction, so what comes before it may run again.
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
        for name, place in BESIDE.items():
            op.execute(f"-- squawk-ignore ban-concurrent-index-creation-in-transaction\nDROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"-- squawk-ignore ban-concurrent-index-creation-in-transaction, prefer-robust-stmts\nCREATE INDEX CONCURRENTLY {name} ON {place}")
        op.execute("SET lock_timeout = '100ms'")
