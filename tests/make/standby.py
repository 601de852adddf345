"""A copy of a server, as PostgreSQL itself keeps one."""

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shop.core.postgres.postmaster import PORT, SUPERUSER, account_for, claim, options_for, postmaster

PRIMARY = {"wal_level": "replica", "max_wal_senders": "4"}
"""What a server needs that is copied, for `embedded.throwaway`."""
_SAME = {"max_connections": "200", "max_locks_per_transaction": "128", "fsync": "off"}


@contextmanager
def standby(primary: Path) -> Iterator[Path]:
    """primary: its socket's folder; yields the copy's."""
    root = Path(tempfile.mkdtemp(prefix="bangfu-copy-"))
    root.chmod(0o755)
    data, socket, account = root / "data", root / "s", account_for(root / "data")
    claim(root, account)
    claim(socket, account)
    asked = ("-D", str(data), "-h", str(primary), "-p", PORT, "-U", SUPERUSER, "-R", "-c", "fast")
    assert account.run(root / "log", "pg_basebackup", *asked), (root / "log").read_text()
    server = account.start(root / "log", "postgres", "-D", "data", *options_for(socket, _SAME))
    try:
        for _ in range(600):
            if (known := postmaster(data)) and known.ready:
                break
            assert server.poll() is None, (root / "log").read_text()[-800:]
            time.sleep(0.05)
        yield socket
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait(30)
        shutil.rmtree(root)
