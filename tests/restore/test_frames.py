"""Restoring a block of frames, against the formula of its scale."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.ndimage import map_coordinates

from stemjax.distortion.map import DistortionMap
from stemjax.model.parameters import load_parameters
from stemjax.restore.frames import Restore, bind, load_network
from tests.handmade import Handmade, canvas, settings, straight, view

SCALE = {
    "rapid_offset": 1_000.0,
    "rapid_scale": 256.0,
    "target_offset": 5_000.0,
    "target_scale": 192.0,
}


def restore_with(
    folder: Path,
    shape: tuple[int, int],
    distortion: DistortionMap | None = None,
    *,
    correct: bool = True,
    **model: float,
) -> Restore:
    """Make the restoration of frames of a shape; without `last` the network changes nothing."""
    record = Handmade(folder).model("m", settings(correct=correct), SCALE, **model)
    return bind(load_network(record.parent), distortion or straight(shape[1]), shape[0])


@pytest.mark.parametrize("shape", [(32, 32), (21, 35)])
@pytest.mark.parametrize("count", [1, 5])
def test_a_network_that_changes_nothing_gives_the_frames_in_the_slow_scans_scale(
    tmp_path: Path, shape: tuple[int, int], count: int
) -> None:
    frames = np.random.default_rng(0).integers(0, 65536, (count, *shape)).astype(np.uint16)
    frames[0, 0, :4] = (0, 65535, 1001, 1002)
    restored = restore_with(tmp_path, shape)(frames)
    normalised = (frames.astype(float) - 1_000) / 256
    expected = np.clip(np.rint(normalised * 192 + 5_000), 0, 65535)
    np.testing.assert_array_equal(restored, expected)
    assert restored.dtype == np.uint16
    assert restored[0, 0, :4].tolist() == [4250, 53401, 5001, 5002]  # 5000.75 and 5001.5


def test_by_extremes_a_frame_goes_by_its_own_to_those_of_the_targets(tmp_path: Path) -> None:
    """From minimum and maximum of the frame as recorded to 4,000 and 10,000 of the targets."""
    scale = dict(rapid_offset=None, rapid_scale=None, target_offset=7_000.0, target_scale=3_000.0)
    record = Handmade(tmp_path).model("m", settings(scale="minmax"), scale)
    frames = np.full((3, 8, 6), 150, np.uint16)
    frames[:2, 2, :3] = [[100, 125, 200], [0, 125, 600]]
    restored = bind(load_network(record.parent), straight(6), 8)(frames)
    assert restored[0, 2].tolist() == [4_000, 5_500, 10_000, 7_000, 7_000, 7_000]
    assert restored[1, 2].tolist() == [4_000, 5_250, 10_000, 5_500, 5_500, 5_500]
    assert np.all(restored[2] == 7_000)  # a blank frame has neither


def test_values_beyond_16_bits_are_clipped(tmp_path: Path) -> None:
    wide = {**SCALE, "target_offset": 0.0, "target_scale": 512.0}
    record = Handmade(tmp_path).model("m", settings(), wide)
    frames = np.array([0, 500, 1_000, 30_000, 65535], np.uint16) * np.ones((1, 8, 5), np.uint16)
    restored = bind(load_network(record.parent), straight(5), 8)(frames)
    assert restored[0, 3].tolist() == [0, 0, 0, 58_000, 65535]


def test_a_map_is_applied_before_the_network(tmp_path: Path) -> None:
    """A stretched frame is sampled with cubic splines, as SciPy does far from the edge."""
    columns = 3.3 + 0.9 * np.arange(48.0)
    distortion = DistortionMap(columns, np.ones(48, bool), 1.25, np.full(48, 0.1))
    frame = view(canvas(3, 48))
    restored = restore_with(tmp_path, (48, 48), distortion)(frame[None])[0]
    y, x = np.meshgrid(np.arange(48) + 1.25, columns, indexing="ij")
    sampled = map_coordinates(frame.astype(float), [y, x], order=3, mode="mirror")
    expected = (sampled - 1_000) / 256 * 192 + 5_000
    np.testing.assert_allclose(restored[10:38, 10:38], expected[10:38, 10:38], atol=3)


def test_a_map_is_applied_after_a_network_that_learned_in_rapid_geometry(tmp_path: Path) -> None:
    """What the network makes of the frame as recorded, sampled with SciPy's cubic splines."""
    columns = 3.3 + 0.9 * np.arange(48.0)
    distortion = DistortionMap(columns, np.ones(48, bool), 1.25, np.full(48, 0.1))
    frame = view(canvas(3, 48))
    y, x = np.meshgrid(np.arange(48) + 1.25, columns, indexing="ij")
    inside = (slice(10, 38), slice(10, 38))

    def restored(name: str, **how: Any) -> np.ndarray:
        restore = restore_with(tmp_path / name, (48, 48), last=0.01, **how)
        return restore(frame[None])[0].astype(float)

    after = restored("after", distortion=distortion, correct=False)
    parameters = tmp_path / "after/results/models/m/parameters.safetensors"
    network = nnx.merge(*load_parameters(parameters, settings().unet))
    normalised = (frame.astype(np.float32) - np.float32(1_000)) / np.float32(256)
    alone = np.asarray(network(jnp.asarray(normalised)[None, ..., None]), float)[0, ..., 0]
    alone = alone * 192 + 5_000
    expected = map_coordinates(alone, [y, x], order=3, mode="mirror")
    np.testing.assert_allclose(after[inside], expected[inside], atol=3)
    np.testing.assert_allclose(restored("alone", correct=False), alone, atol=0.51)
    # Network and map do not commute, so that their order shows.
    before = restored("before", distortion=distortion)
    assert np.abs(after - before)[inside].max() > 30


@pytest.mark.parametrize("shape", [(32, 32), (21, 35)])
def test_a_frame_is_restored_alike_wherever_it_stands(
    tmp_path: Path, shape: tuple[int, int]
) -> None:
    """Bit for bit: one of 16 bits is finer here than what float32 could leave uncertain twice."""
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 65536, (5, *shape)).astype(np.uint16)
    restore = restore_with(tmp_path, shape, last=0.01)
    together = restore(frames)
    assert np.mean((together > 0) & (together < 65535)) > 0.9
    unchanged = (frames.astype(float) - 1_000) / 256 * 192 + 5_000
    assert np.mean(np.abs(together - unchanged) > 10) > 0.9
    for k in range(5):
        np.testing.assert_array_equal(restore(frames[k : k + 1])[0], together[k])
    np.testing.assert_array_equal(restore(frames[::-1].copy())[::-1], together)
    other = rng.integers(0, 65536, (2, *shape)).astype(np.uint16)
    among_others = restore(np.stack([other[0], frames[0], other[1]]))
    np.testing.assert_array_equal(among_others[1], together[0])


def test_an_odd_frame_is_a_part_of_the_even_one_that_goes_on_by_reflection(tmp_path: Path) -> None:
    odd = view(canvas(4, 35))[None]
    even = np.pad(odd, ((0, 0), (0, 1), (0, 1)), mode="reflect")
    restored = restore_with(tmp_path / "odd", (35, 35), last=0.01)(odd)
    expected = restore_with(tmp_path / "even", (36, 36), last=0.01)(even)
    np.testing.assert_allclose(restored.astype(int), expected[:, :35, :35].astype(int), atol=1)
