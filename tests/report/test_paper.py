"""Figures for a paper: what they say, what is left out and why; equal runs give equal files."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from stemjax.errors import Refused
from stemjax.provenance import read_json
from stemjax.report import paper_figures
from stemjax.report.paper.counts import workflow_stages
from stemjax.report.paper.distortion import distortion_figure
from stemjax.report.paper.field import field_images, fields, shown_field
from stemjax.report.paper.motion import sample
from stemjax.report.paper.restored import restored_figure
from stemjax.report.paper.run import paper_models, said_of_models
from stemjax.report.paper.scans import scans_figure
from stemjax.report.paper.series import series_figure
from stemjax.report.paper.spectra import spectra_figure
from stemjax.report.paper.straightness import straightness_figure
from stemjax.report.paper.workflow import workflow_figure
from tests.handmade import canvas, settings, view
from tests.report.paper_run import MODELS, PAIRS, RESTORED, SCALE, SHEET, curves, experiment


def test_a_field_is_shown_with_its_values_from_the_records(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    store = zarr.open_group(handmade.results / "converted/test-1.zarr")
    store.attrs["stemjax"] = {**store.attrs["stemjax"], "dwell_us": 0.1, "slow_dwell_us": 5.0}
    drawn = scans_figure(run)
    for said in (
        "After Fig. 1 of Ihara et al.",
        "Field of view test-1, 64 \u00d7 64 pixels, pixel size 2 nm",
        "dwell time 0.1 \u00b5s (rapid scan), dwell time 5 \u00b5s (slow scan)",
        "Rapid frame 3",
        "the mean of 4 frames",
    ):
        assert said in drawn.caption
    assert "Simulated" not in drawn.caption
    assert scans_figure(replace(run, simulated=True)).caption.endswith("Simulated data.")


def test_profiles_of_rapid_frames_are_scaled_to_the_slow_scan(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    slow = view(canvas(1))
    handmade.converted("test-1", np.stack([slow // 2] * 4), slow)
    handmade.dcfi("test-1", slow // 2, np.zeros((4, 2)))
    lines = scans_figure(run).figure.axes[3].lines
    means = [float(np.mean(line.get_ydata())) for line in lines]
    assert means == pytest.approx([slow.mean()] * 3, rel=0.15)


def test_methods_stand_side_by_side_with_what_models_learned(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    drawn = restored_figure(run)
    titles = [axes.get_title() for axes in drawn.figure.axes if axes.get_title()]
    shown = ["rapid scan (20.0 dB)", "DCFI", "of-dcfi", "of-slow (31.5 dB)", "slow scan"]
    assert titles == shown
    learned = (
        "1200 steps, 4 patches of 16 \u00d7 16 pixels in a step, 4 frames of 1 field of view. "
        "of-slow: target slow. of-dcfi: target dcfi."
    )
    assert "of-slow and of-dcfi: U-Net of 2 channels" in drawn.caption
    assert drawn.caption.count(learned) == 1
    # What a filter made is shown where it is of the same frame.
    zarr.create_group(handmade.results / "evaluation/test-1/baselines.zarr").create_array(
        "bm3d", data=np.ones((64, 64), np.float32)
    )
    for frame, there in ((3, True), (2, False)):
        rows = [[frame, "bm3d", "psnr_slow", 25.0]]
        handmade.record("evaluation/test-1/baselines.json", rows=rows)
        assert ("bm3d" in field_images(run, shown_field(run))) == there


def test_the_field_that_is_shown_gains_the_median(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    assert "the median of all" in restored_figure(run).caption
    names = ["test-0", "test-1", "test-2", "test-3"]
    sheet = tuple(replace(SHEET[1], acquisition=name) for name in names)
    for name in names:
        handmade.still(name, canvas(1))
    lines = [
        f"{name},{frame},{method},psnr_slow,{value}"
        for name, gain in zip(names, (9.0, 1.0, 2.0, 5.0), strict=True)
        for frame, method, value in ((2, "of-slow", 99.0), (3, "of-slow", gain), (3, "rapid", 0))
    ]
    lines += [f"test-{k},3,dcfi,psnr_slow,{k}" for k in range(4)]
    path = handmade.results / "evaluation" / "metrics.csv"
    path.write_text("\n".join(["acquisition,frame,method,metric,value", *lines]) + "\n")
    several = replace(run, sheet=(*sheet, *SHEET[2:]))
    assert shown_field(several).row.acquisition == "test-2"  # 2 dB, the lower of the middle two
    path.unlink()
    assert shown_field(several).row.acquisition == "test-0"


def test_of_many_models_only_differences_are_told_one_by_one(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    handmade.model("late", settings(correct=False), SCALE, pairs=PAIRS, steps=7)
    own = settings(scale="minmax", learning_rate=2.0e-5)
    handmade.model("paper", own, SCALE, pairs=PAIRS, steps=1200)
    run = replace(run, models={**run.models, "late": [], "paper": []})
    said = said_of_models(run, ["of-slow", "of-dcfi", "late", "paper"])
    first, *others = said.split(". ")
    assert first.startswith("of-slow, of-dcfi, late and paper: target slow, U-Net")
    assert "one scale of intensities for all frames, learning rate 0.003" in first
    assert "undistorted before learning" in first
    assert "1200 steps" in first
    assert first.endswith(", unless told otherwise")
    assert others == [
        "of-dcfi: target dcfi",
        "late: undistorted after restoring, 7 steps",
        "paper: intensities of each frame from its minimum to its maximum, learning rate 2e-05.",
    ]
    assert said_of_models(run, ["rapid"]) == ""


def test_the_last_frame_is_shown_and_only_what_is_shown_is_told_of(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    slow = view(canvas(1))
    handmade.converted("test-1", np.stack([slow, slow, slow, slow // 2]), slow)
    images = field_images(run, shown_field(run))
    assert images["rapid"].mean() == pytest.approx(images["slow"].mean() / 2, rel=0.1)
    said = said_of_models(run, ["rapid", "of-slow"])
    assert said.startswith("of-slow: target slow, U-Net")
    assert "of-dcfi" not in said


def test_a_series_is_held_still(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    drifting = np.stack([view(canvas(2), 0, x) for x in (4, 2, 1, 0)])
    handmade.restored("of-slow", "heating", drifting)
    handmade.converted("heating", drifting)
    field = next(fields(run, run.rows("series"), scanned=False))
    restored = sample(run, field, "of-slow").restored[:, 12:-12, 12:-12]
    assert np.abs(restored - restored[-1]).mean() < 0.1 * restored[-1].std()
    assert np.abs(np.diff(drifting.astype(float), axis=0)).mean() > 0.3 * restored[-1].std()


def test_the_papers_models_are_known_by_their_settings(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    handmade.model("first", settings(target="slow", correct=False), SCALE, pairs=[], steps=1)
    models = dict.fromkeys(("first", "of-slow", "of-dcfi"), RESTORED)
    assert paper_models(replace(run, models=models)) == ["of-dcfi", "of-slow"]
    handmade.refused("models/of-slow/model.json", "too small")
    assert paper_models(run) == ["of-dcfi"]


def test_profiles_are_those_that_were_measured(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    with pytest.raises(Refused, match="test-1: the records hold no curves"):
        spectra_figure(run)
    curves(handmade, "rapid", "slow")
    drawn = spectra_figure(run)
    profiles = [line for line in drawn.figure.axes[-1].lines if len(line.get_xdata()) == 2]
    labelled = {line.get_label(): list(line.get_ydata()) for line in profiles}
    assert labelled["rapid scan"] == [5.0, 1.0]
    assert "(rapid scan 20/\u00b5m, of-slow 32/\u00b5m)" in drawn.caption


def test_a_series_is_shown_over_time_beside_its_slow_scan(tmp_path: Path) -> None:
    _, run = experiment(tmp_path)
    log = tmp_path / "log.csv"
    log.write_text("time_s,temperature_C\n0,100\n0.3,400\n")
    rows = tuple(replace(row, log=str(log) if row.role == "series" else "") for row in SHEET)
    drawn = series_figure(replace(run, sheet=rows))
    for said in (
        "restored by of-slow",
        "4 frames in 0.2 s",
        "0.00 s, 100 \u00b0C; 0.05 s, 150 \u00b0C; 0.10 s, 200 \u00b0C; 0.15 s, 250 \u00b0C",
        "PSNR: 31.5 dB, of the rapid frame 20.0 dB",
    ):
        assert said in drawn.caption


def test_a_series_without_a_slow_scan_is_shown_without_it(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    handmade.converted("heating", np.stack([view(canvas(2))] * 4))
    drawn = series_figure(run)
    assert "(b)" in drawn.caption
    assert "(c)" not in drawn.caption


def test_a_series_is_left_out_with_the_reason(tmp_path: Path) -> None:
    _, run = experiment(tmp_path)
    for other, reason in (
        (replace(run, sheet=SHEET[:2]), "the sheet has no row of role 'series'"),
        (replace(run, models={"of-dcfi": RESTORED}), "no model has the target slow"),
        (replace(run, models={"of-slow": ["test-1"]}), "none of heating has a map"),
    ):
        with pytest.raises(Refused, match=reason):
            series_figure(other)


def test_the_map_is_described_by_its_displacement(tmp_path: Path) -> None:
    _, run = experiment(tmp_path)
    drawn = distortion_figure(run)
    assert "from +2.0 to +2.0 px, median standard error 0.10 px" in drawn.caption
    assert "from +0 to +0 %" in drawn.caption
    assert "strips" not in drawn.caption  # they are the map itself here


def test_straightness_is_only_known_of_simulations(tmp_path: Path) -> None:
    _, run = experiment(tmp_path)
    with pytest.raises(Refused, match="two scan rotations"):
        straightness_figure(run)
    truth = tmp_path / "truth.h5"
    with h5py.File(truth, "w") as file:
        file["clean"] = np.stack([view(canvas(1))] * 4)
    rows = tuple(replace(row, truth=str(truth) if row.role == "test" else "") for row in SHEET)
    drawn = straightness_figure(replace(run, sheet=rows))
    assert "over 1 field of view. Root mean square: slow scan 0.00 px" in drawn.caption
    assert drawn.caption.endswith("Simulated data.")


def test_the_diagram_counts_what_ran(tmp_path: Path) -> None:
    handmade, run = experiment(tmp_path)
    stages = workflow_stages(run)
    assert stages["Raw files"] == ["3 acquisitions", "1 train, 1 test, 1 series"]
    assert stages["Converted"] == ["12 rapid frames", "3 slow scans"]
    assert stages["Pairs"] == ["4 frames to learn from", "1 frames held back"]
    assert stages["Training"] == ["2 models trained", "1,200 steps each", "4 patches in a step"]
    handmade.refused("converted/field-1.json", "cut off")
    assert "1 refused" in workflow_stages(run)["Converted"]
    texts = {text.get_text() for text in workflow_figure(run).figure.axes[0].texts}
    assert "8 rapid frames\n2 slow scans\n1 refused" in texts


def test_what_cannot_be_drawn_is_left_out_and_equal_runs_give_equal_files(tmp_path: Path) -> None:
    handmade, _ = experiment(tmp_path)
    handmade.refused("distortion/mon.json", "nothing to fit")  # nothing is on the slow grid
    folder = handmade.results / "report" / "figures"
    folder.mkdir(parents=True)
    (folder / "of-an-earlier-run.svg").touch()
    files = []
    for _ in range(2):
        paper_figures.plot_figures(handmade.results, SHEET, MODELS, False, folder)
        files.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert files[0] == files[1]
    said = read_json(folder / "figures.json")
    drawn = ["2-workflow", "4-psnr", "8-network"]
    assert [each["name"] for each in said["figures"]] == drawn
    assert set(said["figures"][0]) == {"name", "title", "caption", "alt", "files"}
    listed = {file for each in said["figures"] for file in each["files"]}
    assert set(files[0]) == {*listed, "figures.json"}
    reasons = {each["name"]: each["reason"] for each in said["left_out"]}
    assert {*reasons, *drawn} == {*paper_figures.FIGURES}
    assert reasons["3-restored"] == "no test or train row has a slow scan and a distortion map"
    assert b">of-slow</text>" in files[0]["4-psnr.svg"]  # text, not outlines
