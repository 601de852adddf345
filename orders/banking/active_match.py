"""Which matches pay: those that nobody has undone."""

from typing import Final

ACTIVE: Final = """NOT EXISTS (SELECT FROM transfer_unmatch undone
    WHERE (undone.transfer_id, undone.payer_share_id, undone.round) = (m.transfer_id, m.payer_share_id, m.round))"""
"""SQL of a `transfer_match` named `m`."""
