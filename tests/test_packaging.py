"""The wheel holds what an installed stemjax needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_is_whole_and_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "stemjax").rglob("*.py")}
    assert modules <= packed
    assert {"stemjax/py.typed", "stemjax/report/templates/index.html.j2"} <= packed
    assert not any(name.startswith(("tests", "results", "raw")) for name in packed)
