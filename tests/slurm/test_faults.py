"""Jobs, nodes, the controller and Snakemake itself fail; the results are those of no failure."""

import os
import re
import signal
import subprocess

import pytest

from tests.slurm.clone import ROOT, WAITS, Clone, cluster, slurm, tell, wait_until

pytestmark = pytest.mark.slurm

SERIES = "restored/dlf-slow/heating-1.json"
RESTORE = "restore_acquisition"


def whole(clone: Clone, undisturbed: Clone) -> bool:
    """Tell whether all is there, equal to the undisturbed run, and nothing is left to do."""
    return clone.values() == undisturbed.values() and clone.planned() == set()


def states(clone: Clone, rule: str) -> list[str]:
    return [job["JobState"] for job in clone.slurm_jobs(rule)]


def test_killed_jobs_are_tried_again(clone: Clone, undisturbed: Clone) -> None:
    """One by scancel, one by kill -9 of its process, with half of the series written."""
    clone.forget("dcfi/test-1.json")
    with clone.held("integrate_acquisition/test-1"), clone.half_restored("heating-1"):
        clone.start("--", f"results/{SERIES}", "results/dcfi/test-1.json")
        clone.wait_for_held("integrate_acquisition")
        clone.wait_for_half_restored("heating-1")
        (held,) = clone.slurm_jobs("integrate_acquisition")
        tell("scancel and kill -9")
        slurm("scancel", held["JobId"])
        last = clone.text(f"logs/{RESTORE}/dlf-slow/heating-1.attempts").splitlines()[-1]
        os.kill(int(last.split()[-1]), signal.SIGKILL)
        wait_until("both have ended", lambda: "RUNNING" not in states(clone, ""))
    said = clone.end()
    assert states(clone, "integrate_acquisition") == ["CANCELLED", "COMPLETED"]
    assert states(clone, RESTORE) == ["FAILED", "COMPLETED"]
    assert "Trying to restart" in said
    # No GPU, as the profile comes.
    assert not any("TresPerJob" in job for job in clone.slurm_jobs())
    assert "1 of 2 units computed" in clone.slurm_log(RESTORE)
    assert whole(clone, undisturbed)


def test_jobs_that_got_too_little_ask_for_more(clone: Clone, undisturbed: Clone) -> None:
    """One meets its time limit with half of the series written, one its memory limit."""
    clone.forget("dcfi/test-1.json")
    little = (f"{RESTORE}:runtime=attempt", "integrate_acquisition:mem_mb=200+4000*(attempt-1)")
    with clone.held("integrate_acquisition/test-1"), clone.half_restored("heating-1"):
        clone.start(
            *("--set-resources", *little),
            *("--", f"results/{SERIES}", "results/dcfi/test-1.json"),
        )
        wait_until("the memory limit is met", lambda: "FAILED" in states(clone, "integrate"))
        clone.wait_for_half_restored("heating-1")
        wait_until("the time limit is met", lambda: "TIMEOUT" in states(clone, RESTORE))
    clone.end()
    jobs = clone.slurm_jobs(RESTORE)
    assert [job["TimeLimit"] for job in jobs] == ["00:01:00", "00:02:00"]
    jobs = clone.slurm_jobs("integrate_acquisition")
    assert [job["MinMemoryNode"] for job in jobs] == ["200M", "4200M"]
    assert "exceeded memory limit" in clone.slurm_log("integrate_acquisition")
    assert "over its time limit" in clone.text(f"logs/{RESTORE}/dlf-slow/heating-1.log")
    assert "1 of 2 units computed" in clone.slurm_log(RESTORE)
    assert whole(clone, undisturbed)


def test_a_node_that_crashes_costs_the_unit_under_way(clone: Clone, undisturbed: Clone) -> None:
    with clone.half_restored("heating-1"):
        clone.start(f"results/{SERIES}")
        clone.wait_for_half_restored("heating-1")
        (job,) = clone.slurm_jobs()
        node = job["NodeList"]
        cluster("kill-node", node)
        wait_until(
            f"{node} is found dead", lambda: "DOWN" in slurm("scontrol", "show", "node", node)
        )
    try:
        clone.end()
    finally:
        cluster("start-node", node)
    (job,) = clone.slurm_jobs()
    assert job["Restarts"] == "1"
    assert job["NodeList"] != node
    assert "1 of 2 units computed" in clone.slurm_log(RESTORE)
    assert whole(clone, undisturbed)


def test_a_drained_node_ends_its_job_and_the_next_runs_elsewhere(
    clone: Clone, undisturbed: Clone
) -> None:
    clone.forget("converted/test-1.json", "dcfi/test-1.json")
    with clone.held("convert_acquisition/test-1"):
        clone.start("results/dcfi/test-1.json")
        clone.wait_for_held("convert_acquisition")
        (job,) = clone.slurm_jobs()
        node = f"nodename={job['NodeList']}"
        slurm("scontrol", "update", node, "state=drain", "reason=test")
    try:
        clone.end()
    finally:
        slurm("scontrol", "update", node, "state=resume")
    assert states(clone, "") == ["COMPLETED"] * 2
    assert {job["NodeList"] for job in clone.slurm_jobs()} == {"n1", "n2"}
    assert whole(clone, undisturbed)


def test_jobs_outlive_a_controller_that_is_down_where_slurm_keeps_accounts(
    clone: Clone, undisturbed: Clone
) -> None:
    clone.forget("dcfi/test-1.json", "dcfi/train-1.json")
    with clone.held("integrate_acquisition/train-1"):
        clone.start("results/dcfi/test-1.json", "results/dcfi/train-1.json")
        clone.wait_for_held("integrate_acquisition")
        cluster("stop-controller")
        with pytest.raises(subprocess.TimeoutExpired):  # the run goes on for ten seconds without
            clone.main.wait(10)
    cluster("start-controller")
    clone.end()
    assert states(clone, "integrate") == ["COMPLETED"] * 2
    assert whole(clone, undisturbed)


def test_a_killed_main_process_is_started_again_while_its_job_runs_on(
    clone: Clone, undisturbed: Clone
) -> None:
    with clone.half_restored("heating-1"):
        clone.start(f"results/{SERIES}")
        clone.wait_for_half_restored("heating-1")
        clone.kill()
        with pytest.raises(AssertionError, match="LockException"):
            clone.run(f"results/{SERIES}")
        clone.run("--unlock")
        clone.start(f"results/{SERIES}")
        clone.wait_for_held(RESTORE)
        assert states(clone, RESTORE) == ["RUNNING", "RUNNING"]
    clone.end()
    assert states(clone, RESTORE) == ["COMPLETED"] * 2
    assert WAITS in clone.slurm_log(RESTORE)
    assert "0 of 2 units computed" in clone.slurm_log(RESTORE)
    assert whole(clone, undisturbed)


def test_what_a_killed_main_process_left_is_cancelled_as_the_docs_say(
    clone: Clone, undisturbed: Clone
) -> None:
    docs = (ROOT / "docs/cluster.md").read_text()
    (cancel,) = re.findall(r"^    (squeue .*)$", docs, re.MULTILINE)
    clone.forget("dcfi/test-1.json")
    with clone.held("integrate_acquisition/test-1"):
        clone.start("results/dcfi/test-1.json")
        clone.wait_for_held("integrate_acquisition")
        clone.kill()
        subprocess.run(["bash", "-c", cancel], check=True)
        wait_until("it is cancelled", lambda: states(clone, "integrate") == ["CANCELLED"])
    clone.run("--unlock")
    clone.run("results/dcfi/test-1.json")
    assert whole(clone, undisturbed)
