"""Every fund source has its words, and what files call it leads to one that there is."""

from orders.funds.source import FUND_READ_AS, FUND_SOURCES, FUND_WORDS, UNION_FUND_WORDS, UNION_FUNDS


def test_the_table_is_whole() -> None:
    assert tuple(FUND_WORDS) == FUND_SOURCES
    assert tuple(UNION_FUND_WORDS) == UNION_FUNDS
    assert set(UNION_FUNDS) <= set(FUND_SOURCES)
    assert set(FUND_READ_AS.values()) == set(FUND_SOURCES)
