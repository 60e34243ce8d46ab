"""Environments: conda files, lock and pyproject agree, and every file that a rule names exists."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text()
ENVS = sorted(ROOT.glob("envs/*.yaml"))


def locked() -> dict[str, str]:
    """Give the lock's versions by name, as they hold for the Python of the tests."""
    lines = re.findall(r"^(\S.*?) *\\$", LOCK, flags=re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): str(pin.specifier) for pin in here}


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_a_conda_environment_pins_the_locks_versions(path: Path) -> None:
    env = yaml.safe_load(path.read_text())
    *conda, pip = env["dependencies"]
    assert env["channels"] == ["conda-forge", "nodefaults"]
    assert conda == ["python=3.11", "pip"]
    pins = {canonicalize_name(pin.name): str(pin.specifier) for pin in map(Requirement, pip["pip"])}
    assert pins.items() <= locked().items()


def test_every_environment_that_a_rule_names_exists() -> None:
    named = {
        file.parent / env
        for file in (*ROOT.glob("Snakefile"), *ROOT.glob("rules/*.smk"))
        for env in re.findall(r'conda:\s*"([^"]+)"', file.read_text())
    }
    assert [path for path in named if path.resolve() not in ENVS] == []


def test_the_lock_covers_what_the_project_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [Requirement(line) for line in project["dependencies"]]
    versions = locked()
    for need in needed:
        pinned = versions[canonicalize_name(need.name)].removeprefix("==")
        assert need.specifier.contains(pinned), need


def test_the_lock_has_a_hash_for_every_package_and_names_no_host() -> None:
    for package in re.split(r"\n(?=\S)", LOCK):
        assert re.match(r"\S+==\S+", package)
        assert "--hash=sha256:" in package
    assert "://" not in LOCK
