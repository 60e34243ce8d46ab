"""What failed is done again, and nothing half-made is taken for whole: DESIGN's records at work."""

import json
import shutil

import numpy as np
import zarr

from .conftest import ROWS, Experiment, chain, of_model


def test_a_training_that_failed_under_an_old_report_is_done_again(experiment: Experiment) -> None:
    """The declared record is gone with the failure, so that the old report cannot pass for new."""
    report = experiment.text("results/report/index.html")
    changed = {"epochs": 3, "batch_size": 4, "patch": 32}
    experiment.write_config(train=changed)
    parameters = experiment.folder / "results/models/dlf-slow/parameters.safetensors"
    parameters.unlink()
    parameters.mkdir()  # in the way of the new ones
    failed = experiment.snakemake()
    assert failed.returncode != 0
    assert experiment.text("results/report/index.html") == report
    assert "error:" in experiment.text("logs/train_unet/dlf-slow.log").splitlines()[-1]
    parameters.rmdir()
    assert "train_unet dlf-slow" in experiment.planned()
    experiment.run()
    record = json.loads(experiment.text("results/models/dlf-slow/model.json"))
    assert record["config"]["train"]["epochs"] == 3
    assert experiment.text("results/report/index.html") != report


def test_a_bad_file_ends_the_run_where_the_config_says_so(experiment: Experiment) -> None:
    experiment.write_config(on_bad_input="fail")
    assert experiment.planned() == set()
    (experiment.folder / "raw/simulated/test-1_rapid.emd").write_bytes(b"")
    assert experiment.snakemake().returncode != 0
    last = experiment.text("logs/convert_acquisition/test-1.log").splitlines()[-1]
    assert last.startswith("error: raw/simulated/test-1_rapid.emd")


def test_a_session_without_a_map_ends_in_the_report(experiment: Experiment) -> None:
    raw = experiment.folder / "raw/simulated"
    good = {path: path.read_bytes() for path in raw.glob("train-*_slow.emd")}
    for path in good:
        path.write_bytes(b"")
    experiment.run()
    for record in ("distortion/day-1", "dataset/dlf-slow", "restored/dlf-slow/test-1"):
        assert json.loads(experiment.text(f"results/{record}.json"))["status"] == "refused"
    assert "Refused" in experiment.text("results/report/index.html")

    for path, content in good.items():
        path.write_bytes(content)  # mended, the session gets its map after all
    planned = experiment.planned()
    assert {"fit_distortion day-1", "train_unet dlf-slow"} <= planned


def test_a_mended_train_file_changes_no_map_and_no_model(experiment: Experiment) -> None:
    """What was refused when map and model were made is, once mended, like a new row."""
    experiment.write_sheet({**ROWS, "late": "train"})
    late = experiment.folder / "raw/simulated/late_rapid.emd"
    experiment.run("raw/simulated/late_rapid.emd")
    good = late.read_bytes()
    late.write_bytes(b"not yet copied")
    shutil.rmtree(experiment.folder / "results/selection")  # make map and model anew, from all rows
    experiment.run("--forcerun", "fit_distortion")
    assert json.loads(experiment.text("results/distortion/day-1.json"))["acquisitions"] == [
        "train-1",
        "train-2",
    ]
    late.write_bytes(good)
    assert experiment.planned() == chain("late", role="train")


def test_equal_results_do_not_spread(experiment: Experiment) -> None:
    """Converted again to the same arrays, an acquisition starts nothing in later runs."""
    experiment.run("--forcerun", "convert_acquisition", "--until", "convert_acquisition")
    assert experiment.planned() == set()


def test_a_changed_network_retrains_only(experiment: Experiment) -> None:
    experiment.write_config(unet={"features": 4, "depth": 1})
    assert experiment.planned() == {"train_unet dlf-slow"} | of_model("dlf-slow")


def test_jobs_share_out_a_series_where_the_profile_says_so(experiment: Experiment) -> None:
    """Each does its units, the last job none; the frames are those that one job restored."""
    store = experiment.folder / "results/restored/dlf-slow/heating-1.zarr"
    before = zarr.open_group(store, mode="r")["0"][...]
    shutil.rmtree(store)
    (store.with_suffix(".json")).unlink()
    said = experiment.run("--set-scatter", "restore=2", "--until", "restore_acquisition")
    np.testing.assert_array_equal(zarr.open_group(store, mode="r")["0"][...], before)
    assert "restore heating-1, part 1 of 2: 1 of 1 units computed" in said
    assert "restore heating-1, part 2 of 2: 1 of 1 units computed" in said
    assert "restore heating-1: 0 of 2 units computed" in said
    assert "restore_part dlf-slow test-1" not in said
    assert not store.with_suffix(".parts").exists()


def test_the_profile_chooses_the_scheduler(experiment: Experiment) -> None:
    store = experiment.folder / "results/restored/dlf-slow/heating-1.zarr"
    shutil.rmtree(store)
    record = "results/restored/dlf-slow/heating-1.json"
    (experiment.folder / record).unlink()
    choice = ["--set-resources", "restore_acquisition:dask_scheduler=nowhere"]
    failed = experiment.snakemake(*choice, "--", record)
    assert failed.returncode == 1
    assert (
        "error: dask_scheduler 'nowhere': use threads, processes, or the address" in failed.stderr
    )
    choice = ["--set-resources", "restore_acquisition:dask_scheduler=processes"]
    assert "restore heating-1: 2 of 2 units computed" in experiment.run(*choice, "--", record)


def test_units_and_checkpoints_survive_a_failed_job(experiment: Experiment) -> None:
    """Stores are not declared, so what was finished in them is not made again."""
    (experiment.folder / "results/restored/dlf-slow/heating-1.json").unlink()
    units = experiment.folder / "results/restored/dlf-slow/heating-1.units"
    (units / "1.json").unlink()
    said = experiment.run()
    assert "restore heating-1: 1 of 2 units computed" in said


def test_mistakes_are_told_in_one_line_before_any_job(experiment: Experiment) -> None:
    experiment.write_config(train={"epohcs": 3})
    failed = experiment.snakemake()
    assert failed.returncode != 0
    said = failed.stdout + failed.stderr
    assert "train.epohcs: unknown key, did you mean 'epochs'?" in said
    assert "Traceback" not in said
    experiment.write_config()
    experiment.write_sheet({**ROWS, "../x": "test"})
    said = experiment.snakemake().stderr
    assert "acquisition '../x'" in said
    assert "Traceback" not in said
    (experiment.folder / "acquisitions.tsv").unlink()
    said = experiment.snakemake().stderr
    assert "acquisitions.tsv: cannot read the sheet" in said
    assert "Traceback" not in said
