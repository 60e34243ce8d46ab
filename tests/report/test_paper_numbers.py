"""Numbers that figures for a paper show: values come from plain Python or closed forms."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter, map_coordinates

from stemjax.config import UNet as Settings
from stemjax.distortion.map import DistortionMap
from stemjax.evaluate.table import COLUMNS
from stemjax.model.unet import UNet
from stemjax.report.paper.distortion import stretch_percent
from stemjax.report.paper.field import around, sharpest_place
from stemjax.report.paper.metrics import field_means, field_values, last_value
from stemjax.report.paper.motion import kymograph, moving_place
from stemjax.report.paper.network import network_blocks, parameter_count
from stemjax.report.paper.quality import bars, lines_figure, psnr_figure
from stemjax.report.paper.run import Run
from stemjax.report.paper.spectra import decibels
from stemjax.report.paper.straightness import strip_track
from stemjax.report.paper.style import COLOURS, colour
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, settings

SHEET = (
    Acquisition("learn", "mon", "train", "0.emd", "0_slow.emd"),
    Acquisition("one", "mon", "test", "1.emd", "1_slow.emd"),
    Acquisition("two", "mon", "test", "2.emd", "2_slow.emd"),
)
SCALE = dict.fromkeys(("rapid_offset", "rapid_scale", "target_offset", "target_scale"), 1.0)
MEASURED = """
one,0,rapid,psnr_paper,20
one,9,rapid,psnr_paper,22
one,0,net,psnr_paper,30
one,9,net,psnr_paper,33
two,0,rapid,psnr_paper,24
two,0,net,psnr_paper,26
two,9,net,psnr_paper,99
learn,0,rapid,psnr_paper,77
"""
# The frame of "two" that "rapid" was not measured on does not count, nor does a train row.
RAPID, NET = [(20 + 22) / 2, 24.0], [(30 + 33) / 2, 26.0]


def run_of(folder: Path, measured: str = MEASURED) -> Run:
    """Leave a model and a table of measurements."""
    handmade = Handmade(folder)
    handmade.model("net", settings(), SCALE, steps=12, pairs=[])
    table = handmade.results / "evaluation" / "metrics.csv"
    table.parent.mkdir()
    table.write_text(",".join(COLUMNS) + "\n" + measured.strip() + "\n")
    return Run(handmade.results, SHEET, {"net": ["one", "two"]}, False)


def rows_of(measured: str) -> list[dict[str, str]]:
    """Read measurements as the table does."""
    lines = measured.strip().splitlines()
    return [dict(zip(COLUMNS, line.split(","), strict=True)) for line in lines]


def heights(figure: Figure) -> Iterator[list[float]]:
    """Yield the heights of the bars of each panel."""
    for axes in figure.axes:
        yield [float(patch.get_height()) for patch in axes.patches]


def test_bars_are_means_over_fields_of_means_over_frames(tmp_path: Path) -> None:
    drawn = psnr_figure(run_of(tmp_path))
    assert list(heights(drawn.figure)) == [pytest.approx([sum(RAPID) / 2, sum(NET) / 2])]
    assert "mean over 2 test fields of view, each the mean of up to 2 frames" in drawn.caption
    assert "12 steps, 4 patches of" in drawn.caption
    assert "Simulated" not in drawn.caption


def test_the_gain_over_the_rapid_scan_and_every_field_are_shown(tmp_path: Path) -> None:
    axes = Figure().subplots()
    means = {"rapid": {"one": 20.0, "two": 30.0}, "net": {"one": 25.0, "two": 20.0}}
    bars(axes, means, run_of(tmp_path))
    assert [text.get_text() for text in axes.texts] == ["\u221210 %"]  # 22.5 over 25
    dots = [line.get_ydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[20.0, 30.0], [25.0, 20.0]]
    (whisker,) = axes.containers[1].lines[2][0].get_segments()
    assert whisker[:, 1] == pytest.approx([25 - 50**0.5, 25 + 50**0.5])  # n - 1 below


def test_a_gain_that_rounds_to_zero_has_no_sign(tmp_path: Path) -> None:
    axes = Figure().subplots()
    bars(axes, {"rapid": {"one": 25.0}, "net": {"one": 24.99}}, run_of(tmp_path))
    assert [text.get_text() for text in axes.texts] == ["0 %"]


def test_a_part_of_the_range_has_a_panel_where_it_was_measured(tmp_path: Path) -> None:
    more = MEASURED + "one,0,rapid,psnr_paper_mid,10\none,0,net,psnr_paper_mid,15\n"
    drawn = psnr_figure(run_of(tmp_path, more))
    assert list(heights(drawn.figure))[1] == [10.0, 15.0]
    assert "(b) where the slow scan lies within 20,000 and 40,000" in drawn.caption
    assert "(c)" not in drawn.caption


def test_a_frame_counts_only_where_all_methods_were_measured(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    values = field_values(rows_of(MEASURED), run, "psnr_paper")
    assert {method: of_field["two"] for method, of_field in values.items()} == {
        "rapid": [24],
        "net": [26],
    }
    means = field_means(rows_of(MEASURED), run, "psnr_paper")
    assert means == {
        "rapid": dict(zip(("one", "two"), RAPID, strict=True)),
        "net": dict(zip(("one", "two"), NET, strict=True)),
    }


def test_the_last_value_is_of_the_highest_frame_number() -> None:
    measured = rows_of("one,10,rapid,m,3\none,9,rapid,m,4\none,10,net,m,5\ntwo,11,rapid,m,6")
    assert last_value(measured, "one", "rapid", "m") == 3.0
    assert last_value(measured, "one", "dcfi", "m") is None


def test_dislocations_are_shown_by_method_at_each_angle(tmp_path: Path) -> None:
    measured = "\n".join(
        f"{name},0,{method},line_width{angle},{value}"
        for angle, base in (("_0_30", 1.0), ("_60_90", 2.0))
        for name, more in (("one", 0.0), ("two", 0.5))
        for method, value in (("rapid", base + more), ("net", base))
    )
    drawn = lines_figure(run_of(tmp_path, measured))
    points = [each.lines[0].get_ydata().tolist() for each in drawn.figure.axes[0].containers]
    assert points == [[1.25, 2.25], [1.0, 2.0]]
    assert [t.get_text() for t in drawn.figure.axes[0].get_xticklabels()][1] == "30 to 60\u00b0"
    assert "2 test fields of view" in drawn.caption


def test_a_linear_map_stretches_every_column_alike() -> None:
    columns = 0.9 * np.arange(32.0) + 3
    linear = DistortionMap(columns, np.ones(32, bool), 0.0, np.zeros(32))
    assert stretch_percent(linear) == pytest.approx(np.full(32, -10.0))


def test_strips_tell_how_far_columns_were_displaced() -> None:
    truth = canvas(3, 192).astype(float)[:192, :256]
    moved = 3 * np.arange(256.0) / 255  # to the right
    y, x = np.mgrid[:192, :256].astype(float)
    image = map_coordinates(truth, [y, x - moved], order=3, mode="nearest")
    middles, track = strip_track(image, truth, slice(8, 248))
    expected = np.interp(middles, np.arange(256), moved)
    assert track == pytest.approx(expected - np.median(expected), abs=0.15)
    assert middles[:2].tolist() == [8 + 31.5, 40 + 31.5]


def test_the_sharpest_line_across_the_scan_is_found() -> None:
    slow = np.full((64, 96), 100.0)
    slow[20, :] -= 50  # along the scan, and deeper
    slow[40:60, 70] -= 20
    slow[5:25, 30] += 30  # bright
    y, x = sharpest_place(gaussian_filter(slow, 1.0), (slice(8, 56), slice(8, 88)))
    assert x == 70
    assert 40 <= y < 56


@pytest.mark.parametrize(("place", "start"), [(50, 40), (9, 8), (87, 68)])
def test_what_is_around_a_place_stays_inside(place: int, start: int) -> None:
    assert around(place, 20, slice(8, 88)) == slice(start, start + 20)


def test_motion_is_found_and_followed_along_its_line() -> None:
    rng = np.random.default_rng(0)
    frames = rng.normal(1000, 1, (12, 48, 64)).astype(np.float32)
    frames[:, 30, 10:14] -= 300  # still
    for k in range(12):
        frames[k, 19:22, 40 + k] -= 200
    y, x = moving_place(frames, (slice(4, 44), slice(4, 60)))
    assert abs(y - 20) <= 1
    assert 40 <= x < 52
    line = kymograph(frames, 20, slice(30, 60))
    assert np.argmin(line, axis=1).tolist() == [10 + k for k in range(12)]
    assert line.min(axis=1) == pytest.approx(np.full(12, -200), abs=5)


def test_the_network_is_drawn_as_it_is_built(tmp_path: Path) -> None:
    unet = Settings(features=3, depth=2, context=5)
    built = nnx.eval_shape(lambda: UNet(unet, rngs=nnx.Rngs(0)))
    down, up = network_blocks(unet.model_dump(), 64)
    for blocks, parts in ((down, built.down), (up, [each.join for each in built.up])):
        kernels = [(part.first.in_features, part.first.out_features) for part in parts]
        assert [(block.inputs, block.outputs) for block in blocks] == kernels
    assert [block.side for block in down + up] == [64, 32, 16, 32, 64]
    Handmade(tmp_path).model("net", settings(), SCALE)
    state = nnx.split(nnx.eval_shape(lambda: UNet(settings().unet, rngs=nnx.Rngs(0))))[1]
    count = sum(leaf.size for leaf in jax.tree.leaves(state))
    path = tmp_path / "results/models/net/parameters.safetensors"
    assert parameter_count(path) == count


def test_a_spectrum_has_no_frequency_in_its_middle_and_white_noise_at_zero_decibels() -> None:
    noise = np.random.default_rng(1).normal(500, 7, (64, 96))
    assert np.mean(10 ** (decibels(noise) / 10)) == pytest.approx(1.0, rel=0.1)
    rows = noise + 40 * np.random.default_rng(2).normal(size=(64, 1))
    assert np.argmax(decibels(rows).mean(axis=0)) == 48


def test_a_method_has_one_colour_whatever_is_shown_beside_it() -> None:
    models = ["a", "b", "c"]
    tones = [colour(name, models) for name in (*COLOURS, *models)]
    assert len(set(tones)) == len(tones)
    assert colour("b", ["a", "b"]) == colour("b", models)
