"""What planning costs where nothing is to be done, beside a Snakefile without any library.

    make bench-plan

writes an experiment of 1,000 fields of view and 60 heating series, of stand-ins: empty raw files
and the least that records must say, as if all jobs were done. Then it plans that experiment, and
a bare Snakefile of the same jobs, files and folders, in turn, and prints the times and their
ratio: with what Snakemake remembers of each job, and without, as after copying the results alone.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
ROLES = {"train": 800, "test": 200, "series": 60}
SESSIONS = 5
ROUNDS = 5
MODELS = ("dlf-slow", "dlf-dcfi")
FIGURE = "results/report/figures/curves.svg"  # in a folder that is one job's result
RECORD = {"status": "ok", "digest": "-", "frames": 50, "shape": [512, 512], "versions": {}}
# As `snakemake --touch --forceall`, which sleeps a tenth of a second after each job.
TOUCH = "import time; time.sleep = lambda _: None; from snakemake.cli import main; main()"
BARE = """
import json

with open("graph.json") as file:
    GRAPH = json.load(file)


def inputs(wildcards):
    return GRAPH[f"results/{wildcards.result}"]


rule all:
    input: list(GRAPH)


rule job:
    input: inputs
    output: "results/{result}"
    shell: "touch {output}"
"""


def rows(roles: dict[str, int]) -> dict[str, tuple[str, str]]:
    """Name the acquisitions, with session and role."""
    names = [(role, f"{role}-{k:04d}") for role, count in roles.items() for k in range(count)]
    return {name: (f"day-{k % SESSIONS}", role) for k, (role, name) in enumerate(names)}


def graph(sheet: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Give the inputs of each job's result, in an order in which they can be made."""

    def each(stage: str, names: list[str]) -> list[str]:
        return [f"results/{stage}/{name}.json" for name in names]

    jobs: dict[str, list[str]] = {}
    train = [name for name, (_, role) in sheet.items() if role == "train"]
    judged = [name for name in sheet if name not in set(train)]
    sessions = sorted({session for session, _ in sheet.values()})
    for name in sheet:
        raw = [f"raw/{name}_{part}.emd" for part in ("rapid", "slow")]
        jobs[f"results/converted/{name}.json"] = raw
    for name in sheet:
        jobs[f"results/dcfi/{name}.json"] = each("converted", [name])
    for session in sessions:
        own = [name for name in train if sheet[name][0] == session]
        jobs[f"results/distortion/{session}.json"] = each("converted", own) + each("dcfi", own)
    for model in MODELS:
        jobs[f"results/dataset/{model}.json"] = [
            *(each("converted", train) + each("dcfi", train) + each("distortion", sessions))
        ]
        jobs[f"results/models/{model}/model.json"] = each("dataset", [model])
    for name in judged:
        session, role = sheet[name]
        start = each("converted", [name]) + each("distortion", [session])
        told = [*start, f"results/dcfi/{name}.json"]
        jobs[f"results/evaluation/{name}/baselines.json"] = told
        for model in MODELS:
            trained, restored = f"models/{model}/model", f"restored/{model}/{name}"
            jobs[f"results/{restored}.json"] = start + each("models", [f"{model}/model"])
            measured = f"results/evaluation/{name}/{model}.json"
            jobs[measured] = told + [f"results/{each}.json" for each in (trained, restored)]
            if role == "series":
                movie = f"results/report/movies/{model}/{name}.json"
                jobs[movie] = [f"results/converted/{name}.json", f"results/{restored}.json"]
    records = list(jobs)
    metrics = "results/evaluation/metrics.csv"
    jobs[metrics] = [path for path in records if path.startswith("results/evaluation/")]
    jobs[FIGURE] = [*records, metrics]
    jobs["results/report/index.html"] = [*records, metrics, FIGURE]
    return jobs


def stand_in(folder: Path, roles: dict[str, int]) -> None:
    """Write sheet, config, raw files and every result, each younger than what it is made from."""
    sheet = rows(roles)
    jobs = graph(sheet)
    lines = ["acquisition\tsession\trole\trapid\tslow"]
    for name, (session, role) in sheet.items():
        files = [f"raw/{name}_{part}.emd" for part in ("rapid", "slow")]
        lines.append("\t".join([name, session, role, *files]))
    raw = sorted({path for inputs in jobs.values() for path in inputs} - set(jobs))
    began = time.time()  # younger than any script
    for k, path in enumerate([*raw, *jobs]):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(RECORD) if path.endswith(".json") else "")
        for each in (file, file.parent) if path == FIGURE else (file,):
            os.utime(each, (began + k / 1000,) * 2)
    shutil.copy2(folder / "results/report/index.html", folder / "results/report/summary.csv")
    (folder / "acquisitions.tsv").write_text("\n".join(lines) + "\n")
    models = {name: {"target": name.removeprefix("dlf-")} for name in MODELS}
    (folder / "config.yaml").write_text(yaml.safe_dump({"models": models}))
    (folder / "graph.json").write_text(json.dumps(jobs))
    (folder / "Snakefile").write_text(BARE)
    train = [name for name, (_, role) in sheet.items() if role == "train"]
    for session in {session for session, _ in sheet.values()}:
        own = [name for name in train if sheet[name][0] == session]
        _remember(folder / f"results/selection/distortion/{session}.json", own)
    for model in MODELS:
        _remember(folder / f"results/selection/models/{model}.json", train)


def _remember(path: Path, names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"acquisitions": names, "used": names, "patterns": ["*"]}))


def snakemake(*start: str, folder: Path, bare: bool) -> tuple[float, str]:
    """Run Snakemake in a folder; gives seconds and what it said."""
    snakefile = folder / "Snakefile" if bare else ROOT / "Snakefile"
    command = [sys.executable, *start, "-s", str(snakefile), "--directory", str(folder)]
    command += ["--configfile", str(folder / "config.yaml"), "--cores", "10000"]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return seconds, done.stdout + done.stderr


def remember_all(folder: Path, *, bare: bool) -> None:
    """Let Snakemake take all jobs for done and remember their code, params and input files."""
    snakemake("-c", TOUCH, "--touch", "--forceall", folder=folder, bare=bare)


def no_op(folder: Path, *, bare: bool) -> float:
    """Plan a run with nothing to do; gives seconds."""
    seconds, said = snakemake("-m", "snakemake", "--dry-run", folder=folder, bare=bare)
    if "Nothing to be done" not in said:
        raise SystemExit(f"not a no-op:\n{said[-3000:]}")
    return seconds


def compare(ours: Path, bare: Path, label: str) -> None:
    """Time both in turn and print medians and their ratio."""
    pairs = [(no_op(ours, bare=False), no_op(bare, bare=True)) for _ in range(ROUNDS)]
    first, second = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"    {label:18s} {first:6.1f} s, bare Snakefile {second:6.1f} s, ratio {ratio:.2f}",
        flush=True,
    )


def main() -> None:
    """Print both comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Path(folder) / "ours", Path(folder) / "bare"
        stand_in(ours, ROLES)
        shutil.copytree(ours, bare)
        jobs = json.loads((ours / "graph.json").read_text())
        files = sum(map(len, jobs.values()))
        print(f"{sum(ROLES.values())} acquisitions, {len(jobs)} jobs, {files} input files:")
        compare(ours, bare, "nothing remembered")
        remember_all(ours, bare=False)
        remember_all(bare, bare=True)
        compare(ours, bare, "all remembered")


if __name__ == "__main__":
    main()
