"""What runs the shop in production sets what the shop asks for, and nothing that it does not know."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shop.core.settings import Settings
from tests.make.production import SAFE

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
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


@pytest.mark.parametrize("service", ["web", "worker", "migrate"])
def test_it_starts_with_what_compose_tells_it(service: str) -> None:
    settings = Settings(_env_file=None, **told(service))
    assert settings.production
    assert told(service).keys() <= Settings.model_fields.keys()
    assert "bangfu_app@" in (settings.database_url or "").replace(":x@", "@")
    assert bool(settings.database_owner_url) is (service == "migrate"), "web and worker never hold the owner's password"


def test_metrics_are_published_nowhere() -> None:
    web = SERVICES["web"]
    port = str(Settings(_env_file=None, **told("web")).operator_port)
    assert port in web["expose"]
    assert port not in str([service.get("ports") for service in SERVICES.values()])


def test_the_image_is_productions() -> None:
    lines = (ROOT / "Dockerfile").read_text()
    assert "SHOP_ENV=production" in lines
    assert "USER 10001" in lines
    assert "/metrics" not in lines
