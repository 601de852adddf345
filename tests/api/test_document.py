"""The OpenAPI document is true: whatever is sent, no server error, and no answer that it does not describe."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shop.demo.people import PASSWORD
from tests.make.processes import Processes

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("who", [None, "employee@demo.test", "staff@demo.test"])
def test_every_call_as(running: Processes, tmp_path: Path, who: str | None) -> None:
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [
        *(schemathesis, "run", f"{running.url}/openapi.json", "--checks", CHECKS),
        *("--max-examples", "12", "--generation-deterministic", "--no-color"),
        *("--exclude-path", "/api/v1/auth/revoke"),  # it would end the very token that the others are called with
    ]
    if who is not None:
        form = {"username": who, "password": PASSWORD}
        token = httpx.post(f"{running.url}/api/v1/auth/token", data=form).json()["access_token"]
        command += ["--header", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
    assert "Test cases:" in done.stdout
    if who is not None:
        assert httpx.get(f"{running.url}/api/v1/me", headers={"authorization": f"Bearer {token}"}).status_code == 200
    log = (tmp_path / "web.log").read_text()
    assert "request_crashed" not in log
