"""Every call of the OpenAPI document, with whatever a machine can think of, by an employee, a staff member, nobody.

Nothing may crash, nothing may be answered that the document does not say. What is drawn is the same every time.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shop.access.door import Door
from shop.core import clock, embedded
from shop.core.ids import new_id
from shop.core.settings import Settings
from shop.main import create_app

EXAMPLES = 15
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PASSWORD = "demo-password-2026"
HOST = "http://testserver"
CALLERS = ("employee", "staff", "nobody")
TOKENS_OWN_DOOR = "/api/v1/auth/token"

document = schemathesis.openapi.from_dict(
    create_app(Settings(_env_file=None, public_url=HOST)).openapi(),
    config=schemathesis.Config.from_dict(
        {
            "generation": {"deterministic": True, "database": "none", "with-security-parameters": False},
            "phases": {"coverage": {"enabled": False}},
        }
    ),
)


@dataclass
class Shop:
    """The demo's shop, its tokens, and ids of things that exist."""

    app: FastAPI
    http: requests.Session
    tokens: dict[str, str]
    ids: dict[str, str]
    turns: Counter[str] = field(default_factory=Counter)

    def headers(self, caller: str) -> dict[str, str]:
        """A token of a session of its own: one of the calls ends the session."""
        if caller == "nobody":
            return {}
        tokens = Door.of(self.app).tokens
        actor = tokens.read(self.tokens[caller], now=clock.wall())
        assert actor is not None
        return {"authorization": f"Bearer {tokens.issue(replace(actor, session_id=new_id()), now=clock.wall())}"}

    def meant_seriously(self, case: schemathesis.Case, caller: str) -> None:
        """Every second call names things that exist; the others stay as they were drawn."""
        self.turns[f"{caller} {case.operation.label}"] += 1
        if self.turns[f"{caller} {case.operation.label}"] % 2:
            return
        for name in case.path_parameters:
            case.path_parameters[name] = self.ids[name]
        if isinstance(case.body, dict) and isinstance(lines := case.body.get("lines"), list):
            for line in lines:
                if isinstance(line, dict):
                    line |= {name: self.ids[name] for name in ("sku_id", "line_id") if name in line}


def signed_in(http: requests.Session, who: str) -> str:
    answer = http.post(HOST + TOKENS_OWN_DOOR, data={"username": f"{who}@demo.test", "password": PASSWORD})
    return str(answer.json()["access_token"])


def bought(http: requests.Session, token: str, sku_id: str) -> dict[str, Any]:
    """A paid order."""
    headers = {"authorization": f"Bearer {token}", "idempotency-key": uuid4().hex}
    address = {"name": "收货人甲", "phone": "13800138000", "region_code": "310101", "street": "示例路一号"}
    body = {"lines": [{"sku_id": sku_id, "quantity": 2}], "address": address}
    order: dict[str, Any] = http.post(f"{HOST}/api/v1/orders", json=body, headers=headers).json()
    path = f"{HOST}/api/v1/orders/{order['id']}/pay"
    page = http.post(path, json={"method": "stripe"}, headers=headers).json()
    assert http.post(f"{HOST}/sandbox/payments/{page['payment_id']}/succeed").status_code == 200
    return order


@pytest.fixture(scope="module")
def shop(postgres: Any, shop_template: str, schema: str) -> Iterator[Shop]:
    name = f"test_{uuid4().hex}"
    embedded.clone_database(postgres, shop_template, name)
    app = create_app(
        Settings(
            _env_file=None,
            database_url=embedded.url(postgres, name, embedded.APP_ROLE),
            database_owner_url=embedded.url(postgres, name, embedded.OWNER_ROLE),
            database_schema=schema,
            public_url=HOST,
        )
    )
    with asgi.get_client(app) as http:
        tokens = {who: signed_in(http, who) for who in CALLERS if who != "nobody"}
        product = http.get(f"{HOST}/api/v1/products").json()["items"][0]
        sku_id = product["skus"][0]["id"]
        order = bought(http, tokens["employee"], sku_id)
        ids = {
            "product_id": product["id"],
            "producer_id": product["producer"]["id"],
            "code": product["county"]["code"],
            "sku_id": sku_id,
            "order_id": order["id"],
            "line_id": order["lines"][0]["id"],
        }
        yield Shop(app, http, tokens, ids)
    asgi.shutdown_lifespans()
    embedded.drop_database(postgres, name)


@pytest.mark.parametrize("caller", CALLERS)
@document.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_what_the_document_says(shop: Shop, caller: str, case: schemathesis.Case) -> None:
    shop.meant_seriously(case, caller)
    case.call_and_validate(app=shop.app, session=shop.http, headers=shop.headers(caller), checks=CHECKS)
