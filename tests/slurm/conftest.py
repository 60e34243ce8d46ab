"""Slurm on this machine, and the tiny experiment, run without it and to be run on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.clone import Clone, cluster, new_clone
from tests.workflow.conftest import ROWS


@pytest.fixture(scope="session", autouse=True)
def slurm() -> Iterator[None]:
    """Start the cluster, and stop it however the tests end."""
    try:
        cluster("start")
        yield
    finally:
        cluster("stop")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Run the tiny experiment in a clone's root, on this machine alone."""
    clone = new_clone(tmp_path_factory.mktemp("undisturbed") / "stemjax")
    clone.write_config()
    clone.write_sheet(ROWS)
    clone.run(profile="profiles/local")
    clone.edit_profile("before-status-checks: 20", "before-status-checks: 5")
    clone.edit_profile("restore=4", "restore=1")
    return clone


@pytest.fixture
def clone(undisturbed: Clone, tmp_path: Path) -> Iterator[Clone]:
    """Copy the finished clone, for a test to change and run; ends what the test left running."""
    shutil.copytree(undisturbed.folder, tmp_path / "stemjax", symlinks=True)
    clone = Clone(tmp_path / "stemjax")
    yield clone
    clone.kill()
