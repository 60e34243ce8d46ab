"""SIGKILLs at random moments, each followed by a rerun: are results those of an undisturbed run?

    make soak

runs the tiny experiment undisturbed, then again and again, each time from a stage chosen at random
on: a run is killed (its main process, all its processes, or one job), unlocked and started again,
which is killed in its turn. At each kill all for which records vouch is compared with the
undisturbed run, array by array, and whatever a run that comes to its end has made. Exits with 1
where anything differs. SEED=1 kills at other moments.
"""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stemjax.progress import meter

from .conftest import ROWS, Experiment
from .faults import contents, differences, kill_session, running_process, start

WITHIN_S = 30.0  # of its start a run is killed
STAGES = ["converted", "dcfi", "distortion", "dataset", "models", "restored", "evaluation"]
MAIN, ALL, JOB = "the main process", "all processes", "one job"


def running_jobs(experiment: Experiment) -> list[str]:
    """Name the jobs that hold their results at this moment, orphans too."""
    logs = experiment.folder / "logs"
    return [
        str(path.relative_to(logs).with_suffix(""))
        for path in sorted(logs.rglob("*.attempts"))
        if _is_held(path)
    ]


def _is_held(path: Path) -> bool:
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def forgotten(undisturbed: Experiment, folder: Path, stage: str) -> Experiment:
    """Copy the undisturbed experiment without results from a stage on."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(undisturbed.folder, folder)
    for each in [*STAGES[STAGES.index(stage) :], "report"]:
        shutil.rmtree(folder / "results" / each)
    return Experiment(folder)


def kill(rng: random.Random, experiment: Experiment, main: "subprocess.Popen[bytes]") -> str:
    """Kill a part of a run, by chance; tells which, and what was running."""
    running = running_jobs(experiment)
    what = rng.choice([MAIN, ALL, JOB] if running else [MAIN, ALL])
    if what == JOB:
        victim = rng.choice(running)
        os.kill(running_process(experiment, victim), signal.SIGKILL)
        main.wait()
        return f"{victim} alone, of {', '.join(running)}"
    if what == ALL:
        kill_session(main)
    else:
        main.kill()
        main.wait()
    return f"{what}, while {', '.join(running) or 'no job'} ran"


def compared(expected: dict[str, Any], experiment: Experiment, *, whole: bool) -> str:
    """Tell whether results are equal to those expected: all, or those that are there."""
    there = contents(experiment.folder / "results")
    wanted = expected if whole else {name: expected[name] for name in there if name in expected}
    differ = differences(wanted, there)
    return f"DIFFERENT: {', '.join(differ)}" if differ else f"{len(there)} results, equal"


def soak(folder: Path, seed: int, kills: int) -> bool:
    """Kill so many times; tells whether everything was equal."""
    rng = random.Random(seed)
    undisturbed = Experiment(folder / "undisturbed")
    undisturbed.folder.mkdir()
    undisturbed.write_config()
    undisturbed.write_sheet(ROWS)
    print(f"seed {seed}: the undisturbed run", flush=True)
    undisturbed.run()
    expected = contents(undisturbed.folder / "results")
    advance = meter(kills + 1, "soak")
    experiment = forgotten(undisturbed, folder / "disturbed", STAGES[0])
    mains, good, done = [], True, 0

    def told(line: str, verdict: str) -> bool:
        print(f"{line}: {verdict}", flush=True)
        return verdict.endswith("equal")

    while True:
        mains.append(main := start(experiment))
        moment = rng.uniform(0, WITHIN_S)
        try:
            main.wait(timeout=moment if done < kills else None)
        except subprocess.TimeoutExpired:
            done += 1
            killed = kill(rng, experiment, main)
            verdict = compared(expected, experiment, whole=False)
            good &= told(f"kill {done} of {kills}, after {moment:.1f} s: {killed}", verdict)
            experiment.run("--unlock")
            advance()
            continue
        verdict = compared(expected, experiment, whole=True)
        if main.returncode:
            verdict = f"FAILED\n{experiment.text('said.txt')}"
        good &= told("a rerun to its end", verdict)
        for each in mains:  # orphans of a run that was killed before
            kill_session(each)
        if done == kills or main.returncode:
            advance()
            return good
        stage = rng.choice(STAGES)
        print(f"again, without results from {stage} on", flush=True)
        experiment, mains = forgotten(undisturbed, folder / "disturbed", stage), []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        equal = soak(Path(name), int(sys.argv[1]), int(sys.argv[2]))
    print("all equal" if equal else "NOT all equal")
    sys.exit(not equal)
