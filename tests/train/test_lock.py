"""One training at a time, and none that a dead process prevents."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stemjax.errors import UserError
from stemjax.train import lock
from stemjax.train.lock import locked

HOLD = """
import sys, time
from stemjax.train.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_another_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "m"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(UserError) as refusal, locked(folder):
                pass
        finally:
            os.kill(holder.pid, signal.SIGKILL)
    told = f"{folder}: another process trains this model (process {holder.pid} on "
    assert str(refusal.value).startswith(told)
    assert "\n" not in str(refusal.value)
    with locked(folder):  # though nobody removed the file
        assert f"process {os.getpid()} on" in (folder / ".lock").read_text()
    with locked(folder):
        pass


def test_where_there_are_no_locks_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", without_locks)
    with locked(tmp_path):
        assert "cannot be locked here (No locks available)" in capsys.readouterr().err
