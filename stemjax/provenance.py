"""Digests, atomic files and the digest of the code that a stage runs.

A digest says whether two results are equal without comparing them; it ends up in the records
that Snakemake looks at (see :mod:`stemjax.records`).
"""

import ast
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from stemjax import __version__

PACKAGE = Path(__file__).parent
# Settings reach a job as params, where Snakemake sees them change; the modules that merely
# carry values, types or messages would make every stage run again for nothing.
UNTRACKED = {
    "stemjax",
    "stemjax.config",
    "stemjax.errors",
    "stemjax.jobs",
    "stemjax.progress",
    "stemjax.typing",
}


@contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it onto `path` if the body succeeds.

    A job killed in the middle leaves the earlier file, never half of a new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with written_aside(path) as aside:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        aside.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def digest(*parts: Any) -> str:
    """Hash arrays (dtype, shape and values) and JSON-like values, in order, with SHA-256."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype.str}{part.shape}".encode())
            total.update(np.ascontiguousarray(part).view(np.uint8).data)
        else:
            # The line's end keeps (1, 23) and (12, 3) apart.
            total.update(f"{json.dumps(part, sort_keys=True)}\n".encode())
    return total.hexdigest()


def file_sha256(path: str | Path) -> str:
    """Hash a file in constant memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions(*packages: str) -> dict[str, str]:
    """Name the versions of stemjax and of the given packages, as they are installed."""
    found = {"stemjax": __version__}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def git_revision() -> str | None:
    """Name the commit of the code, ``-dirty`` where files differ from it; None outside of git."""
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        top = subprocess.run([*git, "rev-parse", "--show-cdup"], capture_output=True, text=True)
        if top.returncode or top.stdout.strip():  # installed below a checkout of something else
            return None
        describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True).stdout.strip() or None
    except OSError:  # there is no git
        return None


@cache
def code_digest(script: str) -> str:
    """Hash what ``scripts/{script}.py`` and all it imports of stemjax do, whatever comments say.

    Snakemake runs a rule again when its script is newer than its results, be it by a comment or
    a fresh clone, and never when the library behind it changes; as a param of the rule this
    digest takes the place of that. It is taken over the code without docstrings, comments and
    layout, so rewording changes nothing, nor does another version of Python.
    """
    seen: dict[str, str] = {}
    templates: set[Path] = set()
    todo = [""]  # the script itself
    while todo:
        module = todo.pop()
        if module == "jinja2":
            templates = set(PACKAGE.glob("*/templates/*"))
        ours = module.split(".")[0] in ("", "stemjax")
        if not ours or module in UNTRACKED or module in seen:
            continue
        path = _file_of(module) if module else PACKAGE.parent / "scripts" / f"{script}.py"
        seen[module], imported = _read_source(path.read_bytes())
        todo += [*imported, module.rpartition(".")[0]]  # a package is imported before its modules
    return digest(sorted(seen.items()), *(file_sha256(path) for path in sorted(templates)))[:16]


def _file_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache  # as scripts share most modules
def _read_source(source: bytes) -> tuple[str, tuple[str, ...]]:
    """Give what a module does, and which modules it imports."""
    tree = _bare_tree(source)
    return ast.unparse(tree), tuple(_imports(tree))


def _bare_tree(source: bytes) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [each for each in body if not _is_text(each)] or [ast.Pass()]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            if node.module.split(".")[0] == "stemjax":
                yield from (module for module in inner if _file_of(module).exists())
