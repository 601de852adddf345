"""Words of the desk, in Chinese."""

from collections.abc import Mapping
from typing import Final

WAS_OPEN: Final[Mapping[str, str]] = {
    "corrections_requested": "未处理的更正",
    "evidence_unchecked": "未核对的佐证",
    "payments_held": "挂起的付款",
    "refunds_on_their_way": "在途退款",
    "transfers_unmatched": "未匹配的对公转账",
    "statements_unconfirmed": "待确认的银行流水",
    "filings_unsigned": "未签字的下级填报",
    "claims_undecided": "未裁定的重复认领",
}
"""What may be open when a month closes."""
STATES: Final[Mapping[str, str]] = {"open": "未关账", "adjusting": "调整期", "closed": "已关账"}
TONES: Final[Mapping[str, str]] = {"open": "plain", "adjusting": "warm", "closed": "good"}
EVENTS: Final[Mapping[str, str]] = {"adjusting": "进入调整期", "closed": "关账", "reopened": "重新开账"}
THE_SHOP: Final = "商城自有（不计入任何单位的）"
