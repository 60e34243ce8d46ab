"""`snakemake --profile slurm`, from raw files to the report."""

import re
import shutil

import pytest

from tests.slurm.clone import Clone
from tests.workflow.conftest import ROWS

pytestmark = pytest.mark.slurm
GPU_RULES = {"train_unet", "restore_acquisition", "restore_part"}


def test_the_profile_runs_the_experiment_from_raw_files_to_the_report(
    clone: Clone, undisturbed: Clone
) -> None:
    for made in ("results", "logs", ".snakemake"):
        shutil.rmtree(clone.folder / made)
    clone.edit_profile("restore=1", "restore=2")
    clone.take_up("set-resources:")
    with clone.held("train_unet/dlf-slow"):
        clone.start()
        clone.wait_for_held("train_unet")
        (training,) = clone.scripts()
        assert training.environ()["CUDA_VISIBLE_DEVICES"] == "0"
    clone.end()
    assert clone.values() == undisturbed.values()
    assert "heating-1" in clone.text("results/report/index.html")
    assert clone.planned() == set()
    asked = [job["Comment"] for job in clone.slurm_jobs() if "gpu:1" in job.get("TresPerJob", "")]
    rules = {comment.removeprefix("rule_").split("_wildcards_")[0] for comment in asked}
    assert rules == GPU_RULES
    assert all(job["JobName"].startswith("stemjax_") for job in clone.slurm_jobs())


def test_conversions_share_a_job_and_a_new_acquisition_is_converted_alone(
    clone: Clone, undisturbed: Clone
) -> None:
    clone.take_up("groups:")
    clone.forget(*(f"converted/{name}.json" for name in ROWS))
    clone.run("--until", "convert_acquisition")
    (job,) = clone.slurm_jobs()
    assert job["NumCPUs"] == "2"
    assert clone.values() == undisturbed.values()
    assert clone.planned() == set()

    clone.write_sheet({**ROWS, "new": "test"})
    new = "results/converted/new.json"
    planned = clone.run("--dry-run", new)
    assert re.findall(r"rule (\w+):", planned) == ["simulate_acquisition", "convert_acquisition"]
    before = clone.values()
    clone.run(new)
    after = clone.values()
    assert after.keys() - before.keys() >= {"converted/new.json", "converted/new.zarr/rapid"}
    assert before.items() <= after.items()
