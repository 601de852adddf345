"""Answers that a caller may keep: same bytes, same tag, and nothing sent twice."""

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response


def tag_of(body: bytes) -> str:
    """A strong tag: the same for the same bytes, and only for them."""
    return f'"{sha256(body).hexdigest()[:24]}"'


def knows(if_none_match: str, tag: str) -> bool:
    """Whether the header names this tag."""
    known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return tag in known or "*" in known


def tagged(request: Request, body: bytes, *, media_type: str = "application/json", max_age_s: int = 0) -> Response:
    """200 with an ETag, or 304 when the caller already has these bytes."""
    tag = tag_of(body)
    headers = {"etag": tag, "cache-control": f"public, max-age={max_age_s}" if max_age_s else "no-cache"}
    if knows(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
