"""The two sample files, as they stand."""

from datetime import date

from orders.invoice.read_xml import Fields, read_invoice
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
