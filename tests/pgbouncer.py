"""A real PgBouncer in front of the tests' PostgreSQL, in transaction mode."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.postgres import NOBODY, server

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Debian keeps it where only root's PATH leads."""
SERVER_CONNECTIONS = 3
"""Fewer than one node has, so that its transactions really share them."""
START_SECONDS = 30


@contextmanager
def pooler() -> Iterator[int]:
    """A pooler that lets everybody in; gives its port."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="waybill-pgbouncer-") as name:
        folder, port = Path(name), free_port()
        (folder / "pgbouncer.ini").write_text(_settings(port))
        user = None
        if os.geteuid() == 0:  # which it refuses to be
            user = NOBODY
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [PROGRAM, str(folder / "pgbouncer.ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=user,
                cwd=folder,
            ) as process,
        ):
            try:
                _wait(process, folder / "log")
                yield port
            finally:
                process.kill()


def _settings(port: int) -> str:
    return f"""
[databases]
* = host=127.0.0.1 port={server().port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {SERVER_CONNECTIONS}
max_client_conn = 100
"""


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while b"process up" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(log.read_text())
        time.sleep(0.02)
