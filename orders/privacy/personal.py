"""Where the shop keeps something about a person: every table that does, what a copy of it shows, and when it ends.

A literal table: a test compares it with the schema, so that a new personal column cannot be forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orders.privacy.models import RETAINED


@dataclass(frozen=True, slots=True)
class Personal:
    """columns: personal ones. kind: of the retention rule that ends them; "": they go with the account, or never stood
    for a person alone (`why`). copy: SQL of what :person or :user gets of it; None: it names him nowhere by his id.
    """

    table: str
    title: str
    columns: Sequence[str]
    kind: str
    copy: str | None = None
    why: str = ""


PERSONAL: Final = (
    Personal(
        "person", "本人", ("name", "phone"), "account",
        "SELECT name, phone, phone_verified_at, created_at FROM person WHERE id = :person",
    ),
    Personal(
        "user_account", "账号", ("email",), "account",
        "SELECT email, state, created_at FROM user_account WHERE id = :user",
    ),
    Personal(
        "notice_seen", "看过的告知书", (), "",
        "SELECT version, seen_at FROM notice_seen WHERE user_id = :user ORDER BY seen_at",
        "只有版本号和时间，是已告知的凭据",
    ),
    Personal(
        "sign_in_session", "登录记录", (), "sign_in",
        """SELECT kind, created_at, expires_at, revoked_at FROM sign_in_session WHERE user_id = :user
        ORDER BY created_at""",
    ),
    Personal(
        "role_grant", "权限", (), "",
        "SELECT role, scope_kind, valid_from, valid_to FROM role_grant WHERE user_id = :user ORDER BY valid_from",
        "职务行为的凭据，与台账同存",
    ),
    Personal(
        "membership", "单位", (), "",
        """SELECT u.name AS unit, m.valid_from, m.valid_to FROM membership m JOIN unit u ON u.id = m.unit_id
        WHERE m.person_id = :person ORDER BY m.valid_from""",
        "计入哪个单位的依据，只有编号，与台账同存",
    ),
    Personal(
        "union_membership", "工会", (), "",
        """SELECT u.name AS union_name, m.valid_from, m.valid_to FROM union_membership m
        JOIN labour_union u ON u.id = m.union_id WHERE m.person_id = :person ORDER BY m.valid_from""",
        "同上",
    ),
    Personal(
        "introduction", "介绍您来的单位", (), "",
        """SELECT u.name AS unit, i.link_code, i.valid_from, i.valid_to FROM introduction i
        JOIN unit u ON u.id = i.unit_id WHERE i.person_id = :person ORDER BY i.valid_from""",
        "同上",
    ),
    Personal(
        "cart_line", "购物车", (), "",
        """SELECT p.title, s.spec, c.quantity, c.added_at FROM cart_line c JOIN sku s ON s.id = c.sku_id
        JOIN product p ON p.id = s.product_id WHERE c.owner_id = :user ORDER BY c.added_at""",
        "注销时删除",
    ),
    Personal(
        "staff_number", "工号", ("number",), "roster",
        "SELECT number FROM staff_number WHERE person_id = :person ORDER BY number",
    ),
    Personal(
        "roster_entry", "名册", ("staff_number",), "roster",
        """SELECT r.as_of, e.staff_number, e.department, e.status FROM roster_entry e
        JOIN roster r ON r.id = e.roster_id WHERE e.person_id = :person ORDER BY r.as_of""",
    ),
    Personal(
        "membership_claim", "把您列入名册的申请", ("staff_number",), "roster",
        """SELECT r.as_of, l.name AS union_name, u.name AS unit, c.staff_number, c.department, c.state, c.asked_at
        FROM membership_claim c JOIN roster r ON r.id = c.roster_id JOIN labour_union l ON l.id = c.union_id
        JOIN unit u ON u.id = c.unit_id WHERE c.person_id = :person ORDER BY c.asked_at""",
    ),
    Personal(
        "person_alias", "合并前的身份", (), "",
        "SELECT found_at FROM person_alias WHERE user_id = :user ORDER BY found_at",
        "说明订单里的两个编号是同一个人，只有编号，与台账同存",
    ),
    Personal(
        "address", "收货地址", ("name", "phone", "street", "postcode"), "address",
        """SELECT name, phone, region_code, street, postcode, used_at FROM address WHERE person_id = :person
        ORDER BY used_at""",
    ),
    Personal(
        "shop_order", "订单", (), "",
        """SELECT o.number, o.placed_at, o.state, o.payment_state, o.fund_source, o.unit_name, (
            SELECT jsonb_agg(jsonb_build_object('title', l.title, 'spec', l.spec, 'quantity', l.quantity,
                'unit_price_fen', l.unit_price_fen) ORDER BY l.position)
            FROM order_line l WHERE l.order_id = o.id) AS lines
        FROM shop_order o WHERE o.buyer_id = :user ORDER BY o.placed_at""",
        "台账的凭据；姓名和地址在配送信息里，到期抹去",
    ),
    Personal(
        "delivery", "配送信息", ("name", "phone", "street", "postcode"), "delivery",
        """SELECT o.number, d.name, d.phone, d.region_code, d.street, d.postcode FROM delivery d
        JOIN shop_order o ON o.id = d.order_id WHERE o.buyer_id = :user ORDER BY o.placed_at, d.position""",
    ),
    Personal(
        "payer_share", "付款份额", ("payer_name", "invoice_title"), "payer_share",
        """SELECT o.number, s.payer_name, s.invoice_title, s.transfer_code, s.due_fen, s.paid_fen FROM payer_share s
        JOIN shop_order o ON o.id = s.order_id WHERE o.buyer_id = :user AND s.payer_kind = 'person'
        ORDER BY o.placed_at""",
    ),
    Personal(
        "bank_transfer", "到账流水", ("payer_name", "payer_account_last4", "remark"), "bank_transfer",
        """SELECT t.day, t.payer_name, t.payer_account_last4, t.remark, m.amount_fen FROM bank_transfer t
        JOIN transfer_match m ON m.transfer_id = t.id JOIN payer_share s ON s.id = m.payer_share_id
        JOIN shop_order o ON o.id = s.order_id WHERE o.buyer_id = :user AND s.payer_kind = 'person'
        ORDER BY t.day""",
    ),
    Personal(
        "invoice_request", "发票申请", ("title",), "invoice",
        """SELECT o.number, r.title, r.requested_at FROM invoice_request r JOIN shop_order o ON o.id = r.order_id
        WHERE o.buyer_id = :user AND r.unit_id IS NULL ORDER BY r.requested_at""",
    ),
    Personal(
        "invoice", "发票", ("buyer_title",), "invoice",
        """SELECT i.number, i.issued_on, i.buyer_title, i.amount_fen FROM invoice i
        JOIN invoice_request r ON r.id = i.request_id JOIN shop_order o ON o.id = r.order_id
        WHERE o.buyer_id = :user AND r.unit_id IS NULL ORDER BY i.issued_on""",
    ),
    Personal(
        "allowance", "福利额度", (), "",
        """SELECT g.title, g.amount_fen FROM allowance a JOIN allowance_grant g ON g.id = a.grant_id
        WHERE a.person_id = :person ORDER BY g.title""",
        "福利经费的凭据，只有编号，与台账同存",
    ),
    Personal(
        "bulk_member", "慰问品人员", ("name", "staff_number"), "bulk_member",
        "SELECT staff_number, name FROM bulk_member WHERE person_id = :person ORDER BY purchase_id",
    ),
    Personal(
        "bulk_recipient", "慰问品收货信息", ("name", "phone", "street"), "bulk_recipient",
        "SELECT name, phone, street FROM bulk_recipient WHERE person_id = :person ORDER BY purchase_id",
    ),
    Personal(
        "roll_row", "签领记录", ("proxy_name", "note"), "roll_row",
        "SELECT outcome, proxy_name, note FROM roll_row WHERE person_id = :person ORDER BY purchase_id",
    ),
    Personal(
        "message", "发给您的消息", ("address",), "message",
        """SELECT template, address, state, created_at, ended_at FROM message
        WHERE address = (SELECT lower(email) FROM user_account WHERE id = :user AND email_verified_at IS NOT NULL)
            OR address = (SELECT phone FROM person WHERE id = :person AND phone_verified_at IS NOT NULL)
        ORDER BY created_at""",
    ),
    Personal(
        "account_link", "确认和重设的链接", ("email",), "",
        "SELECT purpose, email, created_at, expires_at FROM account_link WHERE user_id = :user ORDER BY created_at",
        "过期一天后删除",
    ),
    Personal("phone_proof", "手机验证码", (), "", why="只有号码的摘要，过期一天后删除"),
    Personal("reset_request", "忘记密码的申请", ("email",), "", why="后台几秒内处理并删除"),
    Personal("change_request", "等另一个人决定的申请", ("facts",), "", why="里面的邮箱在决定时删除"),
    Personal("sandbox_message", "开发环境的消息", ("address",), "", why="只在开发环境里有"),
    Personal("bulk_site", "收货点联系人", ("contact_name", "contact_phone"), "bulk_site"),
    Personal("canteen_contract", "食堂联系人", ("contact_name", "contact_phone", "street"), "canteen_contact"),
    Personal("dispatch", "送货司机", ("truck_driver", "truck_plate"), "driver"),
    Personal("acceptance", "验收时的司机", ("truck_driver", "truck_plate"), "driver"),
    Personal(
        "bank_statement_row", "待确认的流水", ("payer_name", "payer_account_last4", "remark"), "",
        why="确认或退回时删除",
    ),
)  # fmt: skip

assert {one.kind for one in PERSONAL if one.kind} == set(RETAINED)  # noqa: S101  # each rule ends something


@dataclass(frozen=True, slots=True)
class NobodyS:
    """A column whose name looks personal, and what stands in it instead."""

    columns: frozenset[str]
    why: str


LOOKS_PERSONAL: Final = frozenset(
    {
        "name", "phone", "email", "street", "postcode", "staff_number", "contact_name", "contact_phone", "payer_name",
        "payer_account_last4", "proxy_name", "truck_driver", "truck_plate", "invoice_title", "buyer_title", "remark",
        "note", "plain_name", "address",
    }
)  # fmt: skip
NOBODY_S: Final = (
    NobodyS(
        frozenset({
            "bank_layout.name", "bulk_package.name", "bulk_site.name", "bulk_site.street", "campaign.name",
            "canteen.name", "canteen_list.name", "county.name", "flag_threshold.name", "heartbeat.name",
            "labour_union.name", "producer.name", "sales_channel.name", "supplier.name", "unit.name", "name_shown.name",
        }),
        "单位、产地、商品或程序的名称和单位的地址",
    ),
    NobodyS(
        frozenset({
            "bulk_payer.payer_name", "bulk_payer.invoice_title", "canteen_contract.payer_name",
            "canteen_contract.invoice_title", "known_payer.plain_name",
        }),
        "付款单位、工会或承包企业",
    ),
    NobodyS(frozenset({"acceptance.note", "evidence_link.note", "product.note"}), "对货物或材料的说明"),
)  # fmt: skip
