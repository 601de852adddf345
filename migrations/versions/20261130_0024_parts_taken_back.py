"""parts of receipts taken back; a payer remembered by each match that names it"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0024'
down_revision = '20261130_0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE bank_transfer ADD COLUMN taken_back_fen bigint NOT NULL DEFAULT 0")
    op.execute("UPDATE bank_transfer SET taken_back_fen = amount_fen WHERE state = 'taken_back'")
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT IF EXISTS ck_bank_transfer_matched_whole, DROP CONSTRAINT IF EXISTS ck_bank_transfer_all_or_nothing,
    ADD CONSTRAINT ck_bank_transfer_matched_whole CHECK ((state = 'matched') = (matched_fen <> 0)),
    ADD CONSTRAINT ck_bank_transfer_all_or_nothing CHECK (matched_fen IN (0, amount_fen - taken_back_fen)),
    ADD CONSTRAINT ck_bank_transfer_taken_back_within CHECK (taken_back_fen BETWEEN 0 AND greatest(amount_fen, 0)),
    ADD CONSTRAINT ck_bank_transfer_taken_back_whole CHECK ((state = 'taken_back') = (amount_fen > 0 AND taken_back_fen = amount_fen))""")
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX uq_match_undoing_taken_back")
    op.create_index('ix_match_undoing_taken_back', 'match_undoing', ['receipt_id'], unique=False, postgresql_where=sa.text("reversal_id IS NOT NULL AND state = 'confirmed'"))
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE known_payer DROP CONSTRAINT IF EXISTS pk_known_payer,
    ADD CONSTRAINT pk_known_payer PRIMARY KEY (account_digest, plain_name, payer_kind, payer_id, proposal_id)""")
