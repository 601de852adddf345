"""intake: sales made elsewhere, and the channels they come from"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0015'
down_revision = '20261122_0014'
branch_labels = None
depends_on = None

# How each channel's statement names what is asked for. Where a field is not named it is left blank.
DIRECT = {'自用采购': 'direct_purchase', '直接购买': 'direct_purchase', '直购': 'direct_purchase', '帮助销售': 'assisted_sale', '帮销': 'assisted_sale'}


def columns(kind_blank, **titles):
    """Rows of `sales_channel.columns`."""
    rows = [{'field': field, 'titles': named} for field, named in titles.items()]
    for row in rows:
        if row['field'] == 'credit_kind':
            row['blank'] = kind_blank
            row['words'] = DIRECT
    if 'credit_kind' not in titles:
        rows.append({'field': 'credit_kind', 'titles': [], 'blank': kind_blank})
    return rows


CHANNELS = (
    ('platform_832', '832 平台', 'platform', columns('direct_purchase',
        number=['订单编号', '832订单编号'], line=['明细序号'], type=['单据类型'], refund_number=['退单编号'],
        credit_kind=['采购方式'], unit=['采购单位', '采购人'], fund_source=['资金来源'], invoice_number=['发票号码'],
        province=['产地省份'], county=['产地县', '产地县（区）'], producer=['生产主体'], supplier=['供应商名称'],
        product=['商品名称'], category=['商品品类'], recognition_number=['产品认定编号'], quantity=['采购数量'],
        kg=['重量（千克）'], amount=['成交金额（元）', '成交金额'], day=['成交日期', '成交时间'])),
    ('retail_market', '零售商电商平台', 'marketplace', columns('assisted_sale',
        number=['主订单号'], line=['子订单号'], type=['业务类型'], refund_number=['售后单号'],
        credit_kind=['销售方式'], unit=['推荐单位'], fund_source=['付款来源'], invoice_number=['电子发票号'],
        province=['发货省'], county=['原产县'], producer=['合作社'], supplier=['店铺主体'], product=['宝贝标题'],
        category=['类目'], recognition_number=['认定证书号'], quantity=['件数'], kg=['净重（公斤）'],
        amount=['实付货款（元）', '实付货款'], day=['付款时间'])),
    ('sister_platform', '兄弟单位帮扶平台', 'sister_platform', columns('direct_purchase',
        number=['平台流水号'], line=['行次'], type=['流水类型'], refund_number=['退款流水号'], credit_kind=['帮扶方式'],
        unit=['所属单位'], fund_source=['经费来源'], invoice_number=['发票号'], province=['省份'], county=['帮扶县'],
        producer=['生产企业'], supplier=['结算主体'], product=['产品'], category=['产品类别'],
        recognition_number=['认定号'], quantity=['数量'], kg=['公斤数'], amount=['交易金额（元）'], day=['交易日期'])),
    ('pavilion', '专馆', 'pavilion', columns('assisted_sale',
        number=['小票号'], line=['小票行号'], type=['收银类型'], refund_number=['退货小票号'], credit_kind=['销售方式'],
        unit=['责任单位'], fund_source=['资金来源'], invoice_number=['发票号码'], province=['产地省'],
        county=['产地县'], producer=['生产者'], supplier=['供货商'], product=['品名'], category=['品类'],
        recognition_number=['认定编号'], quantity=['数量'], kg=['公斤'], amount=['收款金额（元）'], day=['收银日期'])),
    ('cabinet', '专柜', 'cabinet', columns('assisted_sale',
        number=['设备流水号'], line=['货道序号'], type=['出货类型'], refund_number=['退款流水'], unit=['布放单位'],
        province=['产地省'], county=['产地县'], producer=['生产者'], supplier=['供货商'], product=['商品'],
        category=['品类'], quantity=['出货数量'], kg=['公斤'], amount=['扣款金额（元）'], day=['出货日期'])),
    ('fair', '展销会', 'fair', columns('assisted_sale',
        number=['展销单号'], line=['序号'], type=['单据类型'], refund_number=['退货单号'], credit_kind=['销售方式'],
        unit=['组织单位'], fund_source=['资金来源'], invoice_number=['发票号码'], province=['产地省'],
        county=['产地县'], producer=['参展生产者'], supplier=['参展商'], product=['展品'], category=['品类'],
        recognition_number=['认定编号'], quantity=['数量'], kg=['公斤'], amount=['成交额（元）'], day=['展销日期'])),
    ('direct_contract', '直采合同', 'direct_contract', columns('direct_purchase',
        number=['合同编号'], line=['合同行号'], type=['结算类型'], refund_number=['扣款单号'], credit_kind=['采购方式'],
        unit=['采购单位', '甲方'], fund_source=['资金来源'], invoice_number=['发票号码'], province=['产地省'],
        county=['产地县'], producer=['生产者'], supplier=['乙方'], product=['标的物'], category=['品类'],
        recognition_number=['认定编号'], quantity=['结算数量'], kg=['结算公斤'], amount=['结算金额（元）'],
        day=['结算日期'])),
)


def upgrade() -> None:
    op.create_table('sales_channel',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('columns', postgresql.JSONB(), nullable=False),
    sa.Column('pull_url', sa.String(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]*$' AND code <> 'shop'", name=op.f('ck_sales_channel_code_is_plain')),
    sa.CheckConstraint("kind IN ('platform', 'marketplace', 'sister_platform', 'pavilion', 'cabinet', 'fair', 'direct_contract')", name=op.f('ck_sales_channel_kind_known')),
    sa.CheckConstraint('valid_to > valid_from', name=op.f('ck_sales_channel_half_open')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_sales_channel'))
    )
    op.create_table('channel_cursor',
    sa.Column('channel_code', sa.String(), nullable=False),
    sa.Column('cursor', sa.String(), nullable=False),
    sa.Column('pulled_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['channel_code'], ['sales_channel.code'], name=op.f('fk_channel_cursor_channel_code')),
    sa.PrimaryKeyConstraint('channel_code', name=op.f('pk_channel_cursor'))
    )
    op.create_table('intake_batch',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('channel_code', sa.String(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('file_sha256', sa.String(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('errors', sa.Integer(), nullable=False),
    sa.Column('evidence_sha256', sa.String(), nullable=True),
    sa.Column('evidence_kind', sa.String(), nullable=True),
    sa.Column('uploaded_by', sa.Uuid(), nullable=True),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.String(), nullable=True),
    sa.CheckConstraint("(state IN ('confirmed', 'rejected')) = (decided_by IS NOT NULL)", name=op.f('ck_intake_batch_decided_by_somebody')),
    sa.CheckConstraint("evidence_kind IN ('bank_record', 'e_invoice', 'document')", name=op.f('ck_intake_batch_evidence_kind_known')),
    sa.CheckConstraint("origin <> 'offline' OR evidence_sha256 IS NOT NULL", name=op.f('ck_intake_batch_offline_has_a_photo')),
    sa.CheckConstraint("origin IN ('file', 'pull', 'offline')", name=op.f('ck_intake_batch_origin_known')),
    sa.CheckConstraint("state IN ('refused', 'staged', 'confirmed', 'rejected')", name=op.f('ck_intake_batch_state_known')),
    sa.CheckConstraint('(evidence_sha256 IS NULL) = (evidence_kind IS NULL)', name=op.f('ck_intake_batch_evidence_has_a_kind')),
    sa.CheckConstraint('decided_by <> uploaded_by', name=op.f('ck_intake_batch_another_person')),
    sa.ForeignKeyConstraint(['channel_code'], ['sales_channel.code'], name=op.f('fk_intake_batch_channel_code')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_intake_batch_decided_by')),
    sa.ForeignKeyConstraint(['evidence_sha256'], ['evidence.sha256'], name=op.f('fk_intake_batch_evidence_sha256')),
    sa.ForeignKeyConstraint(['uploaded_by'], ['user_account.id'], name=op.f('fk_intake_batch_uploaded_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_intake_batch'))
    )
    op.create_index('ix_intake_batch_at', 'intake_batch', ['uploaded_at', 'id'], unique=False)
    op.create_index('uq_intake_batch_once', 'intake_batch', ['channel_code', 'file_sha256'], unique=True, postgresql_where=sa.text("state IN ('staged', 'confirmed')"))
    op.create_table('intake_row',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('batch_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('cells', postgresql.JSONB(), nullable=False),
    sa.Column('errors', postgresql.JSONB(), nullable=False),
    sa.Column('type', sa.String(), nullable=True),
    sa.Column('external_number', sa.String(), nullable=True),
    sa.Column('external_line', sa.String(), nullable=True),
    sa.Column('refund_number', sa.String(), nullable=True),
    sa.Column('credit_kind', sa.String(), nullable=True),
    sa.Column('fund_source', sa.String(), nullable=True),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('invoice_number', sa.String(), nullable=True),
    sa.Column('county_code', sa.String(), nullable=True),
    sa.Column('producer_id', sa.Uuid(), nullable=True),
    sa.Column('supplier_id', sa.Uuid(), nullable=True),
    sa.Column('product_id', sa.Uuid(), nullable=True),
    sa.Column('category', sa.String(), nullable=True),
    sa.Column('quantity_milli', sa.BigInteger(), nullable=True),
    sa.Column('grams', sa.BigInteger(), nullable=True),
    sa.Column('amount_fen', sa.BigInteger(), nullable=True),
    sa.Column('day', sa.Date(), nullable=True),
    sa.Column('first_unit_id', sa.Uuid(), nullable=True),
    sa.Column('claim_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint("credit_kind IN ('direct_purchase', 'assisted_sale')", name=op.f('ck_intake_row_credit_kind_known')),
    sa.CheckConstraint("fund_source IN ('personal', 'union', 'canteen', 'administration', 'party_dues')", name=op.f('ck_intake_row_fund_source_known')),
    sa.CheckConstraint("state = 'wrong' OR (day IS NOT NULL AND unit_id IS NOT NULL)", name=op.f('ck_intake_row_read_whole')),
    sa.CheckConstraint("state IN ('wrong', 'staged', 'entered', 'repeated', 'held', 'set_aside')", name=op.f('ck_intake_row_state_known')),
    sa.CheckConstraint("type IN ('sale', 'refund')", name=op.f('ck_intake_row_type_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_intake_row_moves_something')),
    sa.ForeignKeyConstraint(['batch_id'], ['intake_batch.id'], name=op.f('fk_intake_row_batch_id')),
    sa.ForeignKeyConstraint(['county_code'], ['county.code'], name=op.f('fk_intake_row_county_code')),
    sa.ForeignKeyConstraint(['first_unit_id'], ['unit.id'], name=op.f('fk_intake_row_first_unit_id')),
    sa.ForeignKeyConstraint(['producer_id'], ['producer.id'], name=op.f('fk_intake_row_producer_id')),
    sa.ForeignKeyConstraint(['supplier_id'], ['supplier.id'], name=op.f('fk_intake_row_supplier_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_intake_row_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_intake_row')),
    sa.UniqueConstraint('batch_id', 'number', name=op.f('uq_intake_row_batch_id_number'))
    )
    op.create_index('ix_intake_row_claim', 'intake_row', ['claim_id'], unique=False, postgresql_where=sa.text('claim_id IS NOT NULL'))
    op.create_table('outside_sale',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('row_id', sa.Uuid(), nullable=False),
    sa.Column('channel_code', sa.String(), nullable=False),
    sa.Column('external_number', sa.String(), nullable=False),
    sa.Column('external_line', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('invoice_number', sa.String(), nullable=True),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('grams', sa.BigInteger(), nullable=False),
    sa.Column('quantity_milli', sa.BigInteger(), nullable=False),
    sa.Column('refunded_fen', sa.BigInteger(), nullable=False),
    sa.Column('refunded_grams', sa.BigInteger(), nullable=False),
    sa.Column('refunded_milli', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('amount_fen > 0 AND grams >= 0 AND quantity_milli >= 0', name=op.f('ck_outside_sale_sold_something')),
    sa.CheckConstraint('refunded_fen BETWEEN 0 AND amount_fen', name=op.f('ck_outside_sale_refund_within')),
    sa.CheckConstraint('refunded_grams BETWEEN 0 AND grams', name=op.f('ck_outside_sale_grams_within')),
    sa.CheckConstraint('refunded_milli BETWEEN 0 AND quantity_milli', name=op.f('ck_outside_sale_quantity_within')),
    sa.ForeignKeyConstraint(['channel_code'], ['sales_channel.code'], name=op.f('fk_outside_sale_channel_code')),
    sa.ForeignKeyConstraint(['id'], ['attribution.id'], name=op.f('fk_outside_sale_id')),
    sa.ForeignKeyConstraint(['row_id'], ['intake_row.id'], name=op.f('fk_outside_sale_row_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_outside_sale_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outside_sale')),
    sa.UniqueConstraint('channel_code', 'external_number', 'external_line', name='uq_outside_sale_once'),
    sa.UniqueConstraint('row_id', name=op.f('uq_outside_sale_row_id'))
    )
    op.create_index('ix_outside_sale_invoice', 'outside_sale', ['invoice_number', 'amount_fen'], unique=False, postgresql_where=sa.text('invoice_number IS NOT NULL'))
    op.create_table('intake_claim',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sale_id', sa.Uuid(), nullable=False),
    sa.Column('row_id', sa.Uuid(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('channel_code', sa.String(), nullable=False),
    sa.Column('external_number', sa.String(), nullable=False),
    sa.Column('external_line', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('first_unit_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('claimed_by', sa.Uuid(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.CheckConstraint("(state = 'open') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_intake_claim_decided_by_somebody')),
    sa.CheckConstraint("state IN ('open', 'first', 'later')", name=op.f('ck_intake_claim_state_known')),
    sa.CheckConstraint("why IN ('same_line', 'same_invoice')", name=op.f('ck_intake_claim_why_known')),
    sa.CheckConstraint('decided_by <> claimed_by', name=op.f('ck_intake_claim_another_person')),
    sa.ForeignKeyConstraint(['channel_code'], ['sales_channel.code'], name=op.f('fk_intake_claim_channel_code')),
    sa.ForeignKeyConstraint(['claimed_by'], ['user_account.id'], name=op.f('fk_intake_claim_claimed_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_intake_claim_decided_by')),
    sa.ForeignKeyConstraint(['first_unit_id'], ['unit.id'], name=op.f('fk_intake_claim_first_unit_id')),
    sa.ForeignKeyConstraint(['row_id'], ['intake_row.id'], name=op.f('fk_intake_claim_row_id')),
    sa.ForeignKeyConstraint(['sale_id'], ['outside_sale.id'], name=op.f('fk_intake_claim_sale_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_intake_claim_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_intake_claim')),
    sa.UniqueConstraint('channel_code', 'external_number', 'external_line', 'unit_id', name='uq_intake_claim_once'),
    sa.UniqueConstraint('row_id', name=op.f('uq_intake_claim_row_id'))
    )
    op.create_index('ix_intake_claim_open', 'intake_claim', ['opened_at'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index(op.f('ix_intake_claim_sale_id'), 'intake_claim', ['sale_id'], unique=False)
    op.create_table('outside_refund',
    sa.Column('sale_id', sa.Uuid(), nullable=False),
    sa.Column('channel_code', sa.String(), nullable=False),
    sa.Column('refund_number', sa.String(), nullable=False),
    sa.Column('row_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('grams', sa.BigInteger(), nullable=False),
    sa.Column('quantity_milli', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_outside_refund_moves_something')),
    sa.ForeignKeyConstraint(['row_id'], ['intake_row.id'], name=op.f('fk_outside_refund_row_id')),
    sa.ForeignKeyConstraint(['sale_id'], ['outside_sale.id'], name=op.f('fk_outside_refund_sale_id')),
    sa.PrimaryKeyConstraint('sale_id', 'channel_code', 'refund_number', name=op.f('pk_outside_refund')),
    sa.UniqueConstraint('row_id', name=op.f('uq_outside_refund_row_id'))
    )
    for position, (code, name, kind, named) in enumerate(CHANNELS, start=1):
        op.execute(f"""INSERT INTO sales_channel (code, position, name, kind, columns, valid_from)
VALUES ('{code}', {position}, '{name}', '{kind}', '{json.dumps(named, ensure_ascii=False)}', '2020-01-01')""")
