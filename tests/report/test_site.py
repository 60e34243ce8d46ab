"""The report's other pages, and the folder that holds them all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.io.store import create_image, new_store
from tests.handmade import FRAME_S, Handmade, canvas, settings, view
from tests.report.pages import SCALE, SHEET, Page, experiment, metrics, written

PAGES = [
    "index",
    "figures",
    "cost",
    *(f"acquisitions/{name}" for name in ("test-1", "heating", "other")),
    *(f"models/{name}" for name in ("dlf-a", "dlf-b")),
    *(f"maps/{name}" for name in ("mon", "tue")),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of an experiment in which everything worked."""
    handmade = experiment(tmp_path_factory.mktemp("whole"))
    handmade.record("report/movies/dlf-a/heating.json", **MOVIE)
    (handmade.results / "report/movies/dlf-a/heating.mp4").write_bytes(b"movie")
    (handmade.results / "report/movies/dlf-a/heating.png").write_bytes(b"sheet")
    return written(handmade)


HEATING = "acquisitions/heating.html"
MOVIE = {"frames": 4, "fps": 20.0, "speed": 2.5, "warnings": ["log.csv: <b>cold</b>"]}


@pytest.mark.parametrize("name", PAGES)
def test_all_that_a_page_names_is_there(whole: Path, name: str) -> None:
    page = Page(whole / f"{name}.html")
    kinds = ("a", "img", "video", "image", "option", "script", "link")
    given = [attributes for kind in kinds for attributes in page.of(kind)]
    named = [v for each in given for key in ("href", "src", "value") if (v := each.get(key))]
    ids = {given["id"] for _, given in page.tags if given.get("id")}
    for address in named:
        path, _, place = address.partition("#")
        if address.startswith("data:"):
            continue
        assert not path or (page.path.parent / path).exists(), address
        assert path or place in ids, address


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_without_seeing_it(whole: Path, name: str) -> None:
    page = Page(whole / f"{name}.html")
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels), default=0) <= 1
    assert page.of("html") == [{"lang": "en"}]
    assert [len(page.of(tag)) for tag in ("header", "nav", "main")] == [1, 1, 1]
    assert page.of("a")[0]["href"] == "#content"
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.of("meta")
    dynamic = {"under", "over"}  # filled in by the script, which takes it from the options
    for picture in page.of("img"):
        assert picture["alt"] or picture.get("class") in dynamic
    for chart in page.of("svg"):
        assert chart.get("aria-label") or chart.get("aria-hidden")
    assert all(each.get("data-alt") for each in page.of("option"))


def test_each_method_is_shown_in_a_file_of_its_own(whole: Path) -> None:
    page = Page(whole / "acquisitions/test-1.html")
    shown = ["rapid frame, as recorded", "rapid frame, undistorted", "DCFI, undistorted"]
    shown += ["dlf-a", "dlf-b", "slow scan"]
    assert list(page.pictures()) == [f"test-1, {name}" for name in shown]
    for source in page.pictures().values():
        with Image.open(page.path.parent / source) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (64, 64))
    chosen = [given["value"] for given in page.of("option") if "selected" in given]
    assert chosen == ["../images/test-1/rapid.png", "../images/test-1/model.dlf-a.png"]


def test_the_recorded_frame_is_shown_as_it_was_recorded(whole: Path) -> None:
    image = view(canvas(1)).astype(float)
    low, high = np.percentile(image, [0.5, 99.5])
    expected = (255 * (image - low) / (high - low)).clip(0, 255)
    with Image.open(whole / "images/test-1/recorded.png") as shown:
        np.testing.assert_allclose(np.asarray(shown, float), expected, atol=0.51)


def test_all_pictures_are_of_the_last_frame(tmp_path: Path) -> None:
    """The slow scan shows the final state."""
    handmade = experiment(tmp_path)
    frames = np.stack([view(canvas(seed)) for seed in (1, 2, 3, 4)])
    handmade.converted("heating", frames)
    handmade.restored("dlf-a", "heating", frames)
    folder = written(handmade)
    low, high = np.percentile(frames[-1], [0.5, 99.5])
    expected = (255 * (frames[-1] - low) / (high - low)).clip(0, 255)
    for name in ("recorded", "model.dlf-a"):
        with Image.open(folder / f"images/heating/{name}.png") as shown:
            np.testing.assert_allclose(np.asarray(shown, float), expected, atol=0.51)
    assert "Pictures are of frame 3, counted from 0" in Page(folder / HEATING).said()


def test_filters_are_shown_where_the_evaluation_left_them(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    curve = {"per_um": [0.0, 1.0, 2.0], "horizontal": [3.0, 2.0, 1.0]}
    curves = {"rapid": {**curve, "frc": [1.0, 0.5, 0.1]}, "slow": curve}
    handmade.record("evaluation/test-1/baselines.json", rows=[], curves=curves)
    with new_store(handmade.results / "evaluation/test-1/baselines.zarr") as group:
        for name in ("rapid", "bm3d"):
            create_image(group, name, view(canvas(7)))
    page = Page(written(handmade) / "acquisitions/test-1.html")
    assert list(page.pictures())[3] == "test-1, BM3D"
    assert any("power spectra" in chart for chart in page.charts())
    assert any("Fourier ring correlation" in chart for chart in page.charts())
    assert page.said().count("slow scan rapid") == 1  # in the legend of the power spectra


def test_a_page_says_what_was_measured_of_its_acquisition(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    values = ((0, "dlf-a", 30.0), (1, "dlf-a", 31.0), (0, "rapid", 20.0))
    rows = [f"test-1,{frame},{method},psnr_slow,{value}" for frame, method, value in values]
    metrics(handmade, *rows, "other,0,rapid,psnr_slow,77.7")
    said = Page(written(handmade) / "acquisitions/test-1.html").said()
    assert "PSNR to the slow scan (dB) higher is better 20.00 30.00" in said  # of frame 0
    assert "77.7" not in said


def test_a_movie_comes_with_the_moments_of_its_frames(whole: Path) -> None:
    page = Page(whole / "acquisitions/heating.html")
    (movie,) = page.of("video")
    assert movie["src"] == "../movies/dlf-a/heating.mp4"
    assert "controls" in movie
    assert "4 frames, 2.5 times as fast as recorded" in page.said()
    assert "log.csv: <b>cold</b>" in page.text
    assert not page.of("b")
    text = page.path.read_text().split('id="moments">')[1].split("<")[0]
    told = json.loads(text)
    assert told["frame"] == [0, 1, 2, 3]
    assert told["seconds"] == pytest.approx([0.0, FRAME_S, 2 * FRAME_S, 3 * FRAME_S])
    assert told["celsius"] == [None] * 4
    assert not Page(whole / "acquisitions/test-1.html").of("video")


def test_temperatures_are_taken_from_the_log_of_the_sheet(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.record("report/movies/dlf-a/heating.json", **MOVIE)
    log = tmp_path / "log.csv"
    log.write_text("time_s,temperature_C\n0,100\n0.1,120\n")
    sheet = [replace(row, log=str(log) if row.role == "series" else "") for row in SHEET]
    page = Page(written(handmade, sheet=sheet) / "acquisitions/heating.html")
    assert '"celsius": [100.0, 110.0, 120.0, null]' in page.path.read_text()
    assert "heating: temperature of each frame" in page.charts()


def test_pages_of_what_is_gone_go_and_movies_and_figures_stay(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    folder = written(handmade)
    for other in ("movies/gone/heating.mp4", "figures/old.svg"):
        (folder / other).parent.mkdir(parents=True, exist_ok=True)
        (folder / other).write_text("of another rule")
    written(handmade, ("dlf-a",), [row for row in SHEET if row.acquisition != "other"])
    left = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert {"acquisitions/test-1.html", "movies/gone/heating.mp4", "figures/old.svg"} <= left
    assert not [name for name in left if "other" in name or "dlf-b" in name or "tue" in name]
    assert not [name for name in left if "partial" in name]


def test_a_report_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    folder = written(handmade)
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    (handmade.results / "models/dlf-b/model.json").unlink()
    with pytest.raises(FileNotFoundError):
        written(handmade)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_a_refused_acquisition_has_a_page_that_says_so(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.refused("converted/test-1.json", "2.emd: <cut> off")
    page = Page(written(handmade) / "acquisitions/test-1.html")
    assert "Refused: 2.emd: <cut> off" in page.said()
    assert page.pictures() == {}


def test_frames_unlike_those_a_model_learned_from_are_told(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    about = {"pixel_size_nm": 9.0, "dwell_us": 0.1, "level": 20_000.0, "noise": 1.0}
    about |= {"contrast": 4_000.0, "structure_nm": 10.0}
    pairs = [{"acquisition": "field-1", "split": "train"}]
    handmade.model("dlf-b", settings(), SCALE, pairs=pairs, steps=1, statistics={"field-1": about})
    said = Page(written(handmade) / "acquisitions/test-1.html").said()
    assert "unlike what dlf-b learned from: pixel size 2 nm; trained on 9 nm" in said
    assert "unlike what dlf-a" not in said


def drawn(handmade: Handmade, name: str) -> Page:
    """Write the report and read the page of a model."""
    return Page(written(handmade) / f"models/{name}.html")


@pytest.mark.parametrize(("split", "held"), [("frames", 1), ("frames", 0), ("fields", 1)])
def test_a_validation_loss_that_flatters_is_told(tmp_path: Path, split: str, held: int) -> None:
    """It does where frames were held back, and their field's target was learned from."""
    handmade = experiment(tmp_path)
    pairs = [{"acquisition": "field-1", "split": kind} for kind in ("train", "validation")]
    handmade.model("dlf-a", settings(split=split), SCALE, pairs=pairs[: 1 + held], steps=12)
    told = drawn(handmade, "dlf-a").said().count("so that the validation loss flatters")
    assert told == (split == "frames" and held)
