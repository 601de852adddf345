"""flags that end by themselves"""

from alembic import op

revision = '20261130_0025'
down_revision = '20261130_0024'
branch_labels = None
depends_on = None

KINDS = """'split_below_tier', 'related_buyer', 'spike_refunded', 'price_jump', 'shared_phone', 'round_numbers', 'far_origin',
    'invoice_repeated', 'roll_unsigned', 'dispute_open'"""


def upgrade() -> None:
    for table in ('flag_threshold', 'flag'):
        op.execute(f"""-- squawk-ignore ban-drop-constraint
ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_kind_known, ADD CONSTRAINT ck_{table}_kind_known CHECK (kind IN ({KINDS}))""")
    op.execute("""CREATE TABLE flag_end (
    flag_id uuid NOT NULL CONSTRAINT pk_flag_end PRIMARY KEY CONSTRAINT fk_flag_end_flag_id_flag REFERENCES flag (id),
    ended_at timestamptz NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
)""")
    op.create_index('ix_flag_end_xid', 'flag_end', ['xid'], unique=False)
