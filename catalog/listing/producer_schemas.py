"""Producers as JSON."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

ProducerKind = Literal["cooperative", "leading_enterprise", "family_farm", "other"]


class ProducerCountyRef(BaseModel):
    code: str
    name: str
    province: str


class ProducerOut(BaseModel):
    """confirmed false: nobody has seen a paper yet, and pages say so."""

    id: UUID
    name: str
    kind: ProducerKind
    county: ProducerCountyRef
    confirmed: bool
    source: str


class DocumentOut(BaseModel):
    """A paper of one of its products; business days [valid_from, valid_to)."""

    product_id: UUID
    product_title: str
    kind: str
    number: str | None
    issuer: str | None
    valid_from: date | None
    valid_to: date | None
    source: str
    confirmed: bool


class BenefitOut(BaseModel):
    """As the producer stated it, never computed from money."""

    period: str
    households: int
    persons: int
    mode: str
    source: str
    stated_on: date


class ProducerDetail(ProducerOut):
    documents: list[DocumentOut]
    benefit_statements: list[BenefitOut]


class ProducerPage(BaseModel):
    items: list[ProducerOut]
    next_cursor: str | None
