"""Answers that a caller may keep: same bytes, same tag, and nothing sent twice."""

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response


def tagged(request: Request, body: bytes, *, media_type: str = "application/json", max_age_s: int = 0) -> Response:
    """200 with an ETag, or 304 when the caller already has these bytes."""
    tag = f'"{sha256(body).hexdigest()[:24]}"'
    headers = {"etag": tag, "cache-control": f"public, max-age={max_age_s}" if max_age_s else "no-cache"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
