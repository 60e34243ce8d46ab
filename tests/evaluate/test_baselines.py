"""Filters, and the choice of their strength."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.distortion.lag import Lag
from stemjax.distortion.map import warp_matrices
from stemjax.evaluate.baselines import BASELINES, SIGMAS_PX, nlm, strongest
from tests.handmade import canvas, references, straight, view

NOISY = (view(canvas(0)) + np.random.default_rng(0).normal(0, 2_000, (64, 64))).astype(np.float32)
FRAMES = np.stack([np.zeros_like(NOISY), NOISY])
FREE = [name for name in BASELINES if not name.startswith("bm3d")]


@pytest.mark.parametrize("kind", ["slow", "truth", "dcfi"])
@pytest.mark.parametrize("sigma", SIGMAS_PX)
def test_the_strength_that_comes_closest_is_chosen(kind: str, sigma: float) -> None:
    """Contrast and brightness do not count, nor other frames, nor what lies outside."""
    blurred = gaussian_filter(NOISY, sigma)
    target = 0.3 * blurred + 50
    target[:8], target[:, 56:] = NOISY[:8], NOISY[:, 56:]
    known = references(FRAMES, **{kind: [None, target]}, mapped=kind != "dcfi")
    chosen = BASELINES["gaussian"](known)
    np.testing.assert_allclose(chosen(FRAMES)[1], blurred, rtol=1e-4)


def test_the_slow_scan_decides_where_there_is_a_truth_as_well() -> None:
    slow, truth = gaussian_filter(NOISY, 3.0), gaussian_filter(NOISY, 0.7)
    chosen = BASELINES["gaussian"](references(FRAMES, slow=[None, slow], truth=[None, truth]))
    np.testing.assert_allclose(chosen(FRAMES)[1], slow, rtol=1e-4)


def test_without_anything_to_compare_with_the_middle_strength_is_taken() -> None:
    filters = [lambda frames, k=k: k * frames for k in range(5)]
    assert strongest(filters, references(FRAMES)) is filters[2]


def test_non_local_means_keeps_an_edge_and_removes_the_noise() -> None:
    rng = np.random.default_rng(1)
    step = np.where(np.arange(40) < 20, 100.0, 300.0) * np.ones((40, 1))
    filtered = nlm(step + rng.normal(0, 10, (40, 40)), 20.0)
    assert np.abs(filtered - step)[:, 10:30].max() < 15
    assert np.std((filtered - step)[5:35, 5:15]) < 4


def test_non_local_means_follows_the_acquisition_s_contrast() -> None:
    scaled = (0.01 * FRAMES + 7).astype(np.float32)
    make = BASELINES["nlm"]
    np.testing.assert_allclose(
        make(references(scaled))(scaled)[1], 0.01 * make(references(FRAMES))(FRAMES)[1] + 7, 1e-4
    )


@pytest.mark.parametrize("name", FREE)
def test_an_empty_field_of_view_is_filtered_as_the_acquisition_is(name: str) -> None:
    """A filter that adapts to each frame would keep the noise where there is nothing else."""
    scene = view(canvas(2, 128)).astype(float)
    noise = np.random.default_rng(3).normal(0, 800, (3, 128, 128))
    frames = (scene + noise).astype(np.float32)
    chosen = BASELINES[name](references(frames, truth=[scene] * 3))
    quiet = np.clip(20_000 + 0.5 * noise, 0, 65535).astype(np.uint16)
    assert np.std(chosen(quiet)[0][8:-8, 8:-8]) < 0.5 * quiet[0].std()


@pytest.mark.parametrize("name", FREE)
def test_frames_that_are_blank_stay_blank(name: str) -> None:
    blank = np.full((2, 64, 64), 5.0, np.float32)
    np.testing.assert_allclose(BASELINES[name](references(blank))(blank), blank, rtol=1e-4)


@pytest.mark.parametrize("name", FREE)
def test_filtered_frames_are_undistorted(name: str) -> None:
    """The map takes a displacement by the lag back, which the Wiener filter has undone before."""
    scene, lag = view(canvas(4, 96)), Lag((0.3, 0.8), (0.9, 0.1), 0.05, 0.1)
    late = lag.displacement_px()
    the_map = replace(straight(96, shift=2.0), late=late)
    stream = np.convolve(
        np.pad(np.roll(scene, 2, axis=1).ravel(), (256, 0), mode="wrap"), lag.kernel()
    )
    raw = stream[256 : 256 + scene.size].reshape(1, 96, 96).astype(np.float32)
    raw = np.repeat(raw, 2, axis=0) + np.random.default_rng(5).normal(0, 20, (2, 96, 96))
    known = references(raw.astype(np.float32), truth=[scene.astype(float)] * 2, lag=lag)
    known = replace(known, distortion=the_map, warp=warp_matrices(the_map, 96))
    found = BASELINES[name](known)(known.raw)[0][16:-16, 16:-16]
    error = np.std(found - scene[16:-16, 16:-16]) / scene.std()
    assert error < (0.1 if name == "wiener" else 0.7)


def test_without_a_map_nothing_is_deconvolved() -> None:
    assert BASELINES["wiener"](references(FRAMES, mapped=False)) is None
