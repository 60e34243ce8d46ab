"""Digests against hashlib, files that are whole or absent, and the digest of code."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stemjax import __version__, provenance
from stemjax.provenance import (
    code_digest,
    digest,
    file_sha256,
    git_revision,
    read_json,
    versions,
    write_json,
    written_aside,
)


def sha256(content: bytes) -> str:
    """Hash with the standard library alone."""
    return hashlib.sha256(content).hexdigest()


def test_an_arrays_digest_covers_type_shape_and_values() -> None:
    array = np.array([[1, 2, 3], [4, 5, 256]], dtype="<u2")
    values = bytes([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0, 1])
    assert digest(array) == sha256(b"<u2(2, 3)" + values)
    assert digest(np.asfortranarray(array)) == digest(array)
    assert digest(np.repeat(array, 2, axis=1)[:, ::2]) == digest(array)
    assert digest(np.zeros((0, 3), dtype="<f4")) == sha256(b"<f4(0, 3)")
    assert digest(array.reshape(3, 2)) != digest(array) != digest(array.view("<i2"))


def test_a_values_digest_ignores_the_order_of_keys_only() -> None:
    assert digest({"b": 1, "a": [2.5]}) == sha256(b'{"a": [2.5], "b": 1}\n')
    assert digest("x", None) == sha256(b'"x"\nnull\n')
    assert digest(1, 23) != digest(12, 3)


def test_a_files_digest_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"stem" * 100_000)
    assert file_sha256(path) == sha256(b"stem" * 100_000)


def test_versions_are_those_installed() -> None:
    found = versions("numpy", "no-such-package")
    assert found == {"stemjax": __version__, "numpy": np.__version__}


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "map.json"
    with written_aside(path) as aside:
        aside.write_text("content")
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    def write_half() -> None:
        with written_aside(path) as aside:
            aside.write_text("half of")
            raise KeyboardInterrupt

    path = tmp_path / "map.json"
    path.write_text("earlier")
    with pytest.raises(KeyboardInterrupt):
        write_half()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"residual": float("nan")})
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_json_goes_there_and_back_readable_by_people(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_json(path, {"reason": "5 µs", "columns": [0.1, 1e-300]})
    assert "µs" in path.read_text(encoding="utf-8")
    assert read_json(path) == json.loads(path.read_bytes())
    assert read_json(path) == {"reason": "5 µs", "columns": [0.1, 1e-300]}


SOURCE = {
    "errors.py": "class Refused(Exception): ...\n",
    "units.py": '"""Units."""\nfrom stemjax.scales import pico\nFACTOR = 2\n',
    "scales.py": "pico = 1e-12\n",
    "io/__init__.py": '"""Read."""\n',
    "io/read.py": (
        '"""Read files."""\n'
        "from stemjax import units\n"
        "from stemjax.errors import Refused\n"
        "def read(x):\n"
        '    """Read one."""\n'
        "    return x * units.FACTOR  # scaled\n"
    ),
    "evaluate/__init__.py": "",
    "evaluate/plot.py": "from stemjax.io.read import read\n",
    "evaluate/templates/page.html.j2": "a page\n",
}
SCRIPTS = {
    "read": "# reads\nfrom stemjax.io.read import read\nread(1)\n",
    "plot": "import jinja2\nfrom stemjax.evaluate.plot import read\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a small package in the place of stemjax."""
    files = {f"stemjax/{name}": text for name, text in SOURCE.items()}
    files |= {f"scripts/{name}.py": text for name, text in SCRIPTS.items()}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "stemjax")
    return tmp_path / "stemjax"


def fresh_digest(script: str) -> str:
    """Take the digest as a new process would."""
    code_digest.cache_clear()
    return code_digest(script)


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("io/read.py", "# scaled", "# by the factor", False),
        ("io/read.py", "Read one.", "Read one file.", False),
        ("io/read.py", '    """Read one."""\n', "", False),
        ("io/read.py", "x * units", "x  *  units", False),
        ("io/read.py", "x * units", "x / units", True),
        ("units.py", "Units.", "All units.", False),
        ("units.py", "FACTOR = 2", "FACTOR = 3", True),
        ("scales.py", "1e-12", "1e-9", True),
        ("errors.py", "Exception", "ValueError", False),
        ("evaluate/plot.py", "import read", "import read as load", False),
        ("../scripts/read.py", "# reads", "# reads once", False),
        ("../scripts/read.py", "read(1)", "read(2)", True),
    ],
)
def test_code_digest_follows_what_the_script_does(
    package: Path, file: str, old: str, new: str, changes: bool
) -> None:
    before = fresh_digest("read")
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    assert (fresh_digest("read") != before) == changes


def test_code_digest_covers_what_is_imported_on_the_way_and_templates(package: Path) -> None:
    read, plot = fresh_digest("read"), fresh_digest("plot")
    (package / "io/extra.py").write_text("EXTRA = 1\n")
    assert (fresh_digest("read"), fresh_digest("plot")) == (read, plot)
    (package / "evaluate/templates/page.html.j2").write_text("another page\n")
    assert fresh_digest("read") == read
    assert fresh_digest("plot") != plot
    (package / "io/__init__.py").write_text("from stemjax.io import extra\n")
    assert fresh_digest("read") != read


def test_the_revision_is_that_of_the_codes_own_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def revision_of(package: Path) -> str | None:
        package.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(provenance, "PACKAGE", package)
        git_revision.cache_clear()
        return git_revision()

    package = tmp_path / "stemjax"
    assert revision_of(package) is None
    git("init", "--quiet")
    (package / "a.py").write_text("a = 1\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    git("tag", "--annotate", "v1", "--message", "v1")
    commit = git("rev-parse", "HEAD")
    assert revision_of(package) == commit
    (package / "a.py").write_text("a = 2\n")
    assert revision_of(package) == f"{commit}-dirty"
    # Installed into an experiment's folder, which is a checkout of something else.
    assert revision_of(tmp_path / ".venv/site-packages/stemjax") is None
    monkeypatch.setenv("PATH", "")
    assert revision_of(package) is None
    git_revision.cache_clear()
