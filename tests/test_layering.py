"""Who may import whom, and what no file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "stemjax"
MODULES = sorted(PACKAGE.rglob("*.py"))
STAGES = (
    "io",
    "integrate",
    "distortion",
    "dataset",
    "model",
    "train",
    "restore",
    "evaluate",
    "report",
)
ALLOWED = {stage: set(STAGES[: i + 1]) for i, stage in enumerate(STAGES)}
ALLOWED["simulate"] = {"simulate", "io"}
ALLOWED["__init__.py"] = {"restore"}  # in stemjax.load, when it is called
ALLOWED["arrivals.py"] = {"io"}
ALLOWED["cli.py"] = {*STAGES, "simulate"}
ALLOWED["experiment.py"] = {"distortion", "model"}
ALLOWED["scaled.py"] = {"dataset", "evaluate"}
ALLOWED["single_file.py"] = {"io", "distortion", "dataset", "restore"}
WITH_JAX = {"single_file.py"}  # which `cli` imports when it is called
ABOVE = {
    "arrivals",
    "proposals",
    "cli",
    "experiment",
    "scaled",
    "single_file",
}  # modules that no stage may import


def name(module: Path) -> str:
    """Name a module by its path in the package."""
    return str(module.relative_to(PACKAGE))


def imported(module: Path) -> Iterator[str]:
    """Yield what a module of the package imports, wherever in it, as dotted names."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(module)}: write relative imports in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_imports_point_left_along_the_data_flow(module: Path) -> None:
    parts = [dotted.split(".") for dotted in imported(module)]
    ours = {part[1] for part in parts if part[0] == "stemjax" and len(part) > 1}
    packages = {each for each in ours if (PACKAGE / each).is_dir()}
    inside = module.relative_to(PACKAGE).parts
    assert packages <= ALLOWED.get(inside[0], set())
    assert len(inside) == 1 or not ours & ABOVE


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_is_short_enough_to_read(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 300


@pytest.mark.parametrize("stage", ["", "io", "integrate"])
def test_reading_and_integrating_do_not_import_jax(stage: str) -> None:
    there = {name(path) for path in (PACKAGE / stage).glob("*.py")}
    files = sorted(there - WITH_JAX)
    if not files:
        pytest.skip(f"stemjax/{stage} is not written yet")
    modules = [".".join(("stemjax", *Path(file).with_suffix("").parts)) for file in files]
    code = f"import importlib, sys\nfor name in {modules}: importlib.import_module(name)\n"
    code += "sys.exit('jax is imported' if 'jax' in sys.modules else 0)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_file_names_this_machine_or_a_package_registry() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(rb"(?<![\w.-])/wor[k]/|https?://[^/\s]*(pypi|pythonhosted|npmjs|debian)")
    files = [path for path in map(ROOT.joinpath, listed.stdout.split("\0")) if path.is_file()]
    assert [str(path) for path in files if pattern.search(path.read_bytes())] == []
