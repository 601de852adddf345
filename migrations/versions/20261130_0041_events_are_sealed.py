"""events of the log are sealed with the ledger"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0041'
down_revision = '20261130_0040'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE audit_event ADD COLUMN xid xid8 DEFAULT '0' NOT NULL")
    op.execute('ALTER TABLE audit_event ALTER COLUMN xid SET DEFAULT pg_current_xact_id()')
    op.create_index('ix_audit_event_xid', 'audit_event', ['xid'])
    op.add_column('seal', sa.Column('events', sa.Integer(), server_default='0', nullable=False))
    op.add_column('seal', sa.Column('events_root', sa.String(), server_default='', nullable=False))
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE seal DROP CONSTRAINT ck_seal_has_entries,
    ADD CONSTRAINT ck_seal_has_entries CHECK (entries + events > 0)""")
    op.create_table('seal_event',
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('seal_number', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['seal_number'], ['seal.number'], name=op.f('fk_seal_event_seal_number_seal')),
    sa.PrimaryKeyConstraint('event_id', name=op.f('pk_seal_event'))
    )
    op.create_index('uq_seal_event_place', 'seal_event', ['seal_number', 'position'], unique=True)
