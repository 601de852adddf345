"""Every call of the OpenAPI document, with whatever a machine can think of, by whoever's job it is and by others.

Nothing may crash, nothing may be answered that the document does not say. What is drawn is the same every time.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, create_test
from schemathesis.generation.hypothesis.builder import HypothesisTestMode as Mode
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


DRAWN: Final = hypothesis.settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
PATHS: Final = json.loads((Path(__file__).parent / "openapi.json").read_text())["paths"]
LABELS: Final = sorted(f"{method.upper()} {path}" for path, asked in PATHS.items() for method in asked)
"""Of the document that was agreed on (test_openapi): making it anew would take two seconds of each process."""


@cache
def operations(*, edges: bool) -> dict[str, Any]:
    """By label. A test makes its own from one: made by the library while it collects, each of pytest's processes would
    make all of them.
    """
    found = [result.ok() for result in document_of(edges=edges).get_all_operations()]
    return {operation.label: operation for operation in found}


def drawn(label: str, called: Callable[..., None], examples: int, *, edges: bool) -> Callable[..., None]:
    operation = operations(edges=edges)[label]
    settings = hypothesis.settings(DRAWN, max_examples=examples)
    modes = [Mode.EXAMPLES, Mode.FUZZING, *([Mode.COVERAGE] if edges else [])]
    config = HypothesisTestConfig(
        project=operation.schema.config, settings=settings, explicit_settings=settings, modes=modes
    )
    made: Callable[..., None] = create_test(operation=operation, test_func=called, config=config)
    # Hypothesis asks the examples that are written down first, from the last one, and then what it thinks of itself.
    written: list[Any] = getattr(made, "hypothesis_explicit_examples", [])
    if len(written) >= MOST:
        del written[:-MOST]
        made = hypothesis.settings(settings, phases=[Phase.explicit])(made)
    return made


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


def test_there_is_something_to_ask() -> None:
    assert set(operations(edges=True)) == set(operations(edges=False)) == set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_answers_what_the_document_says(shop: WholeShop, label: str) -> None:
    method, path = label.split(" ", 1)
    caller = whose_job(_ASKED, method, path)
    drawn(label, lambda case: called(shop, case, caller), EXAMPLES, edges=True)()
    assert shop.turns[f"{caller} {label}"]


@pytest.mark.parametrize("caller", ["employee", "nobody"])
@pytest.mark.parametrize("label", LABELS)
def test_others_get_what_the_document_says_too(shop: WholeShop, caller: str, label: str) -> None:
    drawn(label, lambda case: called(shop, case, caller), OTHERS_EXAMPLES, edges=False)()
    assert shop.turns[f"{caller} {label}"]
