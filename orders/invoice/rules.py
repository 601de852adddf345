"""Whether an invoice is the one that was asked for: each difference is named. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from stdnum.cn import uscc

from orders.invoice.read_xml import Fields
from shop.core.errors import Detail
from shop.ui.filters import yuan

_NUMBER: Final = re.compile(r"[0-9]{20}")
PRIVATE: Final = "个人"


@dataclass(frozen=True, slots=True)
class ExpectedInvoice:
    """What the invoice must say. suppliers: names of the contract party, then and now; tax number None: not known.

    amount_fen: accepted goods + freight due, less what was invoiced before.
    """

    title: str
    tax_number: str | None
    supplier_names: frozenset[str]
    supplier_tax_number: str | None
    amount_fen: int


def alike(words: str) -> str:
    """Names are compared without blanks and in half width: （） and () are the same sign."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))


def is_tax_number(written: str) -> bool:
    """A unified social credit code: 18 signs with a check sign."""
    return len(written) == 18 and uscc.is_valid(written)


def differences(fields: Fields, expected: ExpectedInvoice, *, today: date) -> list[Detail]:
    """Everything in which a blue invoice differs from what was asked for."""
    found = [
        *_of_form(fields, today),
        *_of_parties(fields, expected),
    ]
    if fields.amount_fen != expected.amount_fen:
        due, is_ = yuan(expected.amount_fen), yuan(fields.amount_fen)
        said = f"价税合计应为 {due}（已验收货款加应付运费，减去已开部分），发票是 {is_}"
        found.append(Detail("/amount_fen", "amount_differs", said))
    return found


def red_differences(
    fields: Fields, blue_number: str, remains_fen: int, expected: ExpectedInvoice, *, today: date
) -> list[Detail]:
    """Everything in which a red letter is not what it must be: negative, of that blue one, within what remains."""
    found = [*_of_form(fields, today), *_of_parties(fields, expected)]
    if fields.amount_fen >= 0:
        found.append(Detail("/amount_fen", "not_negative", "红字发票的价税合计应为负数"))
    elif -fields.amount_fen > remains_fen:
        said = f"红冲 {yuan(-fields.amount_fen)}，超过原发票尚未红冲的 {yuan(remains_fen)}"
        found.append(Detail("/amount_fen", "above_what_remains", said))
    if fields.red_of is not None and fields.red_of != blue_number:
        found.append(
            Detail("/red_of", "other_invoice", f"红字发票对应的蓝字发票是 {fields.red_of}，不是 {blue_number}")
        )
    return found


def _of_form(fields: Fields, today: date) -> list[Detail]:
    found = []
    if not _NUMBER.fullmatch(fields.number):
        found.append(Detail("/number", "number_invalid", f"发票号码应为 20 位数字，发票是“{fields.number[:30]}”"))
    if not is_tax_number(fields.issuer_tax_number):
        said = f"销售方税号“{fields.issuer_tax_number[:30]}”不是有效的统一社会信用代码"
        found.append(Detail("/issuer_tax_number", "tax_number_invalid", said))
    if fields.buyer_tax_number and not is_tax_number(fields.buyer_tax_number):
        said = f"购买方税号“{fields.buyer_tax_number[:30]}”不是有效的统一社会信用代码"
        found.append(Detail("/buyer_tax_number", "tax_number_invalid", said))
    if fields.issued_on > today:
        found.append(Detail("/issued_on", "in_the_future", f"开票日期 {fields.issued_on} 晚于今天"))
    return found


def _of_parties(fields: Fields, expected: ExpectedInvoice) -> list[Detail]:
    """Issuer = payee = contract party (三流一致), and made out to the payer."""
    found = []
    names = {alike(name) for name in expected.supplier_names}
    if alike(fields.issuer_name) not in names:
        said = f"开票方应与供货、收款一致：应为“{min(expected.supplier_names)}”，发票是“{fields.issuer_name}”"
        found.append(Detail("/issuer_name", "issuer_differs", said))
    if expected.supplier_tax_number and fields.issuer_tax_number != expected.supplier_tax_number:
        said = f"销售方税号应为 {expected.supplier_tax_number}，发票是 {fields.issuer_tax_number[:30]}"
        found.append(Detail("/issuer_tax_number", "issuer_differs", said))
    if not _same_title(fields.buyer_title, expected):
        said = f"抬头应为“{expected.title}”，发票是“{fields.buyer_title}”"
        found.append(Detail("/buyer_title", "title_differs", said))
    if (fields.buyer_tax_number or None) != expected.tax_number:
        said = f"购买方税号应为{expected.tax_number or '空'}，发票是{fields.buyer_tax_number or '空'}"
        found.append(Detail("/buyer_tax_number", "tax_number_differs", said))
    return found


def _same_title(written: str, expected: ExpectedInvoice) -> bool:
    """The tax platform may add “（个人）” to a person's title."""
    title = alike(expected.title)
    private = expected.tax_number is None and alike(written) == f"{title}({PRIVATE})"
    return alike(written) == title or private
