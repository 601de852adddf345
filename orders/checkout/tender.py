"""An allowance beside own money: who pays which part of which origin of a line (DOMAIN rules 10 and 12). Pure."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from orders.allowance.allocate import Allocated, Purse, allocate
from orders.checkout.quote import Quote, QuoteLine, QuotePiece, QuoteShare, why_not_counted
from shop.core.money import split

ALLOWANCE_FUNDS = "union"
"""Whose money an allowance is, whoever spends it."""


def most_fen(quoted: Quote, purses: Sequence[Purse]) -> int:
    """How much of these goods the purses can bear."""
    return sum(one.fen for one in allocate(quoted.total_fen, purses, _lines(quoted)))


def allocated_over(quoted: Quote, purses: Sequence[Purse], amount_fen: int) -> tuple[Quote, list[Allocated]]:
    """The quote with `amount_fen` (or as much of it as fits) borne by the purses, and what each bears of each line."""
    allocated = allocate(amount_fen, purses, _lines(quoted))
    lines = [_shared(quoted, line, [one for one in allocated if one.line == i]) for i, line in enumerate(quoted.lines)]
    return replace(quoted, lines=tuple(lines)), allocated


def _lines(quoted: Quote) -> list[tuple[UUID, int]]:
    return [(line.sku_id, 0 if line.trouble else line.net_fen) for line in quoted.lines]


def _shared(quoted: Quote, line: QuoteLine, allocated: Sequence[Allocated]) -> QuoteLine:
    """Line net → payers → origins; pieces and grams follow the payers' fen. What an origin gets in all is the sum.

    What an allowance bears is judged as the union's money, the rest as the buyer's: one may count alone.
    """
    if not allocated:
        return line
    own_fen = line.net_fen - sum(one.fen for one in allocated)
    payers: list[tuple[Purse | None, int]] = [(None, own_fen)] if own_fen else []
    payers += [(one.purse, one.fen) for one in allocated]
    weights = [piece.content.allocation_fen * piece.content.pieces for piece in line.pieces]
    fen = [split(payer_fen, weights) for _, payer_fen in payers]
    by_fen = [payer_fen for _, payer_fen in payers]
    grams = [split(piece.grams, by_fen) for piece in line.pieces]
    milli = [split(piece.quantity_milli, by_fen) for piece in line.pieces]
    of_the_union = [_judged(quoted, piece) for piece in line.pieces]
    shares = tuple(
        QuoteShare(
            purse,
            tuple(
                _part(p, fen[i][j], grams[j][i], milli[j][i])
                for j, p in enumerate(of_the_union if purse else line.pieces)
            ),
        )
        for i, (purse, _) in enumerate(payers)
    )
    judged = line.pieces if own_fen else of_the_union
    whole = tuple(replace(p, net_fen=sum(part[j] for part in fen)) for j, p in enumerate(judged))
    return replace(line, shares=shares, pieces=whole)


def _judged(quoted: Quote, piece: QuotePiece) -> QuotePiece:
    reason = why_not_counted(piece.content, quoted.facts, quoted.unit, ALLOWANCE_FUNDS, quoted.credit_kind)
    return replace(piece, not_counted_reason=reason)


def _part(piece: QuotePiece, fen: int, grams: int, quantity_milli: int) -> QuotePiece:
    return replace(piece, net_fen=fen, grams=grams, quantity_milli=quantity_milli)
