"""What planning costs, told by what it loads and how often it calls, and what a new row plans."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

bench = runpy.run_path(str(ROOT / "benchmarks/plan.py"))
ROLES = {"train": 12, "test": 6, "series": 3}
MODELS = bench["MODELS"]
GATHERS = {"collect_metrics", "plot_figures", "write_report"}
HEAVY = {
    *("jax", "flax", "optax", "zarr", "dask", "scipy", "skimage", "matplotlib", "h5py"),
    *("distributed", "rsciio", "imageio", "pandas"),
}
# Counts the calls of what rules/common.smk defines, and of selections, while nothing is planned.
COUNT = """
import cProfile, pstats, sys
from snakemake.cli import main
profile = cProfile.Profile()
try:
    profile.runcall(main)
except SystemExit:
    pass
calls = {where: each[1] for where, each in pstats.Stats(profile).stats.items()}
print(sum(n for (file, _, name), n in calls.items()
          if file.endswith(("/common.smk", "/resources.smk", "stemjax/selection.py"))))
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an experiment of stand-ins of which Snakemake remembers all jobs."""
    folder = tmp_path_factory.mktemp("plan") / "done"
    bench["stand_in"](folder, ROLES)
    bench["remember_all"](folder, bare=False)
    return folder


def jobs(folder: Path) -> set[str]:
    """Name the jobs that a run would do, with the values of their wildcards."""
    run = ("-m", "snakemake", "--dry-run")
    _, said = bench["snakemake"](*run, folder=folder, bare=False)
    planned = set()
    for block in re.split(r"\n(?:local)?rule ", said)[1:]:
        rule = block.split(":")[0]
        found = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
        values = re.findall(r"=([^,\n]+)", found[1]) if found else []
        planned.add(" ".join([rule, *values]))
    return planned - {"all"}


def test_nothing_heavy_is_loaded_to_plan(done: Path) -> None:
    """Neither by the Snakefile, nor when experiment and selections are read."""
    files = [(ROOT / f"rules/{name}.smk").read_text() for name in ("common", "resources")]
    lines = "\n".join(files).splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert len(imports) > 5
    config = json.dumps({"models": {name: {"load": "lent"} for name in MODELS}})
    code = [*imports, "import sys"]
    code += ["try:", f"    read_experiment({config}, 'results/models')", "except UserError: pass"]
    code += ["read_experiment({}, 'results/models')", "code_digest('train_unet')"]
    code += [f"print(sorted({HEAVY} & set(sys.modules)))"]
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        capture_output=True,
        text=True,
        cwd=done,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert told.stdout.strip() == "[]", told.stderr


def test_stand_ins_leave_nothing_to_be_done(done: Path) -> None:
    assert jobs(done) == set()


@pytest.mark.parametrize("role", ["train", "test", "series"])
def test_a_new_acquisition_plans_its_own_jobs_and_the_gathers(done: Path, role: str) -> None:
    sheet, before = done / "acquisitions.tsv", (done / "acquisitions.tsv").read_text()
    raw = [done / f"raw/new_{part}.emd" for part in ("rapid", "slow")]
    for path in raw:
        path.write_bytes(b"")
    row = ["new", "day-0", role, "raw/new_rapid.emd", "raw/new_slow.emd"]
    sheet.write_text(before + "\t".join(row) + "\n")
    try:
        planned = jobs(done)
    finally:
        sheet.write_text(before)
    expected = {"convert_acquisition new", "integrate_acquisition new"}
    if role != "train":
        expected.add("evaluate_baselines new")
        expected |= {f"restore_acquisition {model} new" for model in MODELS}
        expected |= {f"evaluate_restored new {model}" for model in MODELS}
    if role == "series":
        expected |= {f"render_movie {model} new" for model in MODELS}
    gathers = GATHERS - {"collect_metrics"} if role == "train" else GATHERS
    assert planned == expected | gathers


def test_calls_grow_with_the_jobs_and_no_faster(tmp_path: Path) -> None:
    counted = []
    for times in (1, 4):
        folder = tmp_path / str(times)
        bench["stand_in"](folder, {role: times * count for role, count in ROLES.items()})
        run = ("-c", COUNT, "--dry-run")
        _, said = bench["snakemake"](*run, folder=folder, bare=False)
        number = re.search(r"^(\d+)$", said, re.MULTILINE)
        assert number
        counted.append(int(number[1]))
    assert counted[0] > 100
    assert counted[1] < 4.5 * counted[0]
