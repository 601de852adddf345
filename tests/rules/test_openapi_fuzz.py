"""Every call of the OpenAPI document, with whatever a machine can think of, by whoever's job it is and by others.

Nothing may crash, nothing may be answered that the document does not say. What is drawn is the same every time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shop.app.main import create_app
from shop.core.settings import Settings
from tests.make.running_shop import running_shop, whose_job
from tests.make.whole_shop import WholeShop
from tests.rules.test_routes import calls

EXAMPLES, OTHERS_EXAMPLES = 4, 2
MOST = 12
"""Calls of one operation by one caller; a large body has hundreds of edges."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
schemathesis.serializer.alias(XLSX, "text/plain")  # whatever is drawn, as bytes
app = create_app(Settings(_env_file=None))
_ASKED: Final = dict(calls(app))


def document_of(*, edges: bool) -> Any:
    """edges: with the edges of every range, too."""
    return schemathesis.openapi.from_dict(
        app.openapi(),
        config=schemathesis.Config.from_dict(
            {
                "generation": {"deterministic": True, "database": "none", "with-security-parameters": False},
                "phases": {"coverage": {"enabled": edges, "unexpected-methods": []}},
            }
        ),
    )


mine, others = document_of(edges=True), document_of(edges=False)


def meant_seriously(shop: WholeShop, case: "schemathesis.Case[Any]", caller: str) -> None:
    """Every second call is as drawn. The others name things that exist, and of a body only one part is as drawn."""
    label = case.operation.label
    shop.turns[f"{caller} {label}"] += 1
    turn = shop.turns[f"{caller} {label}"]
    if turn % 2:
        return
    for name, drawn in case.path_parameters.items():
        case.path_parameters[name] = shop.ids.get(f"{name} of {label}", shop.ids.get(name, drawn))
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid4().hex
    if label in shop.bodies and isinstance(case.body, dict):
        drawn = list(case.body)
        part = drawn[turn // 2 % len(drawn)] if drawn else None
        case.body = shop.bodies[label] | ({part: case.body[part]} if part else {})


@pytest.fixture(scope="module")
def shop(
    postgres: Path, shop_template: str, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeShop]:
    with running_shop(postgres, shop_template, schema, tmp_path_factory.mktemp("fuzz")) as running:
        yield running.shop


def called(shop: WholeShop, case: "schemathesis.Case[Any]", caller: str) -> None:
    meant_seriously(shop, case, caller)
    if shop.turns[f"{caller} {case.operation.label}"] > MOST:
        return
    answer = case.call(base_url=shop.url, session=shop.http, headers=shop.headers(caller))
    if b"chinese_font_missing" in answer.content:  # the one 503 that is the machine's own, and documented
        return
    case.validate_response(answer, checks=CHECKS, headers=shop.headers(caller))


@mine.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_what_the_document_says(shop: WholeShop, case: "schemathesis.Case[Any]") -> None:
    called(shop, case, whose_job(_ASKED, case.operation.method.upper(), case.operation.path))


@pytest.mark.parametrize("caller", ["employee", "nobody"])
@others.parametrize()
@hypothesis.settings(
    max_examples=OTHERS_EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_others_get_what_the_document_says_too(shop: WholeShop, caller: str, case: "schemathesis.Case[Any]") -> None:
    called(shop, case, caller)
