"""Simulated acquisitions as files: reproducible, and with the truth about them."""

import csv
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from stemjax.config import Simulate
from stemjax.simulate.acquire import line_time_us
from stemjax.simulate.experiment import (
    Paths,
    session_microscope,
    simulate_acquisition,
    simulate_log,
)

SMALL = Simulate(size=64, frames=3, series_frames=3, seed=1)
Stack = Callable[[Path], np.ndarray]


def simulate(folder: Path, settings: Simulate, acquisition: str, session: str) -> Paths:
    paths = Paths(folder / "rapid.emd", folder / "slow.emd", folder / "truth.h5")
    simulate_acquisition(settings, acquisition, session, series=False, paths=paths)
    return paths


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return simulate(tmp_path_factory.mktemp("small"), SMALL, "a1", "s1")


def test_the_same_seed_gives_the_same_frames(small: Paths, tmp_path: Path, stack: Stack) -> None:
    again = simulate(tmp_path, SMALL, "a1", "s1")
    assert stack(again.rapid).tobytes() == stack(small.rapid).tobytes()
    assert stack(again.slow).tobytes() == stack(small.slow).tobytes()
    with h5py.File(again.truth) as one, h5py.File(small.truth) as other:
        for name in ("clean", "columns", "offset"):
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("seed", "acquisition", "session"), [(2, "a1", "s1"), (1, "a2", "s1"), (1, "a1", "s2")]
)
def test_another_seed_acquisition_or_session_gives_other_frames(
    small: Paths, tmp_path: Path, stack: Stack, seed: int, acquisition: str, session: str
) -> None:
    settings = SMALL.model_copy(update={"seed": seed})
    other = simulate(tmp_path, settings, acquisition, session)
    different = stack(other.rapid) != stack(small.rapid)
    assert different.mean() > 0.9


def test_acquisitions_of_a_session_share_its_distortion(small: Paths, tmp_path: Path) -> None:
    mate = simulate(tmp_path / "mate", SMALL, "a2", "s1")
    stranger = simulate(tmp_path / "stranger", SMALL, "a1", "s2")
    columns = []
    for paths in (small, mate, stranger):
        with h5py.File(paths.truth) as truth:
            columns.append(truth["columns"][...])
    np.testing.assert_array_equal(columns[0], columns[1])
    assert np.abs(columns[0] - columns[2]).max() > 0.3


def test_the_truth_tells_of_frames_map_offsets_and_detector(
    field: Paths, settings: Simulate, stack: Stack
) -> None:
    curve = session_microscope(settings, "s1").curve
    with h5py.File(field.truth) as truth:
        assert truth["clean"].shape == stack(field.rapid).shape == (50, 128, 128)
        np.testing.assert_array_equal(truth["columns"], curve.columns())
        assert np.isfinite(truth["columns"]).all()
        assert truth["row_shift"][()] == curve.row_shift
        assert truth["offset"].shape == (50, 2)
        weights, decays = truth["exponentials"][...].T
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(sorted(decays), [0.12, 0.45, 2.0, 80.0])


def test_the_clean_truth_is_what_the_slow_scan_shows(field: Paths, stack: Stack) -> None:
    (slow,) = stack(field.slow).astype(float)
    with h5py.File(field.truth) as truth:
        clean, offset = truth["clean"][-1].astype(float), truth["offset"][-1]
    # The last frame shows at p what the slow scan shows at p + offset.
    moved = shift(clean, offset, order=3, mode="nearest")
    inner = np.s_[8:-8, 8:-8]
    smooth = [gaussian_filter(image, 2)[inner] for image in (slow, moved)]
    assert (smooth[0] - smooth[1]).std() < 0.1 * smooth[1].std()
    assert smooth[0].mean() == pytest.approx(smooth[1].mean(), rel=0.01)


def test_a_field_at_rest_stays_within_a_pixel(field: Paths) -> None:
    with h5py.File(field.truth) as truth:
        offset = truth["offset"][...]
    assert 0.01 < np.abs(offset - offset.mean(axis=0)).max() < 1


def test_the_drift_of_a_series_ends_at_the_slow_scan(series: Paths, settings: Simulate) -> None:
    with h5py.File(series.truth) as truth:
        offset = truth["offset"][...]
    assert np.abs(offset[-1]).max() < 4  # the slow scan's own setting, 0.8 px rms
    way = np.abs(offset - offset[-1]).max()
    assert 1 < way <= 0.04 * settings.size


def test_what_changes_between_frames_lies_beside_moving_lines(series: Paths, field: Paths) -> None:
    """Of the change in four frames, drift taken off, most is where the truth says so."""
    with h5py.File(field.truth) as truth:
        assert "moving" not in truth
    with h5py.File(series.truth) as truth:
        clean, offset = truth["clean"][...].astype(float), truth["offset"][...]
        moving = truth["moving"][...]
    place = (offset + np.concatenate([offset[1:], offset[-1:]])) / 2
    inner, inside, outside = np.s_[10:-10, 10:-10], [], []
    for frame in range(2, len(clean) - 2):
        around = [shift(clean[k], place[k] - place[frame], order=3) for k in (frame - 2, frame + 2)]
        change = np.abs(around[0] - around[1])[inner]
        inside += [change[moving[frame][inner]]]
        outside += [change[~moving[frame][inner]]]
    assert 0.005 < moving.mean() < 0.4
    assert np.concatenate(inside).mean() > 4 * np.concatenate(outside).mean()


def test_the_specimen_of_a_series_changes(series: Paths, field: Paths) -> None:
    changes = []
    for paths in (series, field):
        with h5py.File(paths.truth) as truth:
            clean, offset = truth["clean"][...].astype(float), truth["offset"][...]
        first = shift(clean[0], offset[0] - offset[-1], order=3, mode="nearest")
        inner = np.s_[10:-10, 10:-10]
        changes.append((clean[-1] - first)[inner].std() / clean[-1][inner].std())
    assert changes[0] > 0.1
    assert changes[1] < 0.05


def test_the_slow_scan_of_a_series_shows_its_final_state(series: Paths, stack: Stack) -> None:
    (slow,) = stack(series.slow).astype(float)
    with h5py.File(series.truth) as truth:
        clean, offset = truth["clean"][...].astype(float), truth["offset"][...]
    inner = np.s_[10:-10, 10:-10]
    rest = [
        gaussian_filter(shift(clean[k], offset[k], order=3, mode="nearest") - slow, 2)[inner].std()
        for k in (0, -1)
    ]
    assert rest[1] < 0.5 * rest[0]
    assert rest[1] < 0.1 * slow.std()


def test_the_log_tells_time_and_rising_temperature(tmp_path: Path, settings: Simulate) -> None:
    simulate_log(settings, tmp_path / "log.csv")
    with open(tmp_path / "log.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["time_s", "temperature_C"]
    times, degrees = np.array(rows, float).T
    whole = settings.series_frames * settings.size * line_time_us(settings.size, 0.1) * 1e-6
    assert times[0] == 0
    assert times[-1] >= whole > times[-2]
    np.testing.assert_allclose(np.diff(times), 0.33, atol=2e-3)
    assert degrees[0] == 90
    assert (np.diff(degrees) >= 0).all()


def test_a_picture_can_be_the_specimen(tmp_path: Path, realdata: Path, stack: Stack) -> None:
    picture = SMALL.model_copy(update={"specimen": str(realdata / "ti_insitu_1751.png")})
    paths = simulate(tmp_path, picture, "a1", "s1")
    (slow,) = stack(paths.slow).astype(float)
    with h5py.File(paths.truth) as truth:
        clean, offset = truth["clean"][-1].astype(float), truth["offset"][-1]
    moved = shift(clean, offset, order=3, mode="nearest")
    assert np.corrcoef(slow[8:-8, 8:-8].ravel(), moved[8:-8, 8:-8].ravel())[0, 1] > 0.8


def test_no_current_gives_dark_files(tmp_path: Path, stack: Stack) -> None:
    paths = simulate(tmp_path, SMALL.model_copy(update={"current_pa": 0.0}), "a1", "s1")
    assert stack(paths.rapid).mean() == pytest.approx(9500, abs=1)
    with h5py.File(paths.truth) as truth:
        assert (truth["clean"][...] == 9500).all()


def test_a_single_frame_is_a_series_too(tmp_path: Path, stack: Stack) -> None:
    paths = Paths(*(tmp_path / name for name in ("r.emd", "s.emd", "t.h5")))
    one = SMALL.model_copy(update={"series_frames": 1})
    simulate_acquisition(one, "h1", "s1", series=True, paths=paths)
    assert stack(paths.rapid).shape == (1, 64, 64)
