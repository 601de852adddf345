"""Read an e-invoice (数电票) out of its XML. Pure; whatever declares a document type is refused before it is read."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, TypeVar

from orders.evidence.xml import read_xml
from shop.core.errors import Detail, Problem
from shop.sheet.read import clean
from shop.sheet.value import Unreadable, day_of, fen_of

_Value = TypeVar("_Value")


class InvoiceUnreadable(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "invoice_unreadable"
    title: ClassVar[str] = "读不出发票内容"


@dataclass(frozen=True, slots=True)
class Fields:
    """What an invoice says. Amounts with tax and of the tax in fen, negative for a red letter.

    red_of: the number of the blue invoice that a red letter takes back.
    """

    number: str
    issued_on: date
    issuer_name: str
    issuer_tax_number: str
    buyer_title: str
    buyer_tax_number: str | None
    amount_fen: int
    tax_fen: int
    red_of: str | None = None


# Where each field stands: the last tags of its path, in any of the ways that versions of the format write them.
_NUMBER: Final = ("TaxSupervisionInfo/InvoiceNumber", "Header/EIid")
_ISSUED: Final = ("TaxSupervisionInfo/IssueTime", "BasicInformation/RequestTime")
_ISSUER: Final = ("SellerInformation/SellerName",)
_ISSUER_TAX: Final = ("SellerInformation/SellerIdNum",)
_BUYER: Final = ("BuyerInformation/BuyerName",)
_BUYER_TAX: Final = ("BuyerInformation/BuyerIdNum",)
_NET: Final = ("BasicInformation/TotalAmWithoutTax",)
_TAX: Final = ("BasicInformation/TotalTaxAm",)
_TOTAL: Final = ("BasicInformation/TotalTax-includedAmount",)
_RED_OF: Final = ("RedLetterInformation/BlueInvoiceNumber", "BasicInformation/OriginalInvoiceNumber")
_RATES: Final = frozenset({"TaxRate", "TaxRateOfItem"})
_NO_TAX: Final = frozenset({"", "*", "**", "***", "免税", "不征税"})
"""What stands where the tax of exempt goods would."""


def read_invoice(data: bytes) -> Fields:
    """Raises XmlRefused, and InvoiceUnreadable naming each field that is missing or no figure."""
    root = read_xml(data)
    texts = _texts(root)
    errors: list[Detail] = []

    def need(where: tuple[str, ...], name: str) -> str:
        found = next((texts[path] for path in where if texts.get(path)), "")
        if not found:
            errors.append(Detail(f"/{name}", "missing", f"发票里没有{_WORDS[name]}（{where[0]}）"))
        return found

    def read(where: tuple[str, ...], name: str, value: Callable[[str], _Value], harmless: _Value, code: str) -> _Value:
        try:
            return value(found) if (found := need(where, name)) else harmless
        except Unreadable as wrong:
            errors.append(Detail(f"/{name}", code, f"{_WORDS[name]}：{wrong.said}"))
            return harmless

    issued = read(_ISSUED, "issued_on", day_of, date(1970, 1, 1), "not_a_day")
    net, total = (
        read(where, name, fen_of, 0, "not_an_amount") for where, name in ((_NET, "net_fen"), (_TOTAL, "amount_fen"))
    )
    exempt = all(texts.get(path, "") in _NO_TAX for path in _TAX) and not _is_taxed(root)
    tax = 0 if exempt and net == total else read(_TAX, "tax_fen", fen_of, 0, "not_an_amount")
    if not errors and net + tax != total:
        errors.append(Detail("/amount_fen", "does_not_add_up", "不含税金额加税额不等于价税合计"))
    fields = Fields(
        number=need(_NUMBER, "number"),
        issued_on=issued,
        issuer_name=need(_ISSUER, "issuer_name"),
        issuer_tax_number=need(_ISSUER_TAX, "issuer_tax_number"),
        buyer_title=need(_BUYER, "buyer_title"),
        buyer_tax_number=next((texts[path] for path in _BUYER_TAX if texts.get(path)), None),
        amount_fen=total,
        tax_fen=tax,
        red_of=next((texts[path] for path in _RED_OF if texts.get(path)), None),
    )
    if errors:
        raise InvoiceUnreadable("；".join(one.detail for one in errors[:3]), errors)
    return fields


_WORDS: Final = {
    "number": "发票号码",
    "issued_on": "开票日期",
    "issuer_name": "销售方名称",
    "issuer_tax_number": "销售方税号",
    "buyer_title": "购买方名称",
    "net_fen": "不含税金额",
    "tax_fen": "税额",
    "amount_fen": "价税合计",
}


def _texts(root: ET.Element) -> dict[str, str]:
    """`Parent/Child` → text, namespaces left out; the first of each counts."""
    found: dict[str, str] = {}
    for parent in root.iter():
        for child in parent:
            path = f"{_local(parent)}/{_local(child)}"
            found.setdefault(path, clean(child.text or "")[:300])
    return found


def _is_taxed(root: ET.Element) -> bool:
    """Whether any of its lines states a rate above zero."""
    rates = (clean(element.text or "") for element in root.iter() if _local(element) in _RATES)
    return any(rate not in _NO_TAX and rate.removesuffix("%").strip("0.") != "" for rate in rates)


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
