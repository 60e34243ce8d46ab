"""Evaluation of an acquisition: which methods, and how their numbers are kept."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.config import Evaluate
from stemjax.evaluate import methods
from stemjax.evaluate.methods import evaluate_baselines, evaluate_restored
from stemjax.io.store import open_store
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, settings, straight, view

INSIDE = (slice(8, 56), slice(8, 56))


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


SCALE = {"rapid_offset": 20_000.0, "rapid_scale": 4_000.0}
SCALE |= {"target_offset": 20_000.0, "target_scale": 4_000.0}


def restored_by(handmade: Handmade, frames: np.ndarray, geometry: str = "slow") -> list[Path]:
    """Store restored frames and a network that leaves frames as they are."""
    return [
        handmade.restored("dlf", "a", frames.clip(0, 65_535).astype(np.uint16), geometry),
        handmade.model("dlf", settings(), SCALE),
    ]


def mean_of(rows: list[list], method: str, metric: str) -> float:
    """Average a metric over two frames."""
    values = [row[3] for row in rows if row[1:3] == [method, metric]]
    assert len(values) == 2
    return float(np.mean(values))


def test_filters_and_integration_are_measured_beside_the_frames(tmp_path: Path) -> None:
    _, paths = acquisition(tmp_path)
    chosen = Evaluate(baselines=("gaussian", "nlm", "wiener"), frames=2)
    record = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")
    rows = record["rows"]
    assert {row[0] for row in rows if not row[2].startswith("false")} == {0, 3}
    order = ["rapid", "dcfi", "gaussian", "nlm", "wiener"]
    assert list(dict.fromkeys(row[1] for row in rows)) == order
    raw = mean_of(rows, "rapid", "psnr_slow")
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    # Shrinking noisy frames to their mean, least squares gain a little over the noise.
    assert 0 < raw - 20 * np.log10(span / 3_000) < 3
    assert mean_of(rows, "gaussian", "psnr_slow") > raw + 2
    assert mean_of(rows, "wiener", "psnr_slow") > raw + 2
    assert mean_of(rows, "dcfi", "ssim_slow") > 0.99
    again = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")
    assert again["digest"] == record["digest"]


def test_the_last_frame_and_its_curves_are_kept_for_pictures(tmp_path: Path) -> None:
    handmade, paths = acquisition(tmp_path)
    chosen = Evaluate(baselines=("gaussian",), frames=2)
    record = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")
    store, _ = open_store(tmp_path / "baselines.zarr")
    assert set(store) == {"rapid", "dcfi", "gaussian"}
    recorded = open_store(handmade.results / "converted/a.zarr")[0]["rapid"][3]
    np.testing.assert_allclose(store["rapid"][...], recorded, atol=0.01)
    assert list(record["curves"]) == ["rapid", "dcfi", "gaussian", "slow"]
    assert list(record["curves"]["slow"]) == ["per_um", "horizontal"]


def test_slow_filters_are_measured_on_few_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, paths = acquisition(tmp_path)
    monkeypatch.setitem(methods.BASELINES, "bm3d", methods.BASELINES["gaussian"])
    for count, expected in ((1, {3}), (2, {0, 3}), (9, {0, 1, 2, 3})):
        chosen = Evaluate(baselines=("bm3d",), frames=4, bm3d_frames=count)
        rows = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")["rows"]
        assert {row[0] for row in rows if row[1:3] == ["bm3d", "psnr_slow"]} == expected
        assert {row[0] for row in rows if row[1:3] == ["rapid", "psnr_slow"]} == {0, 1, 2, 3}
        assert [row[0] for row in rows if row[1:3] == ["bm3d", "false_lines_blank"]] == [0]


def test_restored_frames_are_measured_under_their_models_name(tmp_path: Path) -> None:
    handmade, paths = acquisition(tmp_path)
    rng = np.random.default_rng(6)
    noise = np.array([300, 0, 0, 600])[:, None, None] * rng.standard_normal((4, 64, 64))
    restored = restored_by(handmade, view(canvas(5)) + noise)
    rows = evaluate_restored(ROW, *paths, *restored, Evaluate(frames=2))["rows"]
    assert {(row[0], row[1]) for row in rows if "false" not in row[2]} == {(0, "dlf"), (3, "dlf")}
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    found = [row[3] for row in rows if row[2] == "psnr_slow"]
    assert found == pytest.approx([20 * np.log10(span / sigma) for sigma in (300, 600)], abs=0.5)


def test_a_network_that_leaves_noise_makes_as_many_lines_of_it_as_there_are(
    tmp_path: Path,
) -> None:
    """It gives frames back as they are: the false lines are those of the rapid frames."""
    handmade, paths = acquisition(tmp_path)
    chosen = Evaluate(baselines=("gaussian",), frames=2)
    rows = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")["rows"]
    frames = open_store(handmade.results / "converted/a.zarr")[0]["rapid"][...]
    rows += evaluate_restored(ROW, *paths, *restored_by(handmade, frames), chosen)["rows"]

    def lines(method: str, kind: str) -> list[float]:
        return [row[3] for row in rows if row[1:3] == [method, f"false_lines_{kind}"]]

    assert lines("dlf", "blank") == pytest.approx(lines("rapid", "blank"), rel=0.2)
    assert sum(lines("rapid", "blank")) > 0
    assert lines("dcfi", "blank") == [0, 0, 0]
    assert lines("dlf", "dark") == lines("rapid", "dark") == [0, 0, 0]


def test_without_a_map_frames_are_measured_against_their_integration(tmp_path: Path) -> None:
    """As recorded: the noise of the frames, 3,000, and of what a model left, 300."""
    handmade, paths = acquisition(tmp_path)
    handmade.refused("distortion/s.json", "no map")
    chosen = Evaluate(baselines=("gaussian", "wiener"), frames=2)
    rng = np.random.default_rng(6)
    frames = view(canvas(5)) + rng.normal(0, 300, (4, 64, 64))
    restored = restored_by(handmade, frames, "rapid")
    record = evaluate_baselines(ROW, *paths, chosen, tmp_path / "baselines.zarr")
    rows = record["rows"] + evaluate_restored(ROW, *paths, *restored, chosen)["rows"]
    assert list(dict.fromkeys(row[1] for row in rows)) == ["rapid", "gaussian", "dlf"]
    assert {row[2] for row in rows} == {"psnr_dcfi", "ssim_dcfi"}
    assert record["curves"] == {}
    span = np.subtract(*np.percentile(view(canvas(5))[INSIDE], [99.9, 0.1]))
    raw = mean_of(rows, "rapid", "psnr_dcfi")
    assert 0 < raw - 20 * np.log10(span / 3_000) < 3
    assert mean_of(rows, "gaussian", "psnr_dcfi") > raw + 2
    expected = pytest.approx(20 * np.log10(span / 300), abs=0.5)
    assert mean_of(rows, "dlf", "psnr_dcfi") == expected
