"""The two sample files, as they stand."""

from datetime import date

import pytest

from orders.invoice.read_xml import Fields, InvoiceUnreadable, read_invoice
from tests.make.case import case
from tests.make.invoice import DATA


def test_the_samples_are_read() -> None:
    blue = read_invoice((DATA / "blue.xml").read_bytes())
    assert blue == Fields(
        number="26312000000000000001",
        issued_on=date(2026, 11, 21),
        issuer_name="示例供应商0（虚构）",
        issuer_tax_number="91520000MA6DEMO017",
        buyer_title="示例银行第一分行工会（虚构）",
        buyer_tax_number="81310000MC0DEMO02X",
        amount_fen=1_600,
        tax_fen=132,
    )
    red = read_invoice((DATA / "red.xml").read_bytes())
    assert (red.number, red.amount_fen, red.tax_fen, red.red_of) == ("26312000000000000002", -1_600, -132, blue.number)


@pytest.mark.parametrize("name", ["v01_exempt_stars.xml", "v02_exempt_empty.xml", "v03_exempt_zero.xml"])
def test_an_invoice_of_exempt_goods_has_no_tax(name: str) -> None:
    read = read_invoice(case(name, SELLER="91520000MA6DEMO017", SUPPLIER="示例供应商0（虚构）", TITLE="甲工会（虚构）"))
    assert (read.number, read.amount_fen, read.tax_fen) == ("26000000000000000017", 10_000, 0)


def test_stars_where_a_tax_is_due_are_no_figure() -> None:
    data = case("v01_exempt_stars.xml", SELLER="91520000MA6DEMO017", SUPPLIER="甲", TITLE="乙")
    with pytest.raises(InvoiceUnreadable) as refused:
        read_invoice(data.replace(b"<TotalTax-includedAmount>100.00", b"<TotalTax-includedAmount>109.00"))
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/tax_fen", "not_an_amount")]


@pytest.mark.parametrize("rate", ["9%", "0.09", "13%"])
def test_stars_beside_a_rate_are_no_tax_of_nothing(rate: str) -> None:
    data = case("v01_exempt_stars.xml", SELLER="91520000MA6DEMO017", SUPPLIER="甲", TITLE="乙")
    with pytest.raises(InvoiceUnreadable) as refused:
        read_invoice(data.replace("<TaxRate>免税".encode(), f"<TaxRate>{rate}".encode()))
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/tax_fen", "not_an_amount")]
    for free in ("0%", "0", "0.00", "***", "不征税"):
        assert read_invoice(data.replace("免税".encode(), free.encode())).tax_fen == 0
