"""What the report tells of distortion maps."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.provenance import read_json, write_json
from stemjax.report.maps import error_chart, map_chart, profile_chart, show_maps
from stemjax.sheet import Acquisition
from stemjax.typing import Json
from tests.handmade import Handmade, canvas, straight, view

ROWS = [Acquisition(name, "mon", "train", f"{name}.emd", f"{name}_slow.emd") for name in "abc"]


def experiment(folder: Path, **changes: object) -> Path:
    """Leave a map fitted to `a`, with its strips, and its scans."""
    handmade = Handmade(folder)
    handmade.still("a", canvas(0))
    record = handmade.map("mon", straight(64, 2.0), {"a": (0.0, 0.0)})
    content = read_json(record)
    strips = {**straight(64, 5.0).to_json(), "acquisition": "a", "strip_width": 10}
    write_json(record, {**content, "strips": strips, **changes})
    return handmade.results


def told_of(results: Path, sheet: Sequence[Acquisition] = ROWS) -> Json:
    """Show the only map."""
    (told,) = show_maps(results, sheet, results / "report")
    return told


def drawn(path: str) -> np.ndarray:
    """Read the points (n, xy) of a path."""
    return np.array(re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path), float)


@pytest.mark.parametrize(("shift", "known"), [(0.0, 64), (5.5, 58)])
def test_the_map_is_plotted_also_where_it_is_extrapolated(shift: float, known: int) -> None:
    chart = map_chart("mon", straight(64, shift), straight(64, 1.0))
    lines = {name: path for name, _, path, _ in chart.paths}
    assert len(drawn(lines["map"])) == known
    assert len(drawn(lines["by strips"])) == 64
    assert ("extrapolated" in lines) == (known < 64)
    assert np.ptp(drawn(lines["map"])[:, 1]) == 0  # it is moved by the same everywhere


def test_the_strips_are_drawn_only_where_they_are_not_the_map() -> None:
    names = [path[0] for path in map_chart("mon", straight(64), straight(64)).paths]
    assert names == ["map"]


def test_the_error_is_plotted_where_the_map_is_known() -> None:
    distortion = replace(straight(64, 5.5), sigma=np.linspace(0.1, 0.2, 64))
    ((_, _, path, _),) = error_chart("mon", distortion).paths
    assert len(drawn(path)) == 58
    assert (np.diff(drawn(path)[:, 1]) <= 0).all()  # upwards


def test_a_profile_is_the_mean_of_five_rows_in_standard_deviations() -> None:
    """A row's brightness by itself, and its contrast, are no difference."""
    image = view(canvas(1)).astype(float)
    same = profile_chart("after", 3 * image + 100, image, 30)
    slow, mine = (drawn(path[2]) for path in same.paths)
    np.testing.assert_allclose(mine, slow, atol=0.11)
    bright = image.copy()
    bright[33:] = 0  # beyond the five rows
    assert profile_chart("after", bright, image, 30).paths[1] == same.paths[1]
    for row in (0, 63):
        assert len(drawn(profile_chart("after", image, image, row).paths[0][2])) == 64


def test_a_field_is_shown_over_its_slow_scan_before_and_after(tmp_path: Path) -> None:
    """Through a map of 2 px, still frames that need none are out of place, and moved back."""
    fit = told_of(experiment(tmp_path))["fit"]
    colour = {}
    for shown, _ in fit["views"]:
        with Image.open(tmp_path / "results/report" / shown.file) as picture:
            colour[shown.key] = np.ptp(np.asarray(picture, float)[8:-8, 8:-8], axis=2).mean()
    assert colour["before"] == 0
    assert colour["after"] < 10


def test_the_strips_are_compared_with_the_map(tmp_path: Path) -> None:
    told = told_of(experiment(tmp_path))
    mean, rest = told["apart"]
    assert mean == pytest.approx(3.0)  # 5 px less 2 px
    assert rest == pytest.approx(0.0, abs=1e-9)
    assert told["fit"]["name"] == "a"


def test_the_displacement_that_the_map_leaves_is_told(tmp_path: Path) -> None:
    results = experiment(tmp_path)
    told = told_of(results)
    # Through a map of 2 px, still frames show their content 2 px to the left.
    assert told["fit"]["offset"] == pytest.approx([0.0, -2.0], abs=0.15)


@pytest.mark.parametrize(("sigma", "helps"), [(0.01, False), (0.4, True)])
def test_rows_that_came_after_the_fit_are_named_and_what_a_refit_would_do(
    tmp_path: Path, sigma: float, helps: bool
) -> None:
    distortion = replace(straight(64), sigma=np.full(64, sigma))
    told = told_of(experiment(tmp_path, **distortion.to_json()))
    assert told["unused"]["rows"] == ["b", "c"]
    assert told["unused"]["sigma"] == pytest.approx(sigma / 3**0.5)
    assert told["unused"]["helps"] is helps


@pytest.mark.parametrize(
    "change",
    [
        {"left_out": {"b": "b: ...", "c": "c: ..."}},
        {"acquisitions": ["a", "b", "c"]},
        {"borrowed": "elsewhere"},
        {"method": "strips"},
    ],
)
def test_nothing_is_unused_where_all_were_looked_at_or_none_is_needed(
    tmp_path: Path, change: dict[str, object]
) -> None:
    told = told_of(experiment(tmp_path, **change))
    assert told["unused"] is None


def test_a_map_from_elsewhere_is_shown_without_its_scans(tmp_path: Path) -> None:
    told = told_of(experiment(tmp_path), [replace(ROWS[0], acquisition="z", session="mon")])
    assert told["fit"] is None


def test_a_session_without_a_map_is_left_out(tmp_path: Path) -> None:
    results = experiment(tmp_path)
    write_json(results / "distortion/mon.json", {"status": "refused", "reason": "blank"})
    assert show_maps(results, ROWS, tmp_path) == []
