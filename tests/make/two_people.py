"""What one person asks for and another approves, both through the door."""

import httpx

from shop.core.ids import new_id


async def rule_by_two(
    http: httpx.AsyncClient, path: str, body: object, *, first: dict[str, str], second: dict[str, str]
) -> httpx.Response:
    """The answer to the approval, or to the asking where that was refused. path: after `/api/v1`."""
    asked = await http.post(f"/api/v1{path}", json=body, headers=first | {"Idempotency-Key": str(new_id())})
    if asked.status_code != 202:
        return asked
    return await http.post(f"/api/v1/rules/{asked.json()['id']}/approve", headers=second)
