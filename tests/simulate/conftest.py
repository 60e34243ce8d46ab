"""Two simulated acquisitions that the tests share: a field of view at rest, a heating series."""

from collections.abc import Callable

import h5py
import numpy as np
import pytest

from stemjax.config import Simulate
from stemjax.simulate.experiment import Paths, simulate_acquisition


@pytest.fixture(scope="session")
def stack() -> Callable[..., np.ndarray]:
    """Read the frames (t, y, x) of a Velox file with plain h5py."""

    def read(path: object) -> np.ndarray:
        with h5py.File(str(path)) as file:
            (image,) = file["Data/Image"].values()
            return np.moveaxis(image["Data"][...], -1, 0)

    return read


@pytest.fixture(scope="session")
def settings() -> Simulate:
    return Simulate(size=128, frames=50, series_frames=40, seed=2)


@pytest.fixture(scope="session")
def field(settings: Simulate, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Simulate a field of view at rest."""
    folder = tmp_path_factory.mktemp("field")
    paths = Paths(folder / "rapid.emd", folder / "slow.emd", folder / "truth.h5")
    simulate_acquisition(settings, "a1", "s1", series=False, paths=paths)
    return paths


@pytest.fixture(scope="session")
def series(settings: Simulate, tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Simulate a heating series."""
    folder = tmp_path_factory.mktemp("series")
    paths = Paths(folder / "rapid.emd", folder / "slow.emd", folder / "truth.h5")
    simulate_acquisition(settings, "h1", "s1", series=True, paths=paths)
    return paths
