"""What the shop window is measured against: a bare ASGI application and FastAPI's "hello", served like the shop."""

import base64
import json
import os
import sys

import uvicorn
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send


class Bare:
    """Sends the bytes it was given, to every question: the limit of any ASGI application on this server."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def hello() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def say() -> dict[str, str]:
        return {"hello": "world"}

    return app


if __name__ == "__main__":
    given = json.loads(os.environ["BENCH_ANSWER"])
    headers = [(name.encode(), value.encode()) for name, value in given["headers"]]
    bare = Bare(given["status"], headers, base64.b64decode(given["body"]))
    uvicorn.run(
        hello() if sys.argv[1] == "hello" else bare,
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
    )
