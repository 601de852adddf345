"""Ask one address as fast as the answers come, from one process that does as little as it can: JSON on its output.

Plain sockets and epoll: an event loop of Python would be slower than the server it measures.
"""

import json
import socket
import sys
import time
from itertools import count
from select import EPOLLIN, epoll

READ_BYTES = 1 << 18


def ask(port: int, connections: int, seconds: float, target: str, headers: list[str]) -> dict[str, object]:
    """target: a path; `{n}` in it becomes another number each time. headers: `name: value`."""
    numbers = count()
    head = "".join(f"{line}\r\n" for line in ["host: bench", *headers])
    fixed = None if "{n}" in target else f"GET {target} HTTP/1.1\r\n{head}\r\n".encode()

    def request() -> bytes:
        return fixed or f"GET {target.replace('{n}', str(next(numbers)))} HTTP/1.1\r\n{head}\r\n".encode()

    sockets: dict[int, socket.socket] = {}
    waiting: dict[int, int] = {}  # bytes still to come of the answer that has begun; 0 = none has
    ready = epoll()
    for _ in range(connections):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[opened.fileno()] = opened
        waiting[opened.fileno()] = 0
        ready.register(opened.fileno(), EPOLLIN)
        opened.sendall(request())
    statuses: dict[str, int] = {}
    answers = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        for number, _ in ready.poll(1):
            data = sockets[number].recv(READ_BYTES)
            if not data:
                raise ConnectionError("the server hung up")
            left = waiting[number]
            if left:
                left -= len(data)
            else:
                end = data.index(b"\r\n\r\n") + 4
                at = data.find(b"content-length: ", 0, end)
                size = int(data[at + 16 : data.index(b"\r", at)]) if at >= 0 else 0
                status = data[9:12].decode()
                statuses[status] = statuses.get(status, 0) + 1
                left = size - (len(data) - end)
            waiting[number] = left
            if not left:
                answers += 1
                sockets[number].sendall(request())
    took = time.perf_counter() - started
    return {"per_s": answers / took, "statuses": statuses}


if __name__ == "__main__":
    port, connections, seconds, target, *headers = sys.argv[1:]
    print(json.dumps(ask(int(port), int(connections), float(seconds), target, headers)))
