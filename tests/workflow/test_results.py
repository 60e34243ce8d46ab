"""The whole workflow on a folder outside the clone: what it leaves, and where."""

import csv
import json
import shutil
import zipfile
from html import unescape
from html.parser import HTMLParser

import numpy as np
import zarr
from safetensors.numpy import load_file

from .conftest import ROOT, ROWS, Experiment


def test_every_result_path_of_the_design_exists(finished: Experiment) -> None:
    results = finished.folder / "results"
    converted = zarr.open_group(results / "converted/test-1.zarr", mode="r")
    assert converted["rapid"].shape == (4, 64, 64)
    assert converted["slow"].shape == (64, 64)
    integrated = zarr.open_group(results / "dcfi/test-1.zarr", mode="r")
    assert integrated["dcfi"].shape == (64, 64)
    assert integrated["drift"].shape == (4, 2)
    restored = zarr.open_group(results / "restored/dlf-slow/heating-1.zarr", mode="r")
    assert restored["0"].shape == (60, 64, 64)
    assert restored["0"].dtype == np.uint16
    assert restored["mask"].shape == (64, 64)
    movies = results / "report/movies/dlf-slow"
    names = [f"heating-1.{kind}" for kind in ("json", "mp4", "png")]
    assert sorted(path.name for path in movies.iterdir()) == names
    assert json.loads((movies / "heating-1.json").read_text())["warnings"] == []
    assert load_file(results / "models/dlf-slow/parameters.safetensors")
    assert (results / "models/dlf-slow/metrics.csv").exists()
    for stage in ("converted", "dcfi"):
        for name in ("train-1", "train-2", "test-1", "heating-1"):
            assert json.loads((results / stage / f"{name}.json").read_text())["status"] == "ok"


def test_the_map_says_what_other_tools_rely_on(finished: Experiment) -> None:
    record = json.loads(finished.text("results/distortion/day-1.json"))
    columns = np.array(record["columns"])
    assert len(columns) == len(record["valid"]) == len(record["sigma"]) == 64
    assert np.all(np.diff(columns) > 0)
    assert record["acquisitions"] == ["train-1", "train-2"]
    assert set(record["shifts"]) == set(record["residual"]) == {"train-1", "train-2"}
    assert record["method"] == "spline"
    assert {"row_shift", "lag", "digest"} <= set(record)


def test_metrics_are_one_long_table(finished: Experiment) -> None:
    with open(finished.folder / "results/evaluation/metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["acquisition", "frame", "method", "metric", "value"]
    assert {row["acquisition"] for row in rows} == {"test-1", "heating-1"}
    assert {row["method"] for row in rows} == {"rapid", "dcfi", "gaussian", "dlf-slow"}


def test_the_report_asks_for_nothing_and_leads_to_all_pages(finished: Experiment) -> None:
    report = finished.folder / "results/report"
    found: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(page := finished.text("results/report/index.html"))
    pictures = [attributes for tag, attributes in found if tag == "img"]
    assert len(pictures) == 4  # rapid and restored, of two acquisitions
    assert all(str(each["src"]).startswith("data:image/") for each in pictures)
    assert all(each["alt"] for each in pictures)
    assert not {"link", "iframe"} & {tag for tag, _ in found}
    assert not [attributes for tag, attributes in found if tag == "script" and "src" in attributes]
    assert "Refused" not in page
    links = {str(each["href"]) for tag, each in found if tag == "a" and "href" in each}
    pages = {"acquisitions/test-1.html", "acquisitions/heating-1.html", "figures.html"}
    assert {*pages, "models/dlf-slow.html", "maps/day-1.html", "summary.csv"} <= links
    assert [
        link for link in links if not link.startswith("#") and not (report / link).exists()
    ] == []


def test_snakemakes_own_report_holds_ours_with_captions(finished: Experiment) -> None:
    finished.run("--report", "report.zip")
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
        told = archive.read("report/report.html").decode()
    assert {"index.html", "summary.csv", "2-workflow.svg", "8-network.svg"} <= names
    for category_or_caption in ("Evaluation", "Figures", "95 % interval", "This page stands alone"):
        assert category_or_caption in told


def test_progress_is_told_and_kept_in_the_log(finished: Experiment) -> None:
    assert "train: epoch 2/2" in finished.text("logs/train_unet/dlf-slow.log")


def test_own_raw_files_run_from_another_folder(finished: Experiment, tmp_path) -> None:
    """Raw files with a sheet and an empty config: nothing is simulated, nothing fabricated."""
    own = Experiment(tmp_path / "own data")
    own.folder.mkdir()
    for part in ("rapid.emd", "slow.emd"):
        for name in ("train-1", "test-1"):
            shutil.copy(finished.folder / f"raw/simulated/{name}_{part}", own.folder)
    lines = ["acquisition\tsession\trole\trapid\tslow"]
    lines += ["a\tmonday\ttrain\ttrain-1_rapid.emd\ttrain-1_slow.emd"]
    lines += ["b\tmonday\ttest\ttest-1_rapid.emd::BF\ttest-1_slow.emd"]
    (own.folder / "acquisitions.tsv").write_text("\n".join(lines) + "\n")
    (own.folder / "config.yaml").write_text("acquisitions: acquisitions.tsv\n")
    assert "train_unet dlf-dcfi" in own.planned()  # the defaults
    own.write_config(simulate=None, evaluate=None)
    own.run()
    assert "psnr_slow" in own.text("results/evaluation/metrics.csv")
    assert not (own.folder / "raw").exists()


def test_a_session_takes_over_the_map_of_another(finished: Experiment, tmp_path) -> None:
    """The second session has no train row and no slow scan: the map and the model are lent."""
    own = Experiment(tmp_path / "borrowed")
    own.folder.mkdir()
    for raw in ("train-1_rapid", "train-1_slow", "heating-1_rapid"):
        shutil.copy(finished.folder / f"raw/simulated/{raw}.emd", own.folder)
    lines = ["acquisition\tsession\trole\trapid\tslow"]
    lines += ["a\tmonday\ttrain\ttrain-1_rapid.emd\ttrain-1_slow.emd"]
    lines += ["b\ttuesday\tseries\theating-1_rapid.emd\t"]
    (own.folder / "acquisitions.tsv").write_text("\n".join(lines) + "\n")
    own.write_config(simulate=None, distortion={"borrow": {"tuesday": "monday"}})
    own.run()
    monday, tuesday = (
        json.loads(own.text(f"results/distortion/{session}.json"))
        for session in ("monday", "tuesday")
    )
    assert tuesday["columns"] == monday["columns"]
    assert tuesday["borrowed"] == "monday"
    restored = zarr.open_group(own.folder / "results/restored/dlf-slow/b.zarr", mode="r")
    assert restored["0"].shape == (60, 64, 64)
    assert "Borrowed from monday" in own.text("results/report/index.html")
    own.write_config(simulate=None, distortion={"borrow": {"tuesday": "wednesday"}})
    failed = own.snakemake("--dry-run")
    assert "distortion.borrow.tuesday: 'wednesday' is neither" in failed.stdout + failed.stderr


def test_a_session_without_a_map_is_restored_by_a_model_that_needs_none(tmp_path) -> None:
    """From a single frame there is no noise to measure the lag by, and so no map."""
    hopeless = Experiment(tmp_path / "hopeless")
    hopeless.folder.mkdir()
    hopeless.write_config(
        models={"dlf-slow": {}, "raw-dcfi": {"target": "dcfi", "correct": False}},
        simulate={"size": 64, "frames": 1, "series_frames": 3},
    )
    hopeless.write_sheet(ROWS)
    hopeless.run()
    why = json.loads(hopeless.text("results/distortion/day-1.json"))["reason"]
    for name in ("test-1", "heating-1"):
        refused = json.loads(hopeless.text(f"results/restored/dlf-slow/{name}.json"))
        assert refused["status"] == "refused"
        restored = json.loads(hopeless.text(f"results/restored/raw-dcfi/{name}.json"))
        assert (restored["status"], restored["geometry"]) == ("ok", "rapid")
    store = zarr.open_group(hopeless.folder / "results/restored/raw-dcfi/heating-1.zarr", mode="r")
    assert store["0"].shape == (3, 64, 64)
    assert not store["mask"][...].any()
    with open(hopeless.folder / "results/evaluation/metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} == {"rapid", "gaussian", "raw-dcfi"}
    assert {row["metric"] for row in rows} == {"psnr_dcfi", "ssim_dcfi"}
    page = unescape(hopeless.text("results/report/index.html"))
    assert page.count("In rapid geometry, not undistorted") == 2
    assert page.count("raw-dcfi, rapid geometry") == 4
    assert page.count(f"no map ({why})") == 2
    assert hopeless.planned() == set()


def test_a_picture_serves_as_specimen(realdata, tmp_path) -> None:
    """Real dislocations under the simulated scan, from raw file to report."""
    real = Experiment(tmp_path / "real")
    real.folder.mkdir()
    picture = str(realdata / "ti_insitu_1751.png")
    real.write_config(simulate={"size": 64, "frames": 4, "series_frames": 4, "specimen": picture})
    real.write_sheet({"train-1": "train", "test-1": "test"})
    real.run()
    assert "test-1" in real.text("results/report/index.html")


def test_lint_finds_nothing() -> None:
    done = Experiment(ROOT).snakemake("--lint")
    assert done.returncode == 0, done.stdout + done.stderr
