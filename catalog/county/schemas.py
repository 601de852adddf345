"""Counties as JSON."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

DesignationKind = Literal["lifted_out", "severely_poor", "key_revitalisation", "provincial", "emergency"]


class CountyDesignationOut(BaseModel):
    """Business days [valid_from, valid_to): null from = unknown, null to = no document ended it."""

    kind: DesignationKind
    valid_from: date | None
    valid_to: date | None
    delisted_year: int | None
    source: str
    confirmed: bool = Field(description="false：来源待核实")


class CountyOut(BaseModel):
    """A county with what it is designated as today."""

    code: str
    name: str
    province: str
    prefecture: str | None
    designations: list[CountyDesignationOut]


class SuccessionOut(BaseModel):
    code: str
    name: str
    valid_from: date


class CountyDetail(CountyOut):
    """The whole history: every designation ever, other names, codes before and after."""

    valid_from: date | None
    valid_to: date | None
    source: str
    aliases: list[str]
    successors: list[SuccessionOut]
    predecessors: list[SuccessionOut]


class CountyPage(BaseModel):
    items: list[CountyOut]
    next_cursor: str | None
