"""A table of freight, as it is handed in and answered. Fen and grams."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fen = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Grams = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class FreightRateIn(BaseModel):
    """region: beginning of a division code (two, four or six digits), '' = everywhere else; the longest that fits
    holds. first_fen covers the first `first_grams`, each started `step_grams` costs `step_fen`; nothing from
    `free_from_fen` of goods on. served false: cannot arrive there.
    """

    model_config = ConfigDict(extra="forbid")

    region: Annotated[str, Field(pattern=r"^([0-9]{2}){0,3}$")]
    served: bool = True
    first_grams: Grams = 1_000
    first_fen: Fen = 0
    step_grams: Grams = 1_000
    step_fen: Fen = 0
    free_from_fen: Annotated[int, Field(strict=True, ge=0, le=100_000_000)] | None = None


class FreightIn(BaseModel):
    """The whole table from `valid_from` on; regions that it does not name cost what '' says, or cannot be reached."""

    model_config = ConfigDict(extra="forbid")

    valid_from: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
    rates: Annotated[list[FreightRateIn], Field(max_length=400)]


class FreightRateOut(BaseModel):
    """In force in [valid_from, valid_to)."""

    region: str
    served: bool
    first_grams: int
    first_fen: int
    step_grams: int
    step_fen: int
    free_from_fen: int | None
    valid_from: date
    valid_to: date | None


class FreightOut(BaseModel):
    """arrives_somewhere: false while nobody anywhere can order from this supplier today."""

    rates: list[FreightRateOut]
    arrives_somewhere: bool
