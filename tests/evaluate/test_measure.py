"""Measurements of a method's frames, against plain NumPy and closed forms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from stemjax.distortion.lag import Lag
from stemjax.evaluate.correlation import correlated_up_to, ring_correlation
from stemjax.evaluate.measure import curves, measure, slow_scans
from stemjax.evaluate.references import References
from stemjax.provenance import write_json
from tests.handmade import PIXEL_NM, canvas, references, view

INSIDE = (slice(8, 56), slice(8, 56))


def compared(
    slow: list[np.ndarray | None], truth: list[np.ndarray | None] | None = None
) -> References:
    """Give references of as many frames as there are slow scans, numbered from 10."""
    return references(np.zeros((len(slow), 64, 64)), slow=slow, truth=truth or [], first=10)


def values(
    frames: list[np.ndarray | None], there: References, method: str = "m", *, lags: bool = False
) -> dict[tuple[int, str], float]:
    """Measure frames; gives the values by frame and metric."""
    rows, _ = measure(method, frames, there, slow_scans(there), lags=lags)
    assert {row[1] for row in rows} <= {method}
    return {(row[0], row[2]): row[3] for row in rows}


def noisy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make a scan, and a noisy frame of it with another contrast and nothing at its border."""
    scan = view(canvas(seed)).astype(float)
    frame = np.zeros((64, 64))
    noise = np.random.default_rng(seed).normal(0, 60, (64, 64))
    frame[INSIDE] = 0.5 * (scan + noise)[INSIDE] + 7
    return scan, frame


def test_frames_are_measured_inside_and_after_a_fit_of_intensity() -> None:
    scan, frame = noisy(1)
    found = values([frame], compared([scan]))
    part, x = scan[INSIDE], frame[INSIDE]
    rest = part - np.polyval(np.polyfit(x.ravel(), part.ravel(), 1), x)
    span = np.subtract(*np.percentile(part, [99.9, 0.1]))
    expected = 10 * np.log10(span**2 / np.mean(rest**2))
    assert found[10, "psnr_slow"] == pytest.approx(expected, abs=1e-3)


def test_the_papers_psnr_is_measured_of_all_of_the_middle_and_of_the_rest() -> None:
    scan, frame = noisy(1)
    found = values([frame], compared([scan]))
    made, target = (65_535 * (i - i.min()) / np.ptp(i) for i in (frame[INSIDE], scan[INSIDE]))
    middle = (target >= 20_000) & (target <= 40_000)
    for name, where in (("", middle | True), ("_mid", middle), ("_rest", ~middle)):
        error = np.mean((made - target)[where] ** 2)
        expected = 10 * np.log10(65_535**2 / error)
        assert found[10, f"psnr_paper{name}"] == pytest.approx(expected, abs=1e-3)


def test_a_displacement_does_not_count_against_a_method() -> None:
    specimen = canvas(2)
    scan, behind = view(specimen).astype(float), view(specimen, 1, -4)
    found = values([behind], compared([scan]))
    # In its own place the scan differs by as much as its contrast: 12 dB, and no line is there.
    assert found[10, "psnr_slow"] > 35
    assert found[10, "frc_per_um"] > 100
    assert found[10, "line_recall"] > 0.95


def test_detail_is_compared_with_the_slow_scans() -> None:
    scan = view(canvas(1, 160)).astype(float)
    there = references(scan[None], slow=[scan])
    blurred = gaussian_filter(scan, 2.0)
    soft = values([blurred], there)
    inside = there.inside
    expected = correlated_up_to(*ring_correlation(blurred[inside], scan[inside], PIXEL_NM))
    assert soft[0, "frc_per_um"] == pytest.approx(expected, abs=1e-3)
    noise = np.random.default_rng(0).normal(0, 0.05, scan.shape)
    sharp = values([scan + noise], there)
    assert soft[0, "follows_per_um"] < sharp[0, "follows_per_um"] == 250  # Nyquist
    assert sharp[0, "line_width"] == pytest.approx(1, abs=0.01)
    assert soft[0, "line_width"] > 1.05
    assert sharp[0, "line_contrast"] == pytest.approx(1, abs=0.01)
    assert soft[0, "line_contrast"] < 0.95


def test_only_what_there_is_is_compared() -> None:
    scan, frame = noisy(1)
    found = values([frame, None, frame], compared([None, scan, scan], [scan, None, scan]))
    assert [metric for k, metric in found if k == 10] == ["psnr_truth", "ssim_truth", "streak_db"]
    assert {k for k, _ in found} == {10, 12}
    names = {"psnr_slow", "ssim_slow", "psnr_truth", "psnr_paper", "frc_per_um", "streak_db"}
    assert names <= {metric for k, metric in found if k == 12}


def test_blank_frames_and_scans_give_no_numbers_that_json_cannot_hold(tmp_path: Path) -> None:
    scan, frame = noisy(1)
    blank = np.full((64, 64), 3.0)
    there = compared([scan, blank, scan])
    rows, _ = measure("m", [blank, frame, scan.copy()], there, slow_scans(there), lags=False)
    assert {row[2] for row in rows if row[0] == 11} == {"streak_db"}
    assert {"psnr_slow", "ssim_slow", "psnr_paper"} <= {row[2] for row in rows if row[0] == 10}
    assert "line_offset_px" not in {row[2] for row in rows if row[0] == 10}
    assert {(row[0], row[2]) for row in rows} >= {(12, "ssim_slow"), (12, "line_recall")}
    assert all(np.isfinite(row[3]) for row in rows)
    write_json(tmp_path / "rows.json", rows)


LAG = Lag((0.4, 0.4 + 1e-9), (1.0, 0.0), 1e-6, 0.1)  # 4 pixels
IDEAL = view(canvas(4)).astype(float)


def late(
    restored: np.ndarray, method: str = "m", *, count: int = 50, lags: bool = False
) -> dict[tuple[int, str], float]:
    """Measure what was made of two late frames whose mean over `count` frames is known."""
    rng = np.random.default_rng(1)
    still = IDEAL @ references(IDEAL[None], lag=LAG).as_rapid()
    noise = rng.normal(0, 2_000, (2, 64, 64))
    average = still + noise[0] / count + rng.normal(0, 2_000 / count**0.5, (64, 64))
    there = references(still + noise, slow=[IDEAL] * 2, dcfi=[average] * 2, lag=LAG)
    frames: list[np.ndarray | None] = [restored, gaussian_filter(restored, 4.0)]
    return values(frames, replace(there, integrated=count), method, lags=lags)


def test_a_perfect_restoration_explains_the_recorded_frame_though_it_is_not_late() -> None:
    found = late(IDEAL)
    assert abs(found[0, "unexplained_percent"]) < 3
    assert found[1, "unexplained_percent"] > 10  # structure was smoothed away


def test_what_still_lags_is_not_made_to_lag_again() -> None:
    lagging = IDEAL @ references(IDEAL[None], lag=LAG).as_rapid()
    assert abs(late(lagging, lags=True)[0, "unexplained_percent"]) < 3
    assert late(lagging)[0, "unexplained_percent"] > 4


def test_a_displacement_leaves_nothing_unexplained() -> None:
    specimen = canvas(4)
    for restored in (view(specimen, 1, -4), view(specimen, -2, 3)):
        assert abs(late(restored.astype(float))[0, "unexplained_percent"]) < 6


def test_the_integration_is_not_judged_by_itself_nor_where_it_is_of_one_frame() -> None:
    assert not [metric for _, metric in late(IDEAL, "dcfi") if metric.startswith("unexpl")]
    assert not [metric for _, metric in late(IDEAL, count=1) if metric.startswith("unexpl")]


def test_each_reference_is_met_at_its_own_place() -> None:
    """Where the slow scan lies is known less well than where a simulated truth does."""
    specimen = canvas(2)
    truth, slow = view(specimen).astype(float), view(specimen, 1, 0).astype(float)
    found = values([truth + 0.0], compared([slow], [truth]))
    assert found.get((10, "psnr_truth"), 99) > 60  # else 1 px off: 18 dB
    assert found[10, "psnr_slow"] > 30


def test_what_is_farther_off_than_any_lag_displaces_was_not_recognised() -> None:
    specimen = canvas(2, 128)
    scan, far = view(specimen).astype(float), view(specimen, 0, 24).astype(float)
    found = values([far], references(scan[None], slow=[scan]))
    assert found[0, "psnr_slow"] < 20


def test_an_image_is_no_judge_of_itself() -> None:
    scan, _ = noisy(1)
    assert (10, "psnr_slow") not in values([scan], compared([scan]))
    alone = references(scan[None], dcfi=[scan], mapped=False)  # the mean of one frame
    assert values([scan], alone) == {}


def test_the_last_frames_curves_are_kept_of_it_at_its_place() -> None:
    specimen = canvas(2)
    scan, behind = view(specimen).astype(float), view(specimen, 1, -4).astype(float)
    there = compared([scan, scan])
    _, plotted = measure("m", [scan, behind], there, slow_scans(there), lags=False)
    assert plotted is not None
    assert plotted["frc"][4] > 0.7  # 4 px off: 0
    for last in (None, np.full((64, 64), 3.0)):
        assert measure("m", [scan, last], there, slow_scans(there), lags=False)[1] is None


def test_curves_are_those_of_the_frame_in_the_slow_scans_intensities() -> None:
    scan, _ = noisy(1)
    (slow,) = slow_scans(compared([scan]))
    assert slow is not None
    image = scan[INSIDE]
    plotted = curves(0.25 * image + 9, slow, PIXEL_NM)
    assert plotted["per_um"][0] == 0
    assert plotted["per_um"][-1] == 250
    np.testing.assert_allclose(plotted["horizontal"], slow.profile, atol=1e-3)
    np.testing.assert_allclose(plotted["frc"], 1, atol=1e-4)
    other = curves(view(canvas(9)).astype(float)[INSIDE], slow, PIXEL_NM)
    assert np.abs(other["frc"]).mean() < 0.5
