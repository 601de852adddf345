"""bank statements"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0011'
down_revision = '20261122_0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bank_statement',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('bank', sa.String(), nullable=False),
    sa.Column('file_sha256', sa.String(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('incoming', sa.Integer(), nullable=False),
    sa.Column('fresh', sa.Integer(), nullable=False),
    sa.Column('imported_by', sa.Uuid(), nullable=False),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['imported_by'], ['user_account.id'], name=op.f('fk_bank_statement_imported_by')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_bank_statement_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_statement')),
    sa.UniqueConstraint('file_sha256', name=op.f('uq_bank_statement_file_sha256'))
    )
    op.create_table('bank_transfer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('statement_id', sa.Uuid(), nullable=False),
    sa.Column('row', sa.Integer(), nullable=False),
    sa.Column('bank', sa.String(), nullable=False),
    sa.Column('serial_number', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('matched_fen', sa.BigInteger(), nullable=False),
    sa.Column('payer_name', sa.String(), nullable=False),
    sa.Column('payer_account_digest', sa.String(), nullable=True),
    sa.Column('payer_account_last4', sa.String(), nullable=True),
    sa.Column('remark', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('why_queued', sa.String(), nullable=True),
    sa.Column('imported_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(state = 'matched') = (matched_fen = amount_fen)", name=op.f('ck_bank_transfer_matched_whole')),
    sa.CheckConstraint("state IN ('queued', 'proposed', 'matched')", name=op.f('ck_bank_transfer_state_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_bank_transfer_moves_something')),
    sa.CheckConstraint('matched_fen IN (0, amount_fen)', name=op.f('ck_bank_transfer_all_or_nothing')),
    sa.ForeignKeyConstraint(['statement_id'], ['bank_statement.id'], name=op.f('fk_bank_transfer_statement_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_transfer')),
    sa.UniqueConstraint('bank', 'serial_number', name=op.f('uq_bank_transfer_bank_serial_number'))
    )
    op.create_index('ix_bank_transfer_open', 'bank_transfer', ['day', 'id'], unique=False, postgresql_where="state <> 'matched'")
    op.create_index('ix_bank_transfer_statement', 'bank_transfer', ['statement_id', 'row'], unique=False)
    op.create_table('paid_back',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('bank_reference', sa.String(), nullable=False),
    sa.Column('returned_on', sa.Date(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_paid_back_moves_something')),
    sa.ForeignKeyConstraint(['payer_share_id'], ['payer_share.id'], name=op.f('fk_paid_back_payer_share_id')),
    sa.ForeignKeyConstraint(['recorded_by'], ['user_account.id'], name=op.f('fk_paid_back_recorded_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_paid_back')),
    sa.UniqueConstraint('bank_reference', name=op.f('uq_paid_back_bank_reference'))
    )
    op.create_index(op.f('ix_paid_back_payer_share_id'), 'paid_back', ['payer_share_id'], unique=False)
    op.create_table('match_proposal',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('remember_payer', sa.Boolean(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name=op.f('ck_match_proposal_decided_by_somebody')),
    sa.CheckConstraint("state IN ('proposed', 'confirmed', 'rejected')", name=op.f('ck_match_proposal_state_known')),
    sa.CheckConstraint('decided_by <> proposed_by', name=op.f('ck_match_proposal_two_people')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_match_proposal_decided_by')),
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_match_proposal_proposed_by')),
    sa.ForeignKeyConstraint(['transfer_id'], ['bank_transfer.id'], name=op.f('fk_match_proposal_transfer_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_match_proposal')),
    sa.UniqueConstraint('id', 'transfer_id', name=op.f('uq_match_proposal_id_transfer_id'))
    )
    op.create_index(op.f('ix_match_proposal_transfer_id'), 'match_proposal', ['transfer_id'], unique=False)
    op.create_index('uq_match_proposal_open', 'match_proposal', ['transfer_id'], unique=True, postgresql_where="state = 'proposed'")
    op.create_table('known_payer',
    sa.Column('account_digest', sa.String(), nullable=False),
    sa.Column('plain_name', sa.String(), nullable=False),
    sa.Column('payer_kind', sa.String(), nullable=False),
    sa.Column('payer_id', sa.Uuid(), nullable=False),
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('remembered_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("payer_kind IN ('union', 'unit', 'canteen', 'contractor')", name=op.f('ck_known_payer_payer_kind_known')),
    sa.ForeignKeyConstraint(['proposal_id'], ['match_proposal.id'], name=op.f('fk_known_payer_proposal_id')),
    sa.PrimaryKeyConstraint('account_digest', 'plain_name', 'payer_kind', 'payer_id', name=op.f('pk_known_payer'))
    )
    op.create_table('match_proposal_share',
    sa.Column('proposal_id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_match_proposal_share_moves_something')),
    sa.ForeignKeyConstraint(['payer_share_id'], ['payer_share.id'], name=op.f('fk_match_proposal_share_payer_share_id')),
    sa.ForeignKeyConstraint(['proposal_id'], ['match_proposal.id'], name=op.f('fk_match_proposal_share_proposal_id')),
    sa.PrimaryKeyConstraint('proposal_id', 'payer_share_id', name=op.f('pk_match_proposal_share'))
    )
    op.create_table('transfer_match',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('how', sa.String(), nullable=False),
    sa.Column('proposal_id', sa.Uuid(), nullable=True),
    sa.Column('matched_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(how = 'by_hand') = (proposal_id IS NOT NULL)", name=op.f('ck_transfer_match_hands_are_named')),
    sa.CheckConstraint("how IN ('code', 'known_payer', 'by_hand')", name=op.f('ck_transfer_match_how_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_transfer_match_moves_something')),
    sa.ForeignKeyConstraint(['payer_share_id'], ['payer_share.id'], name=op.f('fk_transfer_match_payer_share_id')),
    sa.ForeignKeyConstraint(['proposal_id', 'transfer_id'], ['match_proposal.id', 'match_proposal.transfer_id'], name=op.f('fk_transfer_match_proposal_id_transfer_id')),
    sa.ForeignKeyConstraint(['transfer_id'], ['bank_transfer.id'], name=op.f('fk_transfer_match_transfer_id')),
    sa.PrimaryKeyConstraint('transfer_id', 'payer_share_id', name=op.f('pk_transfer_match'))
    )
    op.create_index('ix_transfer_match_share', 'transfer_match', ['payer_share_id'], unique=False)
