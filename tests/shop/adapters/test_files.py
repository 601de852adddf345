"""One interface, three stores: a folder, an S3-compatible one over real HTTP, and memory."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from shop.adapters.files.open import open_files
from shop.adapters.files.store import FileMissing, FilesUnavailable
from shop.core.settings import AddressWrong, Settings

pytestmark = pytest.mark.anyio


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as putting and getting needs."""

    kept: dict[str, bytes]
    broken = False

    def do_PUT(self) -> None:
        self.kept[self.path] = self.rfile.read(int(self.headers["content-length"]))
        assert self.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        self._answer(403 if self.broken else 200, b"")

    def do_GET(self) -> None:
        found = self.kept.get(self.path)
        self._answer(403 if self.broken else 404 if found is None else 200, found or b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"1"')
        self.send_header("last-modified", "Sun, 22 Nov 2026 08:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    served = type("Served", (Bucket,), {"kept": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        running = threading.Thread(target=server.serve_forever)
        running.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_REGION", "local")
        yield served
        server.shutdown()
        running.join()


def settings(url: str | None, data_folder: Path | None = None) -> Settings:
    return Settings(_env_file=None, files_url=url, **({"data_folder": data_folder} if data_folder else {}))


@pytest.mark.parametrize("kind", ["unset", "folder", "file", "s3", "memory"])
async def test_what_was_put_is_got_whole(kind: str, tmp_path: Path, bucket: type[Bucket]) -> None:
    urls = {"folder": str(tmp_path / "here"), "file": f"file://{tmp_path}/there", "s3": "s3://papers/of/ours"}
    files = open_files(settings(urls.get(kind, "memory:" if kind == "memory" else None), tmp_path / "data"))
    name = "evidence/ab/ab12"
    with pytest.raises(FileMissing):
        await files.get(name)
    await files.put(name, b"one" * 1_000)
    await files.put(name, b"two" * 1_000)
    assert await files.get(name) == b"two" * 1_000
    places = {"unset": "data/files", "folder": "here", "file": "there"}
    if kind in places:
        folder = tmp_path / places[kind]
        assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == [name]
    if kind == "s3":
        assert bucket.kept == {"/papers/of/ours/evidence/ab/ab12": b"two" * 1_000}


async def test_a_store_that_refuses_is_said_so(bucket: type[Bucket]) -> None:
    files = open_files(settings("s3://papers"))
    bucket.broken = True
    with pytest.raises(FilesUnavailable):
        await files.put("a", b"x")
    with pytest.raises(FilesUnavailable):
        await files.get("a")


def test_only_stores_we_know_are_opened() -> None:
    with pytest.raises(AddressWrong) as refused:
        open_files(settings("ftp://user:hidden@papers"))
    assert "FILES_URL" in (refused.value.detail or "")
    assert "hidden" not in (refused.value.detail or "")


def test_production_keeps_no_papers_in_memory() -> None:
    with pytest.raises(ValidationError, match="FILES_URL"):
        Settings(_env_file=None, shop_env="production", files_url="memory:")
