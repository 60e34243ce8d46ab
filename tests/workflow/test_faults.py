"""Kill jobs and main processes, fill the disk: a rerun completes, and nothing differs."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemjax.jobs import SILENT

from .conftest import ROOT, Experiment
from .faults import (
    block,
    contents,
    differences,
    is_running,
    let_go,
    reached,
    running_process,
    started,
    wait_until,
)

METRICS = "results/evaluation/metrics.csv"
STAGES = ["converted/heating-1", "converted/test-1", "models/dlf-slow/model"]
RESTORED = "results/restored/dlf-slow/heating-1"
# What a test may have taken away, and what equal results agree in: movies and report differ.
WANTED = [METRICS, f"{RESTORED}.json", *(f"results/{stage}.json" for stage in STAGES)]
RESTORING = "restore_acquisition/dlf-slow/heating-1"
WAITING = "this job still runs elsewhere (attempt 1 on "


def assert_equal_results(one: Experiment, other: Experiment) -> None:
    """Compare all for which records vouch, and metrics.csv."""
    a, b = (contents(each.folder / "results") for each in (one, other))
    assert "restored/dlf-slow/heating-1.json 0" in a
    assert differences(a, b) == []


def forget_restored(experiment: Experiment) -> list[Path]:
    """Remove a restored series, and block the job that restores it at each of its two units."""
    (experiment.folder / f"{RESTORED}.json").unlink()
    labels = [experiment.folder / f"{RESTORED}.units/{k}.json" for k in (0, 1)]
    for label in labels:
        block(label)
    return labels


def half_restored(labels: list[Path]) -> tuple[Path, int]:
    """Let a restoring job make that unit to which it comes first; gives the other's label."""
    first, pipe = wait_until("a unit is begun", lambda: reached(*labels))
    let_go(pipe)
    wait_until("it is written", first.is_file)
    (other,) = {*labels} - {first}
    return wait_until("the other unit is begun", lambda: reached(other))


def test_a_killed_job_goes_on_with_the_missing_unit(
    finished: Experiment, experiment: Experiment
) -> None:
    labels = forget_restored(experiment)
    with started(experiment, *WANTED) as main:
        other, _ = half_restored(labels)
        os.kill(running_process(experiment, RESTORING), signal.SIGKILL)
        assert main.wait() != 0
    assert not (experiment.folder / f"{RESTORED}.json").exists()
    other.unlink()
    assert "restore heating-1: 1 of 2 units computed" in experiment.run(*WANTED)
    before, this = experiment.text(f"logs/{RESTORING}.log").split(SILENT)
    assert before.startswith("attempt 1 on ")
    assert this.strip().startswith("attempt 2 on ")
    assert_equal_results(finished, experiment)


def test_after_a_killed_main_process_a_job_waits_for_its_orphan(
    finished: Experiment, experiment: Experiment
) -> None:
    labels = forget_restored(experiment)
    with started(experiment, *WANTED) as first:
        _, pipe = half_restored(labels)
        first.kill()
        first.wait()
        orphan = running_process(experiment, RESTORING)
        assert is_running(orphan)
        assert "Directory cannot be locked" in experiment.snakemake(*WANTED).stderr
        experiment.run("--unlock")
        with started(experiment, *WANTED, said="again.txt") as second:
            wait_until("the job waits", lambda: WAITING in experiment.text("again.txt"))
            assert f"process {orphan}" in experiment.text("again.txt")
            let_go(pipe)
            assert second.wait() == 0, experiment.text("again.txt")
    assert not is_running(orphan)
    assert "restore heating-1: 1 of 2 units computed" not in experiment.text("again.txt")
    assert "restore heating-1: 0 of 2 units computed" in experiment.text("again.txt")
    assert_equal_results(finished, experiment)
    assert experiment.planned(*WANTED) == set()


@pytest.fixture
def small_disk(experiment: Experiment) -> Iterator[Path]:
    """Give the results of an experiment a disk of their own, of 16 MB."""
    results = experiment.folder / "results"
    aside = results.rename(results.with_name("aside"))
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(results)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"a disk of a given size cannot be mounted here: {done.stderr.strip()}")
    try:
        shutil.copytree(aside, results, dirs_exist_ok=True)
        yield results
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)


@pytest.mark.parametrize(
    ("stage", "job", "kilobytes"),
    [
        ("converted/heating-1", "convert_acquisition/heating-1", 100),
        ("models/dlf-slow", "train_unet/dlf-slow", 16),
        ("models/dlf-slow", "train_unet/dlf-slow", 120),
        ("restored/dlf-slow/heating-1", RESTORING, 200),
    ],
)
def test_a_full_disk_refuses_nothing(
    finished: Experiment,
    experiment: Experiment,
    small_disk: Path,
    stage: str,
    job: str,
    kilobytes: int,
) -> None:
    for path in small_disk.glob(f"{stage}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    free = os.statvfs(small_disk)
    filling = free.f_bavail * free.f_frsize - 1024 * kilobytes
    (small_disk / "filling").write_bytes(bytes(filling))
    failed = experiment.snakemake(*WANTED)
    assert failed.returncode != 0
    last = experiment.text(f"logs/{job}.log").splitlines()[-1]

    assert last.startswith("error: ")
    assert "No space left on device" in last
    assert last in failed.stdout + failed.stderr
    assert "refused" not in failed.stdout + failed.stderr
    undisturbed = contents(finished.folder / "results")
    there = contents(small_disk)
    assert differences({name: undisturbed[name] for name in there}, there) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    experiment.run(*WANTED)
    assert_equal_results(finished, experiment)


KEEP_GOING = ("--profile", str(ROOT / "profiles/local"))


@pytest.mark.parametrize("profile", [(), KEEP_GOING], ids=["", "keep-going"])
def test_a_truncated_file_stops_no_other(experiment: Experiment, profile: tuple[str, ...]) -> None:
    raw = experiment.folder / "raw/simulated/test-1_rapid.emd"
    raw.write_bytes(raw.read_bytes()[:-1000])
    (experiment.folder / "results/converted/heating-1.json").unlink()
    experiment.run(*profile)
    assert json.loads(experiment.text("results/dcfi/test-1.json"))["status"] == "refused"
    assert "heating-1" in experiment.text(METRICS)
    assert "test-1" not in experiment.text(METRICS)
    page = experiment.text("results/report/index.html")
    assert "test-1_rapid.emd" in page
    assert "acquisitions/heating-1.html" in page


@pytest.mark.parametrize("profile", [(), KEEP_GOING], ids=["", "keep-going"])
def test_a_conversion_that_dies_refuses_nothing(
    finished: Experiment, experiment: Experiment, profile: tuple[str, ...]
) -> None:
    results = experiment.folder / "results"
    for name in ("heating-1", "test-1"):
        (results / f"converted/{name}.json").unlink()
    label = results / "converted/test-1.units/0.json"
    block(label)
    with started(experiment, *WANTED, *profile) as main:
        wait_until("the conversion is begun", lambda: reached(label))
        os.kill(running_process(experiment, "convert_acquisition/test-1"), signal.SIGKILL)
        assert main.wait() != 0
    assert not (results / "converted/test-1.json").exists()
    if profile:  # what needs nothing of it is done
        said = experiment.text("said.txt")
        assert "evaluate heating-1: gaussian" in said
        assert "restore heating-1: 0 of 2 units computed" in said
    label.unlink()
    experiment.run(*WANTED)
    assert_equal_results(finished, experiment)
