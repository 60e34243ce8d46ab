"""Acquisitions of known content for the tests of reading and converting."""

from pathlib import Path

import pytest

from tests.io.velox_files import Files, make_files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write four frames, which the test may spoil."""
    return make_files(tmp_path / "raw")


@pytest.fixture(scope="session")
def long_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Write two full shards and a part of a third."""
    return make_files(tmp_path_factory.mktemp("long"), frames=120)
