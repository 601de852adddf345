"""One's own year."""

from datetime import date

from pydantic import BaseModel, ConfigDict


class BenefitStated(BaseModel):
    """As the producer stated it, with source and day; never computed from money."""

    producer: str
    period: str
    households: int
    persons: int
    mode: str
    source: str
    stated_on: date


class CountyYear(BaseModel):
    """Net of refunds, by day of the event."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    province: str
    credited_fen: int
    not_counted_fen: int
    refunded_fen: int
    grams: int
    orders: int
    producers: list[str]
    statements: list[BenefitStated]


class MyYear(BaseModel):
    year: int
    credited_fen: int
    not_counted_fen: int
    refunded_fen: int
    grams: int
    counties: list[CountyYear]
