"""Whole fen: split without remainder, round once."""

from collections.abc import Sequence


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Divide `total` (fen, grams, milli-pieces) by `weights` (≥ 0, not all 0) so that the parts add up to it exactly.

    Each share is floored; what is left over goes one by one to the largest fractional remainders, ties to the
    earlier part; a negative total mirrors the positive one (DOMAIN rule 9). Weights that are all 0 count as equal.
    """
    if not weights:
        raise ValueError("nothing to split over")
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    if total < 0:
        return [-part for part in split(-total, weights)]
    whole = sum(weights)
    if whole == 0:
        weights, whole = [1] * len(weights), len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[:left]:
        parts[i] += 1
    return parts


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number to numerator ÷ denominator (> 0), halves away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
