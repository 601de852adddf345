"""Every call of the OpenAPI document, with whatever a machine can think of, by whoever's job it is and by others.

Nothing may crash, nothing may be answered that the document does not say. What is drawn is the same every time.
"""

from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shop.access.permissions import ROLE_PERMISSIONS, Actor, Permission, Role
from shop.access.tokens import Tokens
from shop.core import clock, embedded
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from shop.main import create_app
from tests.make.processes import processes
from tests.make.whole_shop import PURCHASES, WholeShop, furnish
from tests.rules.test_routes import calls

EXAMPLES, OTHERS_EXAMPLES = 4, 2
MOST = 12
"""Calls of one operation by one caller; a large body has hundreds of edges."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PASSWORD = "demo-password-2026"
TOKENS = Tokens.from_secret(DEVELOPMENT_SECRET)
PEOPLE: Final = {
    "staff": Role.STAFF,
    "union.buyer": Role.UNION_BUYER,
    "union.approver": Role.UNION_APPROVER,
    "union.receiver": Role.UNION_RECEIVER,
    "canteen": Role.CANTEEN_BUYER,
    "admin": Role.ADMINISTRATOR,
    "supplier": Role.SUPPLIER,
    "auditor": Role.AUDITOR,
    "employee": Role.EMPLOYEE,
}
MORE: Final = ("staff.second", "canteen.receiver")
"""They only help to furnish the shop."""
DECIDES: Final = ("/approve", "/reject", "/answer", "/{decision}")
"""Whoever may read a purchase may call these; what counts is the approver's role."""

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


def whose_job(method: str, path: str) -> str:
    """The first of PEOPLE whose role carries what the route asks for; what anybody may call, staff calls."""
    if path.startswith(PURCHASES) and path.endswith(DECIDES):
        return "union.approver"
    asked = {Permission(one) for one in _ASKED[method, path]}
    if path.startswith(PURCHASES) and asked <= ROLE_PERMISSIONS[Role.UNION_BUYER]:
        return "union.buyer"
    return next(who for who, role in PEOPLE.items() if asked <= ROLE_PERMISSIONS[role])


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


def signed_in(http: requests.Session, url: str, who: str, *, at: str = "demo.test") -> Actor:
    answer = http.post(f"{url}/api/v1/auth/token", data={"username": f"{who}@{at}", "password": PASSWORD})
    actor = TOKENS.read(answer.json()["access_token"], now=clock.wall())
    assert actor is not None
    return actor


def ready(http: requests.Session, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def shop(
    postgres: Path, shop_template: str, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeShop]:
    name = f"test_{uuid4().hex}"
    embedded.clone_database(postgres, shop_template, name)
    database = Settings(
        _env_file=None,
        shop_env="development",
        database_url=embedded.url(postgres, name, embedded.APP_ROLE),
        database_owner_url=embedded.url(postgres, name, embedded.OWNER_ROLE),
        database_schema=schema,
    )
    with processes(database, tmp_path_factory.mktemp("fuzz")) as running, requests.Session() as http:
        http.trust_env = False
        running.start("web", "worker")
        while not ready(http, running.url):
            sleep(0.1)
        actors = {who: signed_in(http, running.url, who) for who in (*PEOPLE, *MORE)}
        made = WholeShop(running.url, http, TOKENS, actors)
        furnish(made)
        yield made
    embedded.drop_database(postgres, name)


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
    called(shop, case, whose_job(case.operation.method.upper(), case.operation.path))


@pytest.mark.parametrize("caller", ["employee", "nobody"])
@others.parametrize()
@hypothesis.settings(
    max_examples=OTHERS_EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_others_get_what_the_document_says_too(shop: WholeShop, caller: str, case: "schemathesis.Case[Any]") -> None:
    called(shop, case, caller)
