"""What makes a transfer a bank's record, and not only a file that one person brought."""

from typing import Final

PROVEN: Final = """(EXISTS (SELECT FROM transfer_proof tp WHERE tp.transfer_id = {t}.id) OR EXISTS (
    SELECT FROM bank_statement bs WHERE bs.id = {t}.statement_id AND bs.state = 'alone'))"""
"""SQL of a `bank_transfer` named `t`: there is a second export or the bank's receipt (DOMAIN rule 31). Statements of
before the rule was (`alone`) stay what they were."""
