"""Measurements: of which frames, and how they reach the table."""

import csv
from pathlib import Path

import numpy as np
import pytest

from stemjax.config import Evaluate
from stemjax.evaluate.references import References
from stemjax.evaluate.table import (
    collect_metrics,
    evaluate_baselines,
    evaluate_restored,
    measure,
    read_metrics,
)
from stemjax.provenance import write_json
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, references, straight, view

INSIDE = (slice(8, 56), slice(8, 56))


def compared(
    slow: list[np.ndarray | None], truth: list[np.ndarray | None] | None = None
) -> References:
    """Give references of as many frames as there are slow scans, numbered from 10."""
    return references(np.zeros((len(slow), 64, 64)), slow=slow, truth=truth or [], first=10)


def noisy(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make a scan, and a noisy frame of it with another contrast and nothing at its border."""
    scan = view(canvas(seed)).astype(float)
    frame = np.zeros((64, 64))
    noise = np.random.default_rng(seed).normal(0, 60, (64, 64))
    frame[INSIDE] = 0.5 * (scan + noise)[INSIDE] + 7
    return scan, frame


def test_frames_are_measured_inside_and_after_a_fit_of_intensity() -> None:
    scan, frame = noisy(1)
    rows = measure("m", [frame], compared([scan]))
    assert [row[:3] for row in rows] == [
        [10, "m", "psnr_slow"],
        [10, "m", "ssim_slow"],
        [10, "m", "psnr_paper"],
    ]
    part, x = scan[INSIDE], frame[INSIDE]
    rest = part - np.polyval(np.polyfit(x.ravel(), part.ravel(), 1), x)
    span = np.subtract(*np.percentile(part, [99.9, 0.1]))
    assert rows[0][3] == pytest.approx(10 * np.log10(span**2 / np.mean(rest**2)), abs=1e-3)
    stretched = [(i - i.min()) / np.ptp(i) for i in (x, part)]
    paper = -10 * np.log10(np.mean((stretched[0] - stretched[1]) ** 2))
    assert rows[2][3] == pytest.approx(paper, abs=1e-3)


def test_a_displacement_does_not_count_against_a_method() -> None:
    specimen = canvas(2)
    scan, behind = view(specimen).astype(float), view(specimen, 1, -4)
    psnr_slow = measure("m", [behind], compared([scan]))[0][3]
    assert psnr_slow > 35  # in its own place the scan differs by as much as its contrast: 12 dB


def test_only_what_there_is_is_compared() -> None:
    scan, frame = noisy(1)
    rows = measure("m", [frame, None, frame], compared([None, scan, scan], [scan, None, scan]))
    assert [(row[0], row[2]) for row in rows] == [
        (10, "psnr_truth"),
        (10, "ssim_truth"),
        (12, "psnr_slow"),
        (12, "ssim_slow"),
        (12, "psnr_paper"),
        (12, "psnr_truth"),
        (12, "ssim_truth"),
    ]


def test_blank_frames_and_scans_give_no_numbers_that_json_cannot_hold(tmp_path: Path) -> None:
    scan, frame = noisy(1)
    blank = np.full((64, 64), 3.0)
    equal = scan.copy()
    rows = measure("m", [blank, frame, equal], compared([scan, blank, scan]))
    assert {(row[0], row[2]) for row in rows if row[0] != 12} == {
        (10, "psnr_slow"),
        (10, "ssim_slow"),
        (10, "psnr_paper"),
    }
    assert all(np.isfinite(row[3]) for row in rows)
    assert (12, "ssim_slow") in {(row[0], row[2]) for row in rows}
    write_json(tmp_path / "rows.json", rows)


def acquisition(folder: Path) -> tuple[Handmade, list[Path]]:
    """Store four noisy frames and what they are compared with."""
    handmade, specimen = Handmade(folder), canvas(5)
    rng = np.random.default_rng(5)
    frames = view(specimen) + rng.normal(0, 3_000, (4, 64, 64))
    paths = [
        handmade.converted("a", frames.clip(0).astype(np.uint16), view(specimen)),
        handmade.dcfi("a", view(specimen), np.zeros((4, 2))),
        handmade.map("s", straight(64)),
    ]
    return handmade, paths


ROW = Acquisition("a", "s", "test", "a.emd", "a_slow.emd")


def mean_of(rows: list[list], method: str, metric: str) -> float:
    """Average a metric over frames."""
    values = [row[3] for row in rows if row[1:3] == [method, metric]]
    assert len(values) == 2
    return float(np.mean(values))


def test_filters_and_integration_are_measured_beside_the_frames(tmp_path: Path) -> None:
    _, paths = acquisition(tmp_path)
    record = evaluate_baselines(ROW, *paths, Evaluate(baselines=("gaussian", "nlm"), frames=2))
    rows = record["rows"]
    assert {row[0] for row in rows} == {0, 3}
    assert list(dict.fromkeys(row[1] for row in rows)) == ["rapid", "dcfi", "gaussian", "nlm"]
    raw = mean_of(rows, "rapid", "psnr_slow")
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    # Shrinking noisy frames to their mean, least squares gain a little over the noise.
    assert 0 < raw - 20 * np.log10(span / 3_000) < 3
    assert mean_of(rows, "gaussian", "psnr_slow") > raw + 2
    assert mean_of(rows, "dcfi", "ssim_slow") > 0.99
    assert evaluate_baselines(ROW, *paths, Evaluate(frames=2))["digest"] == record["digest"]


def test_restored_frames_are_measured_under_their_models_name(tmp_path: Path) -> None:
    handmade, paths = acquisition(tmp_path)
    rng = np.random.default_rng(6)
    noise = np.array([300, 0, 0, 600])[:, None, None] * rng.standard_normal((4, 64, 64))
    restored = handmade.restored("dlf", "a", (view(canvas(5)) + noise).astype(np.uint16))
    rows = evaluate_restored(ROW, *paths, restored, Evaluate(frames=2))["rows"]
    assert {(row[0], row[1]) for row in rows} == {(0, "dlf"), (3, "dlf")}
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    found = [row[3] for row in rows if row[2] == "psnr_slow"]
    assert found == pytest.approx([20 * np.log10(span / sigma) for sigma in (300, 600)], abs=0.5)


def test_without_a_map_frames_are_measured_against_their_integration(tmp_path: Path) -> None:
    """As recorded: the noise of the frames, 3,000, and of what a model left, 300."""
    handmade, paths = acquisition(tmp_path)
    handmade.refused("distortion/s.json", "no map")
    chosen = Evaluate(baselines=("gaussian",), frames=2)
    rng = np.random.default_rng(6)
    frames = view(canvas(5)) + rng.normal(0, 300, (4, 64, 64))
    restored = handmade.restored("dlf", "a", frames.astype(np.uint16), "rapid")
    rows = evaluate_baselines(ROW, *paths, chosen)["rows"]
    rows += evaluate_restored(ROW, *paths, restored, chosen)["rows"]
    assert list(dict.fromkeys(row[1] for row in rows)) == ["rapid", "gaussian", "dlf"]
    assert {row[2] for row in rows} == {"psnr_dcfi", "ssim_dcfi"}
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    raw = mean_of(rows, "rapid", "psnr_dcfi")
    assert 0 < raw - 20 * np.log10(span / 3_000) < 3
    assert mean_of(rows, "gaussian", "psnr_dcfi") > raw + 2
    expected = pytest.approx(20 * np.log10(span / 300), abs=0.5)
    assert mean_of(rows, "dlf", "psnr_dcfi") == expected


def test_all_measurements_become_one_table_without_those_refused(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    records = [
        handmade.record("evaluation/a/baselines.json", rows=[[0, "rapid", "psnr_slow", 20.5]]),
        handmade.refused("evaluation/b/baselines.json", "no map"),
        handmade.record("evaluation/c/dlf.json", rows=[[3, "dlf", "ssim_slow", 0.5]]),
    ]
    table = tmp_path / "evaluation" / "metrics.csv"
    collect_metrics(records, table)
    with open(table, newline="") as file:
        assert list(csv.reader(file)) == [
            ["acquisition", "frame", "method", "metric", "value"],
            ["a", "0", "rapid", "psnr_slow", "20.5"],
            ["c", "3", "dlf", "ssim_slow", "0.5"],
        ]
    assert read_metrics(table)[1]["value"] == "0.5"
