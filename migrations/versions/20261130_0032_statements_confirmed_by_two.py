"""a bank's file moves nothing until another person confirms it; what proves its rows"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0032'
down_revision = '20261130_0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('bank_statement', sa.Column('state', sa.String(), server_default='alone', nullable=False))
    op.add_column('bank_statement', sa.Column('decided_by', sa.Uuid(), nullable=True))
    op.add_column('bank_statement', sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('bank_statement', sa.Column('decided_reason', sa.String(), nullable=True))
    op.create_foreign_key(op.f('fk_bank_statement_decided_by_user_account'), 'bank_statement', 'user_account', ['decided_by'], ['id'])
    op.execute("""ALTER TABLE bank_statement
    ADD CONSTRAINT ck_bank_statement_state_known CHECK (state IN ('imported', 'confirmed', 'refused', 'alone')),
    ADD CONSTRAINT ck_bank_statement_two_people CHECK (decided_by <> imported_by OR state = 'refused'),
    ADD CONSTRAINT ck_bank_statement_decided_by_somebody
        CHECK ((state IN ('confirmed', 'refused')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL))""")
    op.create_unique_constraint(op.f('uq_bank_statement_id_imported_by'), 'bank_statement', ['id', 'imported_by'])
    op.execute("""-- squawk-ignore require-concurrent-index-deletion
DROP INDEX uq_bank_statement_file""")
    op.create_index('uq_bank_statement_file', 'bank_statement', ['file_sha256', 'unit_id'], unique=True, postgresql_nulls_not_distinct=True, postgresql_where=sa.text("state <> 'refused'"))
    op.create_index('ix_bank_statement_waiting', 'bank_statement', ['imported_at'], postgresql_where=sa.text("state = 'imported'"))
    op.create_table('bank_statement_row',
    sa.Column('statement_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('row', sa.Integer(), nullable=False),
    sa.Column('refunded', sa.Boolean(), nullable=False),
    sa.Column('account_key', sa.String(), nullable=False),
    sa.Column('account_last4', sa.String(), nullable=True),
    sa.Column('serial_number', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('payer_name', sa.String(), nullable=False),
    sa.Column('payer_account_digest', sa.String(), nullable=True),
    sa.Column('payer_account_last4', sa.String(), nullable=True),
    sa.Column('remark', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['statement_id'], ['bank_statement.id'], name=op.f('fk_bank_statement_row_statement_id_bank_statement')),
    sa.PrimaryKeyConstraint('statement_id', 'id', name=op.f('pk_bank_statement_row'))
    )
    op.create_unique_constraint(op.f('uq_bank_transfer_id_statement_id'), 'bank_transfer', ['id', 'statement_id'])
    op.create_table('transfer_proof',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('statement_id', sa.Uuid(), nullable=False),
    sa.Column('imported_by', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('brought_by', sa.Uuid(), nullable=False),
    sa.Column('brought_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('second_export', 'receipt')", name=op.f('ck_transfer_proof_kind_known')),
    sa.CheckConstraint('brought_by <> imported_by', name=op.f('ck_transfer_proof_two_people')),
    sa.ForeignKeyConstraint(['transfer_id', 'statement_id'], ['bank_transfer.id', 'bank_transfer.statement_id'], name=op.f('fk_transfer_proof_transfer_id_bank_transfer')),
    sa.ForeignKeyConstraint(['statement_id', 'imported_by'], ['bank_statement.id', 'bank_statement.imported_by'], name=op.f('fk_transfer_proof_statement_id_bank_statement')),
    sa.ForeignKeyConstraint(['sha256'], ['evidence.sha256'], name=op.f('fk_transfer_proof_sha256_evidence')),
    sa.ForeignKeyConstraint(['brought_by'], ['user_account.id'], name=op.f('fk_transfer_proof_brought_by_user_account')),
    sa.PrimaryKeyConstraint('transfer_id', name=op.f('pk_transfer_proof')),
    sa.UniqueConstraint('id', name=op.f('uq_transfer_proof_id'))
    )
    # Nothing is nothing: the release before this one writes whole rows of canteens' orders, without a default.
    op.add_column('payer_share', sa.Column('unproven_fen', sa.BigInteger(), server_default='0', nullable=True))
    op.create_check_constraint(op.f('ck_payer_share_proven_once'), 'payer_share', 'unproven_fen >= 0')
