"""An SMS gateway on a real socket: it keeps what it takes, and answers as it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import loads
from threading import Thread
from typing import Any


@dataclass
class Gateway:
    """answers: statuses of the next calls, 200 afterwards. taken: bodies of what was answered 200."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://shop:key@127.0.0.1:{self.port}/send"


@contextmanager
def gateway() -> Iterator[Gateway]:
    made = Gateway()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = loads(self.rfile.read(int(self.headers["content-length"])))
            status = made.answers.pop(0) if made.answers else 200
            made.headers.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
            if status == 200:
                made.taken.append(body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.port = server.server_port
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
