"""What every test runs under: shapes checked at each call, strict JAX, two pretended devices."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[1]

# By environment, not jax.config: tests that need no JAX then do not import it, and the processes
# that tests start run alike.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
os.environ.setdefault("JAX_NUMPY_DTYPE_PROMOTION", "strict")
os.environ.setdefault("JAX_NUMPY_RANK_PROMOTION", "raise")

install_import_hook("stemjax", "beartype.beartype")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Give the folder of recorded files, which lies beside the repository."""
    root, git = ROOT, ROOT / ".git"
    if git.is_file():  # a worktree: "gitdir: REPOSITORY/.git/worktrees/NAME"
        gitdir = git.read_text().removeprefix("gitdir:").strip()
        root = (ROOT / gitdir).resolve().parents[2]
    folder = root.parent / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip(f"recorded files are not part of the repository and {folder} does not exist")
    return folder
