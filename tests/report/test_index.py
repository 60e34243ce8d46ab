"""The report: what a person reads, and that nothing in it is taken for HTML."""

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.evaluate.table import COLUMNS
from stemjax.report.index import summarise, write_report
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, settings, straight

SHEET = [
    Acquisition("field-1", "mon", "train", "1.emd", "1_slow.emd"),
    Acquisition("test-1", "mon", "test", "2.emd", "2_slow.emd"),
    Acquisition("heating", "mon", "series", "3.emd"),
    Acquisition("other", "tue", "test", "4.emd", "4_slow.emd"),
]
SCALE = dict.fromkeys(("rapid_offset", "rapid_scale", "target_offset", "target_scale"), 1.0)
EVIL = '<script>alert("1")</script> & <b>2.emd</b>: cut off'


class Page(HTMLParser):
    """A page's text, and its tags with their attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def pictures(self) -> dict[str, str]:
        """Give the pictures by what they show."""
        found = [dict(attributes) for tag, attributes in self.tags if tag == "img"]
        return {str(each["alt"]): str(each["src"]) for each in found}


def experiment(folder: Path) -> Handmade:
    """Leave the results of a sheet of which everything worked."""
    handmade = Handmade(folder)
    for k, row in enumerate(SHEET):
        handmade.still(row.acquisition, canvas(k))
        if row.role != "train":
            for model in ("dlf-a", "dlf-b"):
                frames = np.full((4, 64, 64), k, np.uint16)
                handmade.restored(model, row.acquisition, frames)
    for session in ("mon", "tue"):
        handmade.map(session, straight(64, 2.0), {"field-1": (0, 0)})
    for model in ("dlf-a", "dlf-b"):
        handmade.record(f"dataset/{model}.json")
        pairs = [{"acquisition": "field-1", "split": "train"}]
        handmade.model(model, settings(), SCALE, pairs=pairs, steps=12)
        losses = handmade.results / f"models/{model}/metrics.csv"
        losses.write_text("epoch,train_loss,validation_loss\n1,0.5,\n2,0.25,\n")
    metrics(handmade, "test-1,0,rapid,psnr_slow,20.0", "test-1,0,dlf-a,psnr_slow,30.0")
    return handmade


def metrics(handmade: Handmade, *rows: str) -> None:
    """Write the table of measurements."""
    path = handmade.results / "evaluation" / "metrics.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")


def report(handmade: Handmade, models: tuple[str, ...] = ("dlf-a", "dlf-b")) -> Page:
    """Write the report and read it."""
    path = handmade.results / "report" / "index.html"
    restored = [row.acquisition for row in SHEET if row.role != "train"]
    write_report(handmade.results, SHEET, dict.fromkeys(models, restored), path)
    return Page(path)


def test_the_report_shows_every_stage_in_pictures_of_its_own(tmp_path: Path) -> None:
    page = report(experiment(tmp_path))
    pictures = page.pictures()
    shown = "rapid frame, as recorded, DCFI, undistorted, dlf-a, dlf-b, slow scan"
    assert list(pictures)[:6:2] == [f"{name}: {shown}" for name in ("test-1", "heating", "other")]
    assert list(pictures)[1] == "test-1: drift of the integrated frames in pixels"
    assert len(pictures) == 9  # with drifts, two maps, and the learning curves
    for source in pictures.values():
        head, _, content = source.partition(",")
        assert head == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as image:
            image.load()
            assert image.format == "PNG"
    assert "Refused" not in page.text
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    for said in ("30.00", "20.00", "PSNR to the slow scan (dB)", "Fitted to field-1", "12"):
        assert said in page.text


def test_a_model_is_not_looked_for_where_it_restores_nothing(tmp_path: Path) -> None:
    """Nor shown, where an earlier run left its frames."""
    handmade = experiment(tmp_path)
    (handmade.results / "restored/dlf-b/heating.json").unlink()
    path = handmade.results / "report/index.html"
    models = {"dlf-a": ["test-1", "heating", "other"], "dlf-b": ["other"]}
    write_report(handmade.results, SHEET, models, path)
    shown = list(Page(path).pictures())[:6:2]
    assert ["dlf-b" in each for each in shown] == [False, False, True]


def test_reasons_are_shown_as_they_are_and_never_run(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.refused("converted/test-1.json", EVIL)
    page = report(handmade)
    assert f"test-1: {EVIL}" in page.text
    assert not {"script", "b"} & {tag for tag, _ in page.tags}


def test_what_was_refused_comes_first_and_once(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    for stage in ("converted", "dcfi", "restored/dlf-a", "restored/dlf-b"):
        handmade.refused(f"{stage}/test-1.json", "2.emd: cut off")
    for path in ("distortion/tue", "restored/dlf-a/other", "restored/dlf-b/other"):
        handmade.refused(f"{path}.json", "session 'tue': nothing to fit")
    for path in ("dataset/dlf-b", "models/dlf-b/model", "restored/dlf-b/heating"):
        handmade.refused(f"{path}.json", "too small")
    page = report(handmade)
    for line in (
        "test-1: 2.emd: cut off",
        "tue: session 'tue': nothing to fit",
        "dlf-b: too small",
    ):
        assert page.text.count(line) == 1
        assert 0 < page.text.index("Refused") < page.text.index(line) < page.text.index("Results")
    assert page.text.count("Refused, see above") == 1  # test-1
    assert next(iter(page.pictures())).startswith("heating: ")
    assert len(page.pictures()) == 6  # with drifts; one map, and the learning curves
    assert "refused: too small" in page.text


def test_what_has_no_map_is_shown_in_rapid_geometry_with_the_reason(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    assert "rapid geometry" not in report(handmade).text
    reason = "session 'tue': <b>nothing</b> to fit"
    for path in ("distortion/tue", "restored/dlf-a/other"):
        handmade.refused(f"{path}.json", reason)
    handmade.restored("dlf-b", "other", np.full((4, 64, 64), 3, np.uint16), "rapid")
    pairs = [{"acquisition": "field-1", "split": "train"}]
    chosen = settings(target="dcfi", correct=False)
    handmade.model("dlf-b", chosen, SCALE, pairs=pairs, steps=12)
    metrics(
        handmade,
        "test-1,0,rapid,psnr_slow,20.0",
        *(f"other,0,{m},psnr_dcfi,31.5" for m in ("rapid", "dlf-b")),
    )
    page = report(handmade)
    shown = "rapid frame, as recorded, DCFI, as recorded, dlf-b, rapid geometry, slow scan"
    assert f"other: {shown}" in page.pictures()
    label = f"In rapid geometry, not undistorted: its session has\nno map ({reason})."
    assert page.text.count(label) == 1
    assert page.text.index("heating") < page.text.index(label)
    assert "rapid geometry: PSNR to the DCFI (dB)" in page.text
    assert "31.50" in page.text
    assert "dcfi, in rapid geometry" in page.text


def test_an_acquisition_of_other_scan_settings_than_its_map_is_not_shown(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.map("tue", straight(64), height=48)
    page = report(handmade)
    assert page.text.count("Refused, see above") == 1
    assert not any(shown.startswith("other: ") for shown in page.pictures())


def test_records_of_rows_no_longer_in_the_sheet_are_not_shown(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.refused("converted/gone.json", "a file of last year")
    handmade.refused("restored/old-model/test-1.json", "a model of last year")
    assert "last year" not in report(handmade).text


@pytest.mark.parametrize(("split", "held"), [("frames", 1), ("frames", 0), ("fields", 1)])
def test_a_validation_loss_that_flatters_is_told(tmp_path: Path, split: str, held: int) -> None:
    """It does where frames were held back, and their field's target was learned from."""
    handmade = experiment(tmp_path)
    pairs = [{"acquisition": "field-1", "split": kind} for kind in ("train", "validation")]
    for model in ("dlf-a", "dlf-b"):
        chosen = settings(split=split if model == "dlf-a" else "fields")
        handmade.model(model, chosen, SCALE, pairs=pairs[: 1 + held], steps=12)
    told = report(handmade).text.count("so that the validation loss flatters")
    assert told == (split == "frames" and held)


def test_without_models_and_measurements_there_is_a_report_too(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    metrics(handmade)
    page = report(handmade, ())
    assert "Nothing could be measured" in page.text
    assert "test-1: rapid frame, as recorded, DCFI, undistorted, slow scan" in page.pictures()
    assert len(page.pictures()) == 8


def test_without_any_result_there_is_a_report_too(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    for row in SHEET:
        handmade.refused(f"converted/{row.acquisition}.json", f"{row.rapid}: no frames")
    for path in ("distortion/mon", "distortion/tue", "models/dlf-a/model", "models/dlf-b/model"):
        handmade.refused(f"{path}.json", "nothing to start from")
    metrics(handmade)
    page = report(handmade)
    assert page.pictures() == {}
    assert "No session has a map" in page.text
    assert page.text.count("no frames") == 4


def png(path: Path) -> None:
    """Write a picture."""
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)


def test_a_model_is_shown_with_where_it_started_and_what_it_did_not_use(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    about = {"acquisition": "held", "split": "validation"}
    start = {"model": "dlf-a", "digest": "d", "seen": ["held"]}
    pairs = [{"acquisition": "gone", "split": "train"}]
    handmade.model("dlf-b", settings(), SCALE, pairs=pairs, steps=12, picture=about, start=start)
    png(handmade.results / "models/dlf-b/validation.png")
    page = report(handmade)
    said = " ".join(page.text.split())
    assert "dlf-b started from the parameters of dlf-a, which had already learned from held" in said
    assert "Not used by dlf-b, because they came after its training: field-1." in said
    assert "Not used by dlf-a" not in said
    assert "dlf-b on a part of held that it did not learn from." in said
    shown = page.pictures()["dlf-b: rapid frame, prediction and target of held"]
    content = base64.b64decode(shown.partition(",")[2])
    assert content == (handmade.results / "models/dlf-b/validation.png").read_bytes()

    handmade.record("dataset/dlf-b.json", left_out={"field-1": "1.emd: cut off"})
    assert "Not used by" not in report(handmade).text


def test_a_loaded_model_needs_neither_data_set_nor_curves(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    pairs = [{"acquisition": "of-last-year", "split": "train"}]
    handmade.model("dlf-b", settings(), SCALE, pairs=pairs, steps=12, loaded="../last-year/dlf")
    (handmade.results / "dataset/dlf-b.json").unlink()
    (handmade.results / "models/dlf-b/metrics.csv").unlink()
    said = report(handmade).text
    assert "dlf-b, loaded from ../last-year/dlf" in said
    assert "of-last-year" in said
    assert "Not used by" not in said


def rows(*cells: str) -> list[dict[str, str]]:
    """Write rows of the table as text."""
    return [dict(zip(COLUMNS, line.split(), strict=True)) for line in cells]


def test_each_acquisition_counts_once_however_many_frames_it_has() -> None:
    table = rows(
        *(f"a {k} rapid psnr_slow 10.0" for k in range(8)),
        "b 0 rapid psnr_slow 18.0",
        "b 1 rapid psnr_slow 22.0",
        "a 0 rapid ssim_truth 0.25",
        "b 0 dlf psnr_slow 30.0",
    )
    names, methods = summarise(table)
    assert names == ["ssim_truth", "psnr_slow"]  # truth before slow scan
    assert methods == {
        # Of b only frame 0, which both methods have: 18.0.
        "rapid": {"psnr_slow": "14.00 ± 5.66", "ssim_truth": "0.250"},
        "dlf": {"psnr_slow": "30.00"},
    }


@pytest.mark.parametrize("table", [[], rows("a 0 rapid unknown 1.0")])
def test_nothing_known_was_measured(table: list[dict[str, str]]) -> None:
    assert summarise(table)[0] == []


def test_a_series_is_shown_moving_where_there_is_a_movie(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    assert not [tag for tag, _ in report(handmade).tags if tag == "video"]
    about = {"frames": 1234, "warnings": ["log.csv: <b>cold</b>"]}
    handmade.record("report/movies/dlf-a/heating.json", speed=2.5, **about)
    handmade.record("report/movies/dlf-a/test-1.json", speed=1.0, **about)  # was a series once
    handmade.refused("report/movies/dlf-b/heating.json", "too small")
    page = report(handmade)
    (movie,) = (attributes for tag, attributes in page.tags if tag == "video")
    assert movie["src"] == "movies/dlf-a/heating.mp4"
    assert movie["poster"] == "movies/dlf-a/heating.png"
    assert "controls" in movie
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [movie["src"], movie["poster"]]
    assert "1234 frames, 2.5 times as fast as recorded" in page.text
    assert "log.csv: <b>cold</b>" in page.text
    handmade.record("report/movies/dlf-a/heating.json", speed=1.0, **about)
    assert "1234 frames, real time" in report(handmade).text
