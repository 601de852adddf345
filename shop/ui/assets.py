"""Static files out of memory: the address carries the content's hash, so a browser may keep them for ever."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.types import Receive, Scope, Send

PREFIX: Final = "/static"
_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml; charset=utf-8",
}
_FOREVER: Final = b"public, max-age=31536000, immutable"
_BRIEFLY: Final = b"public, max-age=60"


@dataclass(frozen=True)
class Asset:
    """A static file: its bytes, the same bytes gzipped, and the first eight hex digits of its SHA-256."""

    name: str
    sha8: str
    content_type: bytes
    body: bytes
    gzipped: bytes

    @property
    def etag(self) -> bytes:
        """A weak tag: both encodings carry the same content."""
        return f'W/"{self.sha8}"'.encode()


@cache
def assets() -> dict[str, Asset]:
    """All static files by name, read once."""
    folder = Path(__file__).parent / "static"
    return {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}


def static_url(name: str) -> str:
    """The address of a static file, such as ``/static/1f2e3d4c/app.css``. Raises KeyError for an unknown name."""
    return f"{PREFIX}/{assets()[name].sha8}/{name}"


async def static_app(scope: Scope, _receive: Receive, send: Send) -> None:
    """ASGI app to mount at `/static`.

    A hash of another release answers with today's file and a short life, so a page stays dressed during a roll-out.
    """
    if scope["type"] != "http":
        return
    if scope["method"] not in {"GET", "HEAD"}:
        await _answer(send, 405, [(b"allow", b"GET, HEAD")])
        return
    folder, _, name = scope["path"].rpartition("/")
    asset = assets().get(name)
    if asset is None:
        await _answer(send, 404, [(b"content-type", b"text/plain; charset=utf-8")], b"not found")
        return
    asked = {key: value for key, value in scope["headers"] if key in {b"if-none-match", b"accept-encoding"}}
    headers = [
        (b"cache-control", _FOREVER if folder.endswith(f"/{asset.sha8}") else _BRIEFLY),
        (b"etag", asset.etag),
        (b"vary", b"Accept-Encoding"),
    ]
    if asset.sha8.encode() in asked.get(b"if-none-match", b""):
        await _answer(send, 304, headers)
        return
    headers.append((b"content-type", asset.content_type))
    body = asset.body
    if b"gzip" in asked.get(b"accept-encoding", b""):
        headers.append((b"content-encoding", b"gzip"))
        body = asset.gzipped
    headers.append((b"content-length", str(len(body)).encode()))
    await _answer(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(
        name=path.name,
        sha8=hashlib.sha256(body).hexdigest()[:8],
        content_type=_TYPES[path.suffix],
        body=body,
        gzipped=gzip.compress(body, mtime=0),
    )
