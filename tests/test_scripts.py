"""Each script of the workflow: however it is ended, its log says so in the last line."""

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from stemjax.errors import UserError

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("*.py"))


class Ended:
    """Snakemake's object as a script knows it; what it is asked for within the job ends that.

    Before, a script may ask for anything.
    """

    def __init__(self, log: Path, end: Any) -> None:
        self.log, self._end, self._outside = [str(log)], end, sys.stderr

    def __getattr__(self, name: str) -> Any:
        if sys.stderr is not self._outside:
            self._end()
        return MagicMock()


def crash() -> None:
    raise KeyError("lag")


def be_refused() -> None:
    raise UserError("1.emd: cut off; copy it again")


def be_cancelled() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("end", "last"),
    [
        (crash, "error: KeyError: 'lag' (traceback in {log})"),
        (be_refused, "error: 1.emd: cut off; copy it again"),
        (be_cancelled, "error: ended by SIGTERM: cancelled, or over its time limit"),
    ],
)
def test_a_script_tells_how_it_was_ended(tmp_path: Path, script: Path, end: Any, last: str) -> None:
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(script), {"snakemake": Ended(log, end)})
    assert stop.value.code == 1
    assert log.read_text().splitlines()[-1] == last.format(log=log)
