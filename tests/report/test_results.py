"""How the report's first page tells the results."""

import re
from pathlib import Path

import pytest

from stemjax.evaluate.statistics import METHODS, summarise
from stemjax.report.index import result_groups
from tests.report.pages import experiment, metrics, report, written


@pytest.fixture(autouse=True)
def _without_other_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contours take time, and are on other pages."""
    monkeypatch.setattr("stemjax.report.acquisition.outlines", lambda image: "M0 0")


def test_results_are_told_with_difference_and_explanation(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    rows = []
    for name, (rapid, mine) in {"test-1": (20.0, 30.0), "other": (22.0, 34.0)}.items():
        rows += [f"{name},0,rapid,psnr_slow,{rapid}", f"{name},0,dlf-a,psnr_slow,{mine}"]
    metrics(handmade, *rows, "heating,0,rapid,line_width,1.25")
    page = report(handmade)
    said = page.said()
    for told in ("21.00 20.00 to 22.00", "32.00 30.00 to 34.00 +11.00", "+10.00 to +12.00"):
        assert told in said
    assert "Test fields of view: mean over 2 fields of view, with the range of the fields" in said
    assert "Series: mean over 1 field of view, too few for an interval" in said
    assert "PSNR to the slow scan (dB) higher is better Mean squared error" in said
    assert "line width, ratio to the slow scan's nearer to 1 is better Ratio" in said
    assert "Test fields of view: PSNR to the slow scan of each method" in page.charts()
    best = [each for each in page.of("span") if "best" in str(each.get("class"))]
    assert len(best) == 1


def test_the_best_value_depends_on_what_is_wanted(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    values = {"streak_db": (5.0, 2.0), "psnr_slow": (30.0, 20.0), "line_offset_px": (1.0, 3.0)}
    values["follows_per_um"] = (90.0, 40.0)  # of noise
    values["line_precision"] = (0.9, 0.9)
    rows = [f"test-1,0,rapid,{name},{a}" for name, (a, _) in values.items()]
    metrics(handmade, *rows, *(f"test-1,0,dlf-a,{name},{b}" for name, (_, b) in values.items()))
    text = (written(handmade) / "index.html").read_text()
    assert set(re.findall(r'value best">([\d.]+)<', text)) == {"2.00", "30.00", "1.00"}


def test_equal_best_values_are_all_marked(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    values = {"rapid": 1.5, "dcfi": 0.0, "dlf-a": 0.00001}
    metrics(handmade, *(f"test-1,0,{m},false_lines_blank,{v}" for m, v in values.items()))
    text = (written(handmade) / "index.html").read_text()
    assert re.findall(r'value best">([\d.]+)<', text) == ["0.000", "0.000"]


def groups(fields: int, *values: tuple[str, str, float]) -> list:
    rows = [
        {"acquisition": str(k), "frame": "0", "method": method, "metric": metric, "value": value}
        for k in range(fields)
        for method, metric, value in values
    ]
    return result_groups(summarise(rows, {str(k): "test" for k in range(fields)}), ["net"])


@pytest.mark.parametrize(("fields", "named"), [(2, "range"), (3, "range"), (4, "95 % interval")])
def test_of_so_few_fields_an_interval_is_called_their_range(fields: int, named: str) -> None:
    (group,) = groups(fields, ("rapid", "psnr_slow", 20.0), ("net", "psnr_slow", 30.0))
    assert group["spread"].startswith(named)
    assert group["fields"] == fields


def test_the_page_says_what_the_intervals_are(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    names = ("test-1", "other")
    metrics(handmade, *(f"{name},0,rapid,psnr_slow,2{k}" for k, name in enumerate(names)))
    said = report(handmade).said()
    assert "of so few, a 95 % interval is no more than that" in said
    assert "method mean range of the fields standard deviation" in said


def test_who_invents_lines_is_said_in_a_sentence() -> None:
    blank, dark = "false_lines_blank", "false_lines_dark"
    (group,) = groups(
        2,
        *(("rapid", blank, 1.0), ("dcfi", blank, 0.0), ("net", blank, 0.25)),
        *(("rapid", dark, 0.0), ("net", dark, 0.0)),
    )
    assert group["invented"] == [
        "In restored frames of an empty specimen, false lines are drawn by: "
        "rapid frame (1.000 µm/µm²), net (0.250 µm/µm²); none by DCFI.",
        "In restored frames of a beam that was off, no method draws false lines.",
    ]
    (group,) = groups(2, ("rapid", "psnr_slow", 1.0))
    assert group["invented"] == []


def test_one_chart_of_each_kind_is_drawn() -> None:
    names = ("psnr_truth", "psnr_slow", "ssim_slow", "frc_per_um", "line_precision")
    (group,) = groups(2, *(("net", name, 1.0) for name in names))
    drawn = [chart.title.partition(",")[0] for chart in group["charts"]]
    assert drawn == [
        "PSNR to the slow scan (dB)",
        "resolution by Fourier ring correlation (1/µm)",
        "lines that are real (precision)",
    ]
    (group,) = groups(2, ("net", "psnr_dcfi", 1.0))
    assert [chart.title.partition(",")[0] for chart in group["charts"]] == [
        "rapid geometry: PSNR to the DCFI (dB)"
    ]


def test_methods_bear_the_names_that_people_give_them() -> None:
    (group,) = groups(2, *((method, "psnr_slow", 1.0) for method in (*METHODS, "net")))
    assert group["methods"] == [
        ("rapid frame", False),
        ("DCFI", False),
        ("Gaussian", False),
        ("non-local means", False),
        ("Wiener", False),
        ("BM3D", False),
        ("BM3D (spectrum)", False),
        ("net", True),
    ]
