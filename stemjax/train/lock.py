"""One training at a time in a model's folder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stemjax.errors import UserError
from stemjax.progress import say


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Hold a model's folder while it is trained.

    The lock is the system's: it ends with the process that holds it, however that ended.

    Raises:
        UserError: another process holds it.
    """
    path = Path(folder) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"{folder}: another process trains this model ({file.read().strip()}); "
                "wait for it or end it"
            ) from None
        except OSError as error:
            say(f"{folder} cannot be locked here ({error.strerror}): train it but once at a time")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
