"""Many processes of the shop at once: everything is loaded once, and each is a fork of that."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shop.core.settings import Settings
from tests.make.processes import Processes, free_port

_FORKS: Final = """
import os, sys
import shop.app.main, shop.app.worker
from shop.app.commands.run import run
from shop.core.settings import Settings

workers, *ports = sys.argv[1:]
for port in [*ports, *[None] * int(workers)]:
    if os.fork() == 0:
        sys.argv[1:] = ["--port", port] if port else []
        shop.app.main.main() if port else run(shop.app.worker.work_until_signalled(Settings()))
        os._exit(0)
while True:
    os.wait()
"""


@contextmanager
def many(settings: Settings, folder: Path, *, webs: int, workers: int) -> Iterator[Sequence[str]]:
    """Addresses of the web processes, which may not answer yet. What all of them log goes to `folder`/log."""
    ports = []
    while len(ports) < webs:
        ports += [port] if (port := free_port()) not in ports else []
    with (folder / "log").open("wb") as log:
        parent = subprocess.Popen(
            [sys.executable, "-c", _FORKS, str(workers), *map(str, ports)],
            cwd=folder,
            env=Processes(settings, folder, ports[0]).environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield [f"http://127.0.0.1:{port}" for port in ports]
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
