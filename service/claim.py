"""Makes a data folder ours alone: with SQLite only one process may write."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.settings import SettingsError


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Make the folder ours, and make it; raises ``SettingsError`` if it cannot be."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unwritable(data, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode().strip() or "unknown"
            raise SettingsError(
                [
                    f"the data folder {data} is in use by another Waybill (process {holder}); "
                    "stop that one, or give this one another folder with --data"
                ]
            ) from None
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def unwritable(data: Path, error: OSError) -> SettingsError:
    """What to say of a data folder that the system does not let us write to."""
    why = error.strerror or str(error)
    return SettingsError(
        [
            f"the data folder {data} cannot be written to: {why}; give it to the user who runs "
            "this, or name another folder with --data"
        ]
    )
