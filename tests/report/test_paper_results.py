"""The page of results, of a run made by hand: its values come from plain arithmetic."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import PIL.Image
import pytest

from stemjax.config import Distortion
from stemjax.errors import Refused
from stemjax.evaluate.table import COLUMNS
from stemjax.provenance import read_json, write_json
from stemjax.report.paper import results, sections, verdicts
from stemjax.report.paper.beyond import map_error, map_errors
from stemjax.report.paper.made import cost_table
from stemjax.report.paper.results import main, read_run, results_page
from tests.handmade import Handmade, canvas, settings, straight

SHEET = """\
acquisition	session	role	rapid	slow	truth
learn-1	mon	train	raw/simulated/a.emd	a_slow.emd	learn-1.h5
learn-2	mon	train	b.emd	b_slow.emd	learn-2.h5
test-1	mon	test	c.emd	c_slow.emd	test-1.h5
test-2	mon	test	d.emd	d_slow.emd	test-2.h5
heating	mon	series	e.emd	e_slow.emd	
"""
CONFIG = """\
models:
  dlf-slow: {target: slow}
  dlf-temporal: {target: slow, context: 5, restore: test}
  dlf-robust: {target: slow, scale: robust, restore: test}
  dlf-late: {target: slow}
distortion: {method: strips}
simulate: {seed: 7}
"""
OFFSETS = {"learn-1": 0.25, "learn-2": 0.75, "test-1": 9.0, "test-2": 9.0}
SCALE = dict.fromkeys(("rapid_offset", "rapid_scale", "target_offset", "target_scale"), 1.0)
PAIRS = [
    {"acquisition": "learn-1", "frames": [0, 4], "split": "train"},
    {"acquisition": "learn-2", "frames": [0, 3], "split": "train"},
    {"acquisition": "learn-2", "frames": [3, 4], "split": "validation"},
]
MEASURED = {
    "rapid": {"psnr_paper": (20.0, 20.0), "psnr_truth": (22.0, 24.0)},
    "wiener": {"psnr_paper": (20.0, 21.0), "psnr_truth": (31.0, 36.0)},
    "dcfi": {"psnr_paper": (19.0, 22.0), "psnr_truth": (23.0, 27.0)},
    "dlf-slow": {"psnr_paper": (21.0, 22.0), "psnr_truth": (30.0, 34.0)},
    "dlf-temporal": {"psnr_truth": (30.5, 34.25)},
    "dlf-robust": {"psnr_paper": (22.0, 25.0)},
}
TRUE = 1.5  # columns by which the simulated scan is moved


def table(folder: Path, measured: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """Leave measurements of both test fields of view."""
    lines = [
        f"test-{k},3,{method},{metric},{value}"
        for method, metrics in measured.items()
        for metric, values in metrics.items()
        for k, value in enumerate(values, 1)
    ]
    path = folder / "results" / "evaluation" / "metrics.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Leave an experiment whose map, of strips of 64 columns, lies 2 beside those it shows."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "acquisitions.tsv").write_text(SHEET)
    handmade = Handmade(tmp_path)
    for k, name in enumerate(("learn-1", "learn-2", "test-1", "test-2", "heating")):
        handmade.still(name, canvas(k))
        if name in OFFSETS:
            with h5py.File(tmp_path / f"{name}.h5", "w") as file:
                file["columns"] = np.arange(64.0) + TRUE
                file["offset"] = np.tile([50.0, OFFSETS[name]], (4, 1))
                file["clean"] = np.ones((4, 64, 64), np.uint16)
    path = handmade.map("mon", straight(64, 3.5), {"learn-1": (0, 0)})
    content = read_json(path)
    content |= {"method": "strips", "strips": {**content["strips"], "acquisition": "learn-1"}}
    write_json(path, content)
    for name in ("dlf-slow", "dlf-temporal", "dlf-robust"):
        handmade.model(name, settings(), SCALE, pairs=PAIRS, steps=1200, revision="abc")
    losses = "epoch,step,seconds\n1,100,2.0\n2,200,0.5\n3,300,1.0\n4,400,1.5\n"
    (handmade.results / "models/dlf-slow/metrics.csv").write_text(losses)
    handmade.record("restored/dlf-slow/heating.json", frames=100)
    handmade.record("restored/dlf-slow/test-1.json", frames=4)
    for name, seconds in (("heating", 8.0), ("test-1", 4.0)):
        benchmark(handmade, f"restore_acquisition/dlf-slow/{name}", s=seconds)
    benchmark(handmade, "train_unet/dlf-slow", s=60.0, cpu_time=90.0, max_rss=500.0)
    table(tmp_path, MEASURED)
    return tmp_path


@pytest.fixture(autouse=True)
def two_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two fields of view decide, whose intervals follow on paper."""
    monkeypatch.setattr(verdicts, "FEWEST_FIELDS", 2)
    monkeypatch.setattr(sections, "FEWEST_FIELDS", 2)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Fit a spline in no time: columns moved by 2; gives what was asked for."""
    calls: list[Any] = []

    def fit(session: str, converted: Any, dcfi: Any, chosen: Distortion) -> dict[str, Any]:
        calls.append((session, [p.stem for p in converted], [p.parent.name for p in dcfi], chosen))
        return {**straight(64, 2.0).to_json(), "acquisitions": [p.stem for p in converted]}

    monkeypatch.setattr("stemjax.report.paper.beyond.fit_session", fit)
    return calls


def page_of(folder: Path, scale: float) -> str:
    """Write the page of an experiment."""
    return results_page(*read_run(folder), scale, "pictures")


def benchmark(handmade: Handmade, job: str, **measured: float) -> None:
    """Leave what Snakemake measured of a job."""
    path = handmade.results / "benchmark" / f"{job}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(measured) + "\n")


def figures(folder: Path) -> None:
    """Leave two figures, of which the page shows one."""
    place = folder / "results" / "report" / "figures"
    place.mkdir(parents=True)
    told = [
        {"name": name, "title": f"Title of {name}", "caption": "After Fig. 3.", "alt": "Frames."}
        for name in ("3-restored", "8-network")
    ]
    left_out = [{"name": "6-series", "reason": "no series is restored"}]
    write_json(place / "figures.json", {"figures": told, "left_out": left_out})
    PIL.Image.new("RGBA", (40, 20)).save(place / "3-restored.png")


@pytest.mark.usefixtures("asked")
def test_figures_are_shown_with_their_captions(folder: Path) -> None:
    assert section(page_of(folder, 1.0), "What it looks like") == ""
    figures(folder)
    shown = section(page_of(folder, 1.0), "What it looks like")
    assert "![Frames.](pictures/3-restored.jpg)" in shown
    assert "*Title of 3-restored.* After Fig. 3." in shown
    assert "8-network" not in shown
    assert shown.rstrip().endswith("- 6-series could not be drawn: no series is restored")


def cells(page: str, first: str) -> list[str]:
    """Find the row of a table that begins so."""
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in row] for row in rows if row[0].strip() == first]
    assert len(found) == 1, (first, found)
    return found[0]


def section(page: str, title: str) -> str:
    """Cut out a section."""
    parts = page.split("\n## ")
    return next((part for part in parts if part.startswith(title)), "")


@pytest.mark.usefixtures("asked")
def test_claims_stand_beside_what_was_measured(folder: Path) -> None:
    page = section(page_of(folder, 0.1), "Claims")
    assert cells(page, "DLF-Slow raises the PSNR of rapid frames") == [
        "DLF-Slow raises the PSNR of rapid frames",
        "about 7 % (inside the interval)",
        "+7.5 % [+5.0, +10.0]",
        "PSNR to the truth +9.00 dB [+8.00, +10.00] (reproduced); "
        "a Wiener filter +2.5 % [0.0, +5.0]",
        "2",
        "reproduced",
    ]
    assert cells(page, "DLF-Slow has a higher PSNR than DCFI")[1:] == [
        "the order",
        "+1.00 dB [0.00, +2.00]",
        "PSNR to the truth +7.00 dB [+7.00, +7.00] (reproduced)",
        "2",
        "undecided",
    ]
    assert cells(page, "BM3D: the vertical streak in the spectrum is left")[2:] == [
        *("\u2013", "\u2013", "\u2013", "not measured")
    ]
    assert "Of 20 claims: 1 reproduced, 2 undecided, 17 not measured.\n" in page
    assert "- what DLF-Slow achieves: 1 reproduced, 1 undecided, 7 not measured\n" in page
    assert "frames of a field of view, here 4, and of the last of a series, 4." in page
    assert "fewer than 6 fields of view, of which even" in page


@pytest.mark.usefixtures("asked")
def test_only_what_is_not_reproduced_is_examined(folder: Path) -> None:
    page = section(page_of(folder, 0.1), "Where a claim or its number")
    assert "**DLF-Slow has a higher PSNR than DCFI** (undecided). Measured: +1.00 dB" in page
    assert "The interval over 2 fields of view holds 0 dB." in page
    assert "DLF-Slow sees one frame at a time" in page
    assert "of rapid frames**" not in page
    assert "A percentage of decibels" not in page
    assert "With `dlf-robust` in its place: +3.00 dB [+3.00, +3.00] (reproduced)." in page
    gained = {"rapid": (20.0, 21.0), "dcfi": (20.5, 21.5), "dlf-slow": (21.2, 22.7)}
    table(folder, {method: {"psnr_paper": values} for method, values in gained.items()})
    page = page_of(folder, 0.1)
    assert section(page, "Where a claim") == ""
    # What a measure cannot tell is told of claims that are reproduced, too.
    carry = section(page, "How far the measures carry")
    assert carry.count("*PSNR as in the paper.* It stretches both images") == 1
    assert "How the streak is measured" not in carry


@pytest.mark.usefixtures("asked")
def test_tables_show_means_and_intervals_of_every_method(folder: Path) -> None:
    page = section(page_of(folder, 1.0), "What was measured")
    assert cells(page, "dlf-slow") == [
        *("dlf-slow", "21.50 [21.00, 22.00]", "32.00 [30.00, 34.00]", "\u2013", "\u2013")
    ]
    assert page.count("Not measured.") == 7  # but likeness of test fields
    assert "PSNR to the truth (dB), `psnr_truth`" in page


def test_maps_are_judged_where_their_fields_lay(folder: Path, asked: list[Any]) -> None:
    page = section(page_of(folder, 1.0), "What stemjax adds")
    # A field that lies 0.25 to the right shows at column x what lies at x - 0.25.
    none, strips, one, both = 0.25 - TRUE, 3.75 - TRUE, 2.25 - TRUE, 2.5 - TRUE
    rows = [line for line in page.splitlines() if line.startswith("| mon |")]
    assert rows == [
        f"| mon | none | \u2013 | 0.00 | \u2212{-none:.2f} | {-none:.2f} | {-none:.2f} |",
        f"| mon | strips, the paper's | 1 | 0.00 | {strips:.2f} | {strips:.2f} | {strips:.2f} |",
        f"| mon | spline | 1 | 0.00 | {one:.2f} | {one:.2f} | {one:.2f} |",
        f"| mon | spline | 2 | 0.00 | {both:.2f} | {both:.2f} | {both:.2f} |",
    ]
    chosen = Distortion(method="spline")
    assert asked == [
        ("mon", ["learn-1"], ["dcfi"], chosen),
        ("mon", ["learn-1", "learn-2"], ["dcfi", "dcfi"], chosen),
    ]


def test_a_map_that_cannot_be_fitted_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise Refused("too small")

    monkeypatch.setattr("stemjax.report.paper.beyond.fit_session", refuse)
    assert [row[1] for row in map_errors(read_run(folder)[0])] == ["none", "strips"]
    (folder / "learn-1.h5").unlink()  # the truth is large, and the first to go
    assert map_errors(read_run(folder)[0]) == []
    handmade = Handmade(folder)
    handmade.refused("distortion/mon.json", "no slow scan")
    assert map_errors(read_run(folder)[0]) == []


def test_the_error_of_a_map_is_split_into_shift_and_bend() -> None:
    truth = np.arange(64.0)
    wave = np.where(np.arange(64) % 2, 1.0, -1.0)
    found = map_error(truth + 0.5 + wave, truth, 0.0)
    assert found is not None
    assert (found.shift, found.bend, found.worst) == pytest.approx((0.5, 1.0, 1.5))
    assert found.rms == pytest.approx(1.25**0.5)
    truth[:20] = np.nan  # the rapid frame sees none of these
    wrong = np.where(np.arange(64) < 20, 99.0, np.arange(64.0))
    unseen = map_error(wrong, truth, 0.0)
    assert unseen is not None
    assert unseen.worst == 0.0
    edges = np.arange(64.0)
    edges[[0, 7, 56, 63]] = 99
    at_edges = map_error(edges, np.arange(64.0), 0.0)
    assert at_edges is not None
    assert at_edges.worst == 0.0
    assert map_error(np.arange(64.0), np.full(64, np.nan), 0.0) is None


@pytest.mark.usefixtures("asked")
def test_time_and_speed_come_from_the_records(folder: Path) -> None:
    for name, clock, ended in (
        ("a", "10:00:00", "10:00:05"),
        ("b/c", "10:00:03", "10:02:30"),
        ("b/d", "10:01:00", "10:02:00"),  # within that
        ("e", "11:00:00", "11:00:10"),  # after a pause
    ):
        attempts = folder / "logs" / f"{name}.attempts"
        attempts.parent.mkdir(parents=True, exist_ok=True)
        attempts.write_text(f"attempt 1 on node, 2026-01-02 {clock}, process 7\ndone in 2 s\n")
        end = datetime.fromisoformat(f"2026-01-02 {ended}").timestamp()
        os.utime(attempts, (end, end))
    page = page_of(folder, 1.0)
    adds, made = section(page, "What stemjax adds"), section(page, "How it was made")
    # 100 steps of 4 patches in the median second, the first epoch apart; 100 frames in 8 s
    assert cells(adds, "dlf-slow")[1:] == ["100.0", "400.0", "12.5", "100"]
    assert "| dlf-temporal |" + " \u2013 |" * 4 in adds
    over_wiener = "\u22121.12 dB [\u22121.75, \u22120.50]"
    over_slow = "+0.38 dB [+0.25, +0.50]"
    assert f"| dlf-temporal | PSNR to the truth | {over_slow} | {over_wiener} | 2 |" in adds
    assert "| dlf-robust | PSNR to the truth" not in adds
    network = ["2 features, depth 1", "robust", "0.003"]
    assert cells(made, "dlf-slow")[1:] == ["slow", *network, "2", "7", "2", "1,200", "5 s"]
    assert cells(made, "train_unet") == ["train_unet", "1", "1 min 00 s", "1.5", "500"]
    assert "- Time: 2 min 40 s in which jobs ran, 1 min 12 s of all jobs added up" in made
    assert "- Commit: abc" in made
    assert "- Seeds: simulation 7, training 0" in made
    assert "- Distortion map: 1 session" in made
    assert "dlf-late" not in page  # the config's, but never trained


@pytest.mark.usefixtures("asked")
def test_an_experiment_is_found_from_where_the_command_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark(Handmade(folder), "simulate_acquisition/learn-1", s=5.0)
    monkeypatch.chdir(folder.parent)
    run, _ = read_run(Path(folder.name))
    assert [row[0] for row in cost_table(run)] == [
        *("rule", "train_unet", "restore_acquisition", "simulate_acquisition")
    ]
    assert [row[1] for row in map_errors(run)] == ["none", "strips", "spline", "spline"]


@pytest.mark.usefixtures("asked")
def test_a_page_comes_out_of_little(folder: Path) -> None:
    for path in (folder / "results").iterdir():
        if path.name not in ("evaluation", "models"):
            path.rename(folder / f"gone-{path.name}")
    table(folder, {"rapid": {"psnr_slow": (20.0, 21.0)}})
    (folder / "results" / "models").rename(folder / "gone-models")
    page = page_of(folder, 0.01)
    assert "Of 20 claims: 20 not measured." in page
    assert section(page, "Where a claim") == ""
    assert section(page, "What stemjax adds").count("Not measured.") == 3
    assert "`make paper SCALE=0.01`" in page
    assert "5 acquisitions, 2 train, 2 test, 1 series" in page
    assert "Pairs" not in page


def test_the_command_writes_the_page_or_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page: Any = lambda run, config, scale, pictures: f"# {scale} {pictures}\n"  # noqa: E731
    monkeypatch.setattr(results, "results_page", page)
    output = folder / "made" / "results.md"
    assert main([str(folder), "0.1", str(output)]) == 0
    assert output.read_text() == "# 0.1 results-pictures\n"
    assert [path.name for path in output.parent.iterdir()] == ["results.md"]
    figures(folder)
    assert main([str(folder), "0.1", str(output)]) == 0
    (picture,) = (output.parent / "results-pictures").iterdir()
    assert picture.name == "3-restored.jpg"
    with PIL.Image.open(picture) as shown:
        assert shown.size == (40, 20)
    monkeypatch.undo()
    capsys.readouterr()
    (folder / "results/evaluation/metrics.csv").unlink()
    assert main([str(folder), "0.1", str(output)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "metrics.csv: there are no measurements" in line
    assert main([str(folder / "elsewhere"), "0.1", str(output)]) == 1
    assert "config.yaml: cannot read the config: No such file" in capsys.readouterr().err
    (folder / "config.yaml").write_text("models: [")
    assert main([str(folder), "0.1", str(output)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "config.yaml: no YAML: while parsing" in line


@pytest.mark.usefixtures("asked")
def test_invented_lines_and_better_filters_are_told(folder: Path) -> None:
    values = {
        "rapid": {"false_lines_blank": (0.0, 0.1), "psnr_truth": (20.0, 20.0)},
        "wiener": {"false_lines_blank": (0.0, 0.0), "psnr_truth": (30.0, 31.0)},
        "bm3d": {"psnr_truth": (25.0, 35.0)},  # better on one field, worse on the other
        "dlf-slow": {"false_lines_blank": (2.0, 5.0), "psnr_truth": (29.0, 29.0)},
        "dlf-robust": {"false_lines_blank": (0.0, 0.2), "psnr_truth": (32.0, 32.0)},
    }
    table(folder, values)
    told = section(page_of(folder, 1.0), "What to beware of").splitlines()
    assert "- test fields of view: dlf-slow 3.5, dlf-robust 0.1." in told
    assert "- than dlf-slow: Wiener +1.50 dB [+1.00, +2.00]." in told
    assert "- than dlf-robust: none for certain." in told
    table(folder, {"rapid": {"psnr_truth": (20.0, 20.0)}})
    assert section(page_of(folder, 1.0), "What to beware of") == ""
