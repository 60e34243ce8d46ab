"""What runs again after a change, and that nothing else is touched: docs/incremental.md by rows."""

import json
import os

import h5py
import numpy as np

from stemjax.simulate.velox import ScanSettings, write_velox

from .conftest import FROM_THE_MAP, MAP, REPORT, ROWS, Experiment, chain, record, redo


def test_nothing_changed(experiment: Experiment) -> None:
    done = redo(experiment)
    assert done.jobs == set()
    assert "Nothing to be done" in done.said


def test_raw_files_were_touched(experiment: Experiment) -> None:
    for raw in (experiment.folder / "raw/simulated").iterdir():
        os.utime(raw)
    assert redo(experiment).jobs == set()


def test_a_test_field_of_view_and_a_series_are_new(experiment: Experiment) -> None:
    test = {"simulate_acquisition new"} | chain("new", role="test")
    series = {"simulate_acquisition hot", "simulate_log hot"} | chain("hot", role="series")
    experiment.write_sheet({**ROWS, "new": "test"})
    assert experiment.planned() == test
    experiment.write_sheet({**ROWS, "hot": "series"})
    assert experiment.planned() == series
    experiment.write_sheet({**ROWS, "new": "test", "hot": "series"})
    done = redo(experiment)
    assert done.jobs == test | series
    assert "evaluation/metrics" in done.changed


def test_a_hundred_frames_were_appended(experiment: Experiment) -> None:
    raw = experiment.folder / "raw/simulated"
    rapid = raw / "heating-1_rapid.emd"
    with h5py.File(rapid) as file:
        (image,) = file["Data/Image"].values()
        frames = np.moveaxis(image["Data"][...], -1, 0)
        meta = json.loads(image["Metadata"][:, 0].tobytes().rstrip(b"\0"))
    longer = np.concatenate([frames, frames[:40], frames])
    scan, core = meta["Scan"], meta["Acquisition"]["AcquisitionStartDatetime"]
    settings = ScanSettings(
        dwell_us=float(scan["DwellTime"]) * 1e6,
        line_time_us=float(scan["LineTime"]) * 1e6,
        pixel_size_nm=float(meta["BinaryResult"]["PixelSize"]["width"]) * 1e9,
        current_pa=float(meta["Optics"]["ScreenCurrent"]) * 1e12,
        started=int(core["DateTime"]),
    )
    write_velox(rapid, longer, settings)
    with h5py.File(raw / "heating-1_truth.h5", "a") as truth:
        for key in ("clean", "moving", "offset"):
            whole = truth[key][...]
            del truth[key]
            truth[key] = np.concatenate([whole, whole[:40], whole])

    shards = [
        experiment.folder / f"results/{store}.zarr/{array}/c/0/0/0"
        for store, array in (("converted/heating-1", "rapid"), ("restored/dlf-slow/heating-1", "0"))
    ]
    before = [(shard.stat().st_mtime_ns, shard.read_bytes()) for shard in shards]
    done = redo(experiment)
    assert done.jobs == chain("heating-1", role="series")
    assert "convert heating-1: 3 of 4 shards written" in done.said  # of 60 frames to 160
    assert "restore heating-1: 3 of 4 units computed" in done.said
    assert [(shard.stat().st_mtime_ns, shard.read_bytes()) for shard in shards] == before
    assert record(experiment, "results/restored/dlf-slow/heating-1.json")["frames"] == 160
    assert record(experiment, "results/dcfi/heating-1.json")["first_frame"] == 110


def test_a_slow_scan_was_replaced(experiment: Experiment) -> None:
    """Of a test field of view: it is judged anew, and restored frames stay as they are."""
    raw = experiment.folder / "raw/simulated"
    with h5py.File(raw / "test-1_slow.emd", "a") as file:
        (image,) = file["Data/Image"].values()
        image["Data"][...] = np.roll(image["Data"][...], 1, axis=0)
    done = redo(experiment)
    assert done.jobs == chain("test-1", role="test")
    assert "convert test-1: 0 of 1 shards written" in done.said
    assert "restore test-1: 0 of 1 units computed" in done.said
    assert {"converted/test-1", "evaluation/metrics"} <= done.changed
    assert not {"dcfi/test-1", "restored/dlf-slow/test-1"} & done.changed


def test_a_slow_scan_of_a_train_field_of_view_was_replaced(experiment: Experiment) -> None:
    with h5py.File(experiment.folder / "raw/simulated/train-1_slow.emd", "a") as file:
        (image,) = file["Data/Image"].values()
        image["Data"][...] = np.roll(image["Data"][...], 1, axis=0)
    assert experiment.planned() == chain("train-1", role="train") | FROM_THE_MAP
    done = redo(experiment, MAP)
    assert done.changed == {"converted/train-1", "distortion/day-1"}


def test_a_log_was_added(experiment: Experiment) -> None:
    sheet = experiment.folder / "acquisitions.tsv"
    with_log, log = sheet.read_text(), "raw/simulated/heating-1_log.csv"
    sheet.write_text(with_log.replace(log, ""))
    experiment.run("results/report/movies/dlf-slow/heating-1.json")
    sheet.write_text(with_log)
    done = redo(experiment)
    assert done.jobs == {"render_movie dlf-slow heating-1", *REPORT}
    assert done.changed == {"report/movies/dlf-slow/heating-1"}
    (experiment.folder / "log.csv").write_text("time_s,temperature_C\n0,20\n")
    sheet.write_text(with_log.replace(log, "log.csv"))
    assert experiment.planned() == {"render_movie dlf-slow heating-1", *REPORT}
    header, first, *rest = with_log.splitlines()
    cells = first.split("\t")
    cells[5] = "log.csv"  # of a field of view that has no movie
    sheet.write_text("\n".join([header, "\t".join(cells), *rest]) + "\n")
    assert experiment.planned() == REPORT


def test_a_refused_file_stops_nobody_and_mending_it_runs_its_own_chain(
    experiment: Experiment,
) -> None:
    raw = experiment.folder / "raw/simulated/test-1_rapid.emd"
    good = raw.read_bytes()
    raw.write_bytes(good[: len(good) // 2])
    assert redo(experiment).jobs == chain("test-1", role="test")
    for path in ("converted/test-1", "dcfi/test-1", "restored/dlf-slow/test-1"):
        content = record(experiment, f"results/{path}.json")
        assert content["status"] == "refused"
        assert "test-1_rapid.emd" in content["reason"]
    page = experiment.text("results/report/index.html")
    assert page.index("Refused") < page.index("Results") < page.index("Acquisitions")
    assert "heating-1" in experiment.text("results/evaluation/metrics.csv")
    assert "test-1" not in experiment.text("results/evaluation/metrics.csv")

    raw.write_bytes(good)
    done = redo(experiment)
    assert done.jobs == chain("test-1", role="test")
    assert "evaluation/metrics" in done.changed
    assert "Refused" not in experiment.text("results/report/index.html")


def test_a_test_row_was_removed(experiment: Experiment) -> None:
    """Its results stay, and the report knows nothing of them."""
    experiment.write_sheet({name: role for name, role in ROWS.items() if name != "test-1"})
    done = redo(experiment)
    assert done.jobs == {"collect_metrics", *REPORT}
    assert done.changed == {"evaluation/metrics"}
    assert "test-1" not in experiment.text("results/report/index.html")


def test_a_train_row_was_removed(experiment: Experiment) -> None:
    experiment.write_sheet({name: role for name, role in ROWS.items() if name != "train-2"})
    assert experiment.planned() == FROM_THE_MAP
    done = redo(experiment, MAP)
    assert done.changed == {"distortion/day-1"}
    assert record(experiment, MAP)["acquisitions"] == ["train-1"]
