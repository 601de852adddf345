"""Words of the desk, in Chinese."""

from collections.abc import Mapping
from typing import Final

WAS_OPEN: Final[Mapping[str, str]] = {
    "corrections_requested": "未处理的更正",
    "evidence_unchecked": "未核对的佐证",
    "payments_held": "挂起的付款",
    "refunds_on_their_way": "在途退款",
    "transfers_unmatched": "未匹配的对公转账",
    "filings_unsigned": "未签字的下级填报",
    "claims_undecided": "未裁定的重复认领",
}
"""What may be open when a month closes."""
