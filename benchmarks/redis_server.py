"""A Redis of the machine's own, for one measurement, that syncs every write before it answers."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "redis-server"
MISSING = f"{PROGRAM} is not installed: apt-get install redis-server"
DURABILITY = "Redis, appendonly yes, appendfsync always: every write is synced before its answer"
SETTINGS = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "maxmemory-policy": "noeviction",
}
START_SECONDS = 10.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.02


def redis_is_here() -> bool:
    """Whether this machine has one."""
    return shutil.which(PROGRAM) is not None


def redis_version() -> str:
    """What it calls itself."""
    told = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return f"Redis {version_in(told.stdout)}"


def version_in(told: str) -> str:
    """The number in what ``redis-server --version`` prints."""
    found = re.search(r"\bv=(\S+)", told)
    return found[1] if found else "of unknown version"


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of an empty one, which keeps its file in this folder."""
    port = _free_port()
    settings = [part for name, value in SETTINGS.items() for part in (f"--{name}", value)]
    server = subprocess.Popen(
        [PROGRAM, "--port", str(port), "--dir", str(folder), *settings],
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(server, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(STOP_SECONDS)


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError as error:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(
                    f"{PROGRAM} did not listen on port {port} within {START_SECONDS:.0f} s; "
                    f"start it by hand to see why"
                ) from error
        time.sleep(LOOK_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
