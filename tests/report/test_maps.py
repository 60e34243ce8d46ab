"""What the report tells of distortion maps."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.distortion.map import DistortionMap
from stemjax.provenance import read_json, write_json
from stemjax.report.maps import map_figure, overlay_figure, profile_figure, session_maps
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, straight, view

ROWS = [Acquisition(name, "mon", "train", f"{name}.emd", f"{name}_slow.emd") for name in "abc"]


def decoded(picture: bytes) -> np.ndarray:
    """Decode a PNG."""
    with Image.open(io.BytesIO(picture)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"), float)


def experiment(folder: Path, **changes: object) -> Path:
    """Leave a map fitted to `a`, with its strips, and its scans."""
    handmade = Handmade(folder)
    handmade.still("a", canvas(0))
    record = handmade.map("mon", straight(64, 2.0), {"a": (0.0, 0.0)})
    content = read_json(record)
    strips = {**straight(64, 5.0).to_json(), "acquisition": "a", "strip_width": 10}
    write_json(record, {**content, "strips": strips, **changes})
    return handmade.results


@pytest.mark.parametrize("distortion", [straight(64), straight(64, 5.5)])
def test_the_map_is_plotted_also_where_it_is_extrapolated(distortion: DistortionMap) -> None:
    assert decoded(map_figure(distortion, straight(64, 1.0))).shape[:2] == (546, 910)


def test_the_strips_are_drawn_only_where_they_are_not_the_map() -> None:
    def orange(strips: DistortionMap) -> int:
        picture = decoded(map_figure(straight(64), strips))
        return int(np.sum(np.abs(picture - [255, 127, 14]).max(axis=2) < 30))

    assert orange(straight(64)) == 0
    assert orange(straight(64, 3.0)) > 50


def test_what_agrees_is_grey_in_the_overlay_and_what_does_not_is_coloured() -> None:
    image = view(canvas(1)).astype(float)
    picture = decoded(overlay_figure({"same": image, "flipped": image[::-1]}, image, 2.0))
    colour = np.ptp(picture, axis=2)
    half = picture.shape[1] // 2
    assert np.mean(colour[:, :half] > 30) < 1e-3
    assert np.mean(colour[:, half:] > 30) > 0.1


def test_profiles_of_any_row_are_drawn() -> None:
    image = view(canvas(1)).astype(float)
    for row in (0, 30, 63):
        picture = profile_figure({"before": image, "after": image}, image, row)
        assert decoded(picture).shape[:2] == (572, 1170)


def test_the_strips_are_compared_with_the_map(tmp_path: Path) -> None:
    (told,) = session_maps(experiment(tmp_path), ROWS)
    mean, rest = told["apart"]
    assert mean == pytest.approx(3.0)  # 5 px less 2 px
    assert rest == pytest.approx(0.0, abs=1e-9)
    assert told["fit"]["name"] == "a"


def test_the_displacement_that_the_map_leaves_is_told(tmp_path: Path) -> None:
    results = experiment(tmp_path)
    (told,) = session_maps(results, ROWS)
    # Through a map of 2 px, still frames show their content 2 px to the left.
    assert told["fit"]["offset"] == pytest.approx([0.0, -2.0], abs=0.15)


@pytest.mark.parametrize(("sigma", "helps"), [(0.01, False), (0.4, True)])
def test_rows_that_came_after_the_fit_are_named_and_what_a_refit_would_do(
    tmp_path: Path, sigma: float, helps: bool
) -> None:
    distortion = replace(straight(64), sigma=np.full(64, sigma))
    (told,) = session_maps(experiment(tmp_path, **distortion.to_json()), ROWS)
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
    (told,) = session_maps(experiment(tmp_path, **change), ROWS)
    assert told["unused"] is None


def test_a_map_from_elsewhere_is_shown_without_its_scans(tmp_path: Path) -> None:
    (told,) = session_maps(experiment(tmp_path), [replace(ROWS[0], acquisition="z", session="mon")])
    assert told["fit"] is None


def test_a_session_without_a_map_is_left_out(tmp_path: Path) -> None:
    results = experiment(tmp_path)
    write_json(results / "distortion/mon.json", {"status": "refused", "reason": "blank"})
    assert session_maps(results, ROWS) == []
