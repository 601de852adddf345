"""Every call of the OpenAPI document, with whatever a machine can think of, by an employee, a staff member, nobody.

Nothing may crash, nothing may be answered that the document does not say. What is drawn is the same every time.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep
from typing import Any
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

from shop.access.permissions import Actor
from shop.access.tokens import Tokens
from shop.core import clock, embedded
from shop.core.ids import new_id
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from shop.main import create_app
from tests.make.processes import processes
from tests.make.shop import ADDRESS

EXAMPLES = 15
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PASSWORD = "demo-password-2026"
CALLERS = ("employee", "staff", "nobody")
TOKENS = Tokens.from_secret(DEVELOPMENT_SECRET)

document = schemathesis.openapi.from_dict(
    create_app(Settings(_env_file=None)).openapi(),
    config=schemathesis.Config.from_dict(
        {
            "generation": {"deterministic": True, "database": "none", "with-security-parameters": False},
            "phases": {"coverage": {"enabled": True}},  # the edges of every range, too
        }
    ),
)


@dataclass
class Shop:
    """The demo's shop as it runs, its callers, ids of things that exist, and bodies that make sense, by call."""

    url: str
    http: requests.Session
    actors: dict[str, Actor]
    ids: dict[str, str]
    bodies: dict[str, dict[str, Any]]
    turns: Counter[str] = field(default_factory=Counter)

    def headers(self, caller: str) -> dict[str, str]:
        """A token of a session of its own: one of the calls ends the session."""
        if caller == "nobody":
            return {}
        actor = replace(self.actors[caller], session_id=new_id())
        return {"authorization": f"Bearer {TOKENS.issue(actor, now=clock.wall())}"}

    def meant_seriously(self, case: "schemathesis.Case[Any]", caller: str) -> None:
        """Every second call is as drawn. The others name things that exist, and of a body only one part is as drawn."""
        label = case.operation.label
        self.turns[f"{caller} {label}"] += 1
        turn = self.turns[f"{caller} {label}"]
        if turn % 2:
            return
        for name in case.path_parameters:
            case.path_parameters[name] = self.ids.get(f"{name} of {label}", self.ids[name])
        if "Idempotency-Key" in case.headers:
            case.headers["Idempotency-Key"] = uuid4().hex
        if label in self.bodies and isinstance(case.body, dict):
            drawn = list(case.body)
            part = drawn[turn // 2 % len(drawn)] if drawn else None
            case.body = self.bodies[label] | ({part: case.body[part]} if part else {})

    def bought(self, sku_id: str) -> dict[str, Any]:
        """A paid order of the employee's."""
        headers = self.headers("employee") | {"idempotency-key": uuid4().hex}
        body: Any = {"lines": [{"sku_id": sku_id, "quantity": 2}], "address": ADDRESS.model_dump()}
        order: dict[str, Any] = self.http.post(f"{self.url}/api/v1/orders", json=body, headers=headers).json()
        pay = f"{self.url}/api/v1/orders/{order['id']}/pay"
        page = self.http.post(pay, json={"method": "stripe"}, headers=headers).json()
        assert self.http.post(f"{self.url}/sandbox/payments/{page['payment_id']}/succeed").status_code == 200
        return order


def signed_in(http: requests.Session, url: str, who: str) -> Actor:
    answer = http.post(f"{url}/api/v1/auth/token", data={"username": f"{who}@demo.test", "password": PASSWORD})
    actor = TOKENS.read(answer.json()["access_token"], now=clock.wall())
    assert actor is not None
    return actor


def ready(http: requests.Session, url: str) -> bool:
    try:
        return http.get(f"{url}/readyz").status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def shop(postgres: Path, shop_template: str, schema: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    name = f"test_{uuid4().hex}"
    embedded.clone_database(postgres, shop_template, name)
    database = Settings(
        _env_file=None,
        database_url=embedded.url(postgres, name, embedded.APP_ROLE),
        database_owner_url=embedded.url(postgres, name, embedded.OWNER_ROLE),
        database_schema=schema,
    )
    with processes(database, tmp_path_factory.mktemp("fuzz")) as running, requests.Session() as http:
        http.trust_env = False
        running.start("web", "worker")
        while not ready(http, running.url):
            sleep(0.1)
        actors = {who: signed_in(http, running.url, who) for who in CALLERS if who != "nobody"}
        product, spare = http.get(f"{running.url}/api/v1/products").json()["items"][:2]
        sku_id = product["skus"][0]["id"]
        made = Shop(running.url, http, actors, {}, {})
        order = made.bought(sku_id)
        made.ids |= {
            "product_id": product["id"],
            "product_id of POST /api/v1/products/{product_id}/list": spare["id"],
            "product_id of POST /api/v1/products/{product_id}/withdraw": spare["id"],
            "producer_id": product["producer"]["id"],
            "code": product["county"]["code"],
            "sku_id": sku_id,
            "order_id": order["id"],
            "order_id of POST /api/v1/orders/{order_id}/cancel": made.bought(sku_id)["id"],
        }
        lines = [{"sku_id": sku_id, "quantity": 1}]
        made.bodies |= {
            "POST /api/v1/quotes": {"lines": lines, "address": {"region_code": ADDRESS.region_code}},
            "POST /api/v1/orders": {"lines": lines, "address": ADDRESS.model_dump()},
            "POST /api/v1/orders/{order_id}/refunds": {"amount_fen": 1, "reason": "到货有坏果"},
        }
        yield made
    embedded.drop_database(postgres, name)


@pytest.mark.parametrize("caller", CALLERS)
@document.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_what_the_document_says(shop: Shop, caller: str, case: "schemathesis.Case[Any]") -> None:
    shop.meant_seriously(case, caller)
    case.call_and_validate(base_url=shop.url, session=shop.http, headers=shop.headers(caller), checks=CHECKS)
