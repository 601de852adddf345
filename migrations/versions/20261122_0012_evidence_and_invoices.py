"""evidence and invoices"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0012'
down_revision = '20261122_0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('evidence',
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('media_type', sa.String(), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('uploaded_by', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("media_type IN ('application/pdf', 'application/ofd', 'application/xml', 'image/jpeg', 'image/png', 'image/webp', 'text/csv', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet')", name=op.f('ck_evidence_media_type_known')),
    sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f('ck_evidence_is_a_digest')),
    sa.CheckConstraint('bytes > 0', name=op.f('ck_evidence_not_empty')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_evidence_unit_id')),
    sa.ForeignKeyConstraint(['uploaded_by'], ['user_account.id'], name=op.f('fk_evidence_uploaded_by')),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_evidence'))
    )
    op.create_table('evidence_upload',
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('uploaded_by', sa.Uuid(), nullable=False),
    sa.Column('scope_id', sa.Uuid(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['sha256'], ['evidence.sha256'], name=op.f('fk_evidence_upload_sha256')),
    sa.ForeignKeyConstraint(['uploaded_by'], ['user_account.id'], name=op.f('fk_evidence_upload_uploaded_by')),
    sa.PrimaryKeyConstraint('sha256', 'uploaded_by', 'scope_id', name=op.f('pk_evidence_upload'))
    )
    op.create_table('invoice_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=True),
    sa.Column('supplier_id', sa.Uuid(), nullable=False),
    sa.Column('supplier_name', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('tax_number', sa.String(), nullable=True),
    sa.Column('requested_by', sa.Uuid(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('payer_share_id IS NOT NULL OR tax_number IS NULL', name=op.f('ck_invoice_request_persons_have_no_tax_number')),
    sa.ForeignKeyConstraint(['order_id'], ['shop_order.id'], name=op.f('fk_invoice_request_order_id')),
    sa.ForeignKeyConstraint(['payer_share_id'], ['payer_share.id'], name=op.f('fk_invoice_request_payer_share_id')),
    sa.ForeignKeyConstraint(['requested_by'], ['user_account.id'], name=op.f('fk_invoice_request_requested_by')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_invoice_request_supplier_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice_request'))
    )
    op.create_index('ix_invoice_request_supplier', 'invoice_request', ['supplier_id', 'requested_at'], unique=False)
    op.create_index('uq_invoice_request_order', 'invoice_request', ['order_id', 'supplier_id'], unique=True, postgresql_where='payer_share_id IS NULL')
    op.create_index('uq_invoice_request_share', 'invoice_request', ['payer_share_id', 'supplier_id'], unique=True)
    op.create_table('invoice',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('red_of_id', sa.Uuid(), nullable=True),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('issued_on', sa.Date(), nullable=False),
    sa.Column('issuer_name', sa.String(), nullable=False),
    sa.Column('issuer_tax_number', sa.String(), nullable=False),
    sa.Column('buyer_title', sa.String(), nullable=False),
    sa.Column('buyer_tax_number', sa.String(), nullable=True),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('tax_fen', sa.BigInteger(), nullable=False),
    sa.Column('reddened_fen', sa.BigInteger(), nullable=False),
    sa.Column('read_from', sa.String(), nullable=False),
    sa.Column('file_sha256', sa.String(), nullable=False),
    sa.Column('uploaded_by', sa.Uuid(), nullable=False),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'red') = (amount_fen < 0) AND amount_fen <> 0", name=op.f('ck_invoice_sign')),
    sa.CheckConstraint("(kind = 'red') = (red_of_id IS NOT NULL)", name=op.f('ck_invoice_red_of_a_blue')),
    sa.CheckConstraint("kind IN ('blue', 'red')", name=op.f('ck_invoice_kind_known')),
    sa.CheckConstraint("number ~ '^[0-9]{20}$'", name=op.f('ck_invoice_number_of_the_platform')),
    sa.CheckConstraint("read_from IN ('xml', 'typed')", name=op.f('ck_invoice_read_from_known')),
    sa.CheckConstraint('reddened_fen BETWEEN 0 AND greatest(amount_fen, 0)', name=op.f('ck_invoice_never_more_than_it_was')),
    sa.ForeignKeyConstraint(['file_sha256'], ['evidence.sha256'], name=op.f('fk_invoice_file_sha256')),
    sa.ForeignKeyConstraint(['red_of_id'], ['invoice.id'], name=op.f('fk_invoice_red_of_id')),
    sa.ForeignKeyConstraint(['request_id'], ['invoice_request.id'], name=op.f('fk_invoice_request_id')),
    sa.ForeignKeyConstraint(['uploaded_by'], ['user_account.id'], name=op.f('fk_invoice_uploaded_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice')),
    sa.UniqueConstraint('number', name=op.f('uq_invoice_number'))
    )
    op.create_index('ix_invoice_request', 'invoice', ['request_id'], unique=False)
