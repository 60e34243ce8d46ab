"""The report's first page: what a person reads, and that nothing in it is taken for HTML."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stemjax import __version__
from stemjax.provenance import read_json, write_json
from tests.handmade import settings, straight
from tests.report.pages import JUDGED, SCALE, SHEET, Page, experiment, metrics, report, written

EVIL = '<script>alert("1")</script> & <b>2.emd</b>: cut off'


@pytest.fixture(autouse=True)
def _without_other_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contours take time, and are on other pages."""
    monkeypatch.setattr("stemjax.report.acquisition.outlines", lambda image: "M0 0")


def test_the_first_page_stands_alone(tmp_path: Path) -> None:
    """As it does in Snakemake's own report, into which no other file is taken."""
    page = report(experiment(tmp_path))
    assert [name.partition(",")[0] for name in page.pictures()] == [n for n in JUDGED for _ in "12"]
    assert all(src.startswith("data:image/jpeg;base64,") for src in page.pictures().values())
    assert not {"link", "iframe", "video", "image"} & {tag for tag, _ in page.tags}
    assert not any("src" in attributes for attributes in page.of("script"))
    text = page.path.read_text()
    assert not re.search(r"url\(|@import|https?:", text)
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert "Refused" not in page.text


def test_the_statistics_are_written_as_a_table_too(tmp_path: Path) -> None:
    folder = written(experiment(tmp_path))
    with open(folder / "summary.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["mean"]) for row in rows] == [("rapid", "20"), ("dlf-a", "30")]
    assert rows[1]["difference"] == "10"


def test_what_ran_is_told_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stemjax.report.index.git_revision", lambda: "0a1b2c-dirty")
    handmade = experiment(tmp_path)
    handmade.record("models/dlf-a/model.json", **{**_model(handmade), "versions": {"jax": "9.8.7"}})
    said = report(handmade).said()
    top = said[: said.index("Test fields of view")]
    for told in (
        "acquisitions 1 field of view to learn from (4 frames), "
        "2 fields of view kept from training (8 frames), 1 series (4 frames) models dlf-a, dlf-b",
        "mon, standard error 0.10 px; tue, standard error 0.10 px",
        "refused nothing warnings none",
        f"by stemjax {__version__}, revision 0a1b2c with uncommitted changes computed with",
        "jax 9.8.7",
    ):
        assert told in top


def test_simulated_data_are_told_as_such(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    assert "simulated" not in report(handmade).said().lower()
    sheet = [replace(row, truth="1_truth.h5") if row.role == "train" else row for row in SHEET]
    assert "; simulated models" in Page(written(handmade, sheet=sheet) / "index.html").said()


def test_warnings_of_rows_to_learn_from_are_told_too(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    converted = handmade.results / "converted/field-1.json"
    write_json(converted, {**read_json(converted), "warnings": ["<b>frame 3</b> is saturated"]})
    page = report(handmade)
    assert "warnings 1, see below" in page.said()
    assert page.said().count("field-1: <b>frame 3</b> is saturated") == 1
    assert not page.of("b")


def _model(handmade: object) -> dict[str, object]:
    return dict(read_json(handmade.results / "models/dlf-a/model.json"))


def test_reasons_are_shown_as_they_are_and_never_run(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.refused("converted/test-1.json", EVIL)
    page = report(handmade)
    assert f"test-1: {EVIL}" in page.text
    assert len(page.of("script")) == 1
    assert not page.of("b")


def test_what_was_refused_comes_first_and_once(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    for stage in ("converted", "dcfi", "restored/dlf-a", "restored/dlf-b"):
        handmade.refused(f"{stage}/test-1.json", "2.emd: cut off")
    for path in ("distortion/tue", "restored/dlf-a/other", "restored/dlf-b/other"):
        handmade.refused(f"{path}.json", "session 'tue': nothing to fit")
    for path in ("dataset/dlf-b", "models/dlf-b/model", "restored/dlf-b/heating"):
        handmade.refused(f"{path}.json", "too small")
    page = report(handmade)
    text = page.text[page.text.index("These could not") :]
    for line in (
        "test-1: 2.emd: cut off",
        "tue: session 'tue': nothing to fit",
        "dlf-b: too small",
    ):
        assert text.count(line) == 1
        assert 0 < text.index(line) < text.index("Results")
    assert page.text.count("Refused, see above") == 1  # test-1
    assert next(iter(page.pictures())).startswith("heating, ")
    assert "refused: too small" in page.text


def test_what_has_no_map_is_named_with_the_reason(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    assert "rapid geometry" not in report(handmade).text
    reason = "session 'tue': <b>nothing</b> to fit"
    for path in ("distortion/tue", "restored/dlf-a/other"):
        handmade.refused(f"{path}.json", reason)
    handmade.restored("dlf-b", "other", np.full((4, 64, 64), 3, np.uint16), "rapid")
    pairs = [{"acquisition": "field-1", "split": "train"}]
    chosen = settings(target="dcfi", correct=False)
    handmade.model("dlf-b", chosen, SCALE, pairs=pairs, steps=12)
    metrics(handmade, *(f"other,0,{m},psnr_dcfi,31.5" for m in ("rapid", "dlf-b")))
    page = report(handmade)
    label = f"In rapid geometry, not undistorted: its session has no map ({reason})."
    assert page.said().count(label) == 1
    assert page.said().index("series, session mon") < page.said().index(label)
    assert "rapid geometry: PSNR to the DCFI (dB)" in page.text
    assert "31.50" in page.text
    assert "dcfi, in rapid geometry" in page.text
    assert "other, dlf-b, rapid geometry" in page.pictures()


def test_an_acquisition_of_other_scan_settings_than_its_map_is_not_shown(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.map("tue", straight(64), height=48)
    page = report(handmade)
    assert page.text.count("Refused, see above") == 1
    assert not any(shown.startswith("other, ") for shown in page.pictures())


def test_records_of_rows_no_longer_in_the_sheet_are_not_shown(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    handmade.refused("converted/gone.json", "a file of last year")
    handmade.refused("restored/old-model/test-1.json", "a model of last year")
    assert "last year" not in report(handmade).text


def test_without_models_and_measurements_there_is_a_report_too(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    metrics(handmade)
    page = report(handmade, ())
    assert "Nothing could be measured" in page.text
    assert "test-1, DCFI, undistorted" in page.pictures()


def test_without_any_result_there_is_a_report_too(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    for row in ("field-1", *JUDGED):
        handmade.refused(f"converted/{row}.json", f"{row}: no frames")
    for path in ("distortion/mon", "distortion/tue", "models/dlf-a/model", "models/dlf-b/model"):
        handmade.refused(f"{path}.json", "nothing to start from")
    metrics(handmade)
    page = report(handmade)
    assert page.pictures() == {}
    assert "No session has a map" in page.text
    assert page.text.count("no frames") == 4


def test_figures_for_a_paper_are_shown_where_there_are_any(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    assert "figures.html" not in {each["href"] for each in report(handmade).of("a")}
    about = {"name": "1-scans", "title": "Scans", "caption": "Two <scans>.", "alt": "scans"}
    drawn = {**about, "files": ["1-scans.svg", "1-scans.pdf", "1-scans.png"]}
    handmade.record(
        "report/figures/figures.json",
        figures=[drawn],
        left_out=[{"name": "8", "reason": "no <net>"}],
    )
    folder = written(handmade)
    assert "figures.html" in {each["href"] for each in Page(folder / "index.html").of("a")}
    page = Page(folder / "figures.html")
    assert page.pictures() == {"scans": "figures/1-scans.svg"}
    assert "Two <scans>." in page.text
    assert "8: no <net>" in page.text
    hrefs = {each["href"] for each in page.of("a")}
    assert {f"figures/1-scans.{kind}" for kind in ("svg", "pdf", "png")} <= hrefs
