"""The README's commands are those that are tested."""

import re
import subprocess
import sys
from pathlib import Path

from stemjax.report.glossary import METRICS

ROOT = Path(__file__).parents[1]
OWN_DATA = (
    "snakemake -s REPO/Snakefile --directory EXPERIMENT "
    "--configfile EXPERIMENT/config.yaml --cores 2"  # run by tests/workflow
)
ELSEWHERE = (
    "snakemake -s REPO/Snakefile --directory EXPERIMENT "
    "--configfile EXPERIMENT/config.yaml --profile REPO/profiles/slurm"
)
DASK = (
    "snakemake --profile slurm --set-scatter restore=1 --set-threads restore_acquisition=1 "
    "--set-resources restore_acquisition:dask_scheduler=ADDRESS"
)


def test_every_command_is_run_by_a_test() -> None:
    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    ((?:make|snakemake) .*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert commands == ["make demo", "make test", OWN_DATA, "snakemake --profile slurm"]
    ci = (ROOT / ".ci/run").read_text().splitlines()
    assert {"make demo", "make test"} <= set(ci)


def test_the_cluster_profile_is_found_in_the_clone() -> None:
    """And its jobs share out the series: four of both of the demo's models."""
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--dry-run", "--forceall"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^restore_part +8$", done.stdout, re.MULTILINE)


def test_the_cluster_profile_is_found_from_elsewhere(tmp_path: Path) -> None:
    for name in ("config.yaml", "acquisitions.tsv"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    words = ELSEWHERE.replace("REPO", str(ROOT)).replace("EXPERIMENT", str(tmp_path)).split()
    command = [sys.executable, "-m", *words, "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "restore_part" in done.stdout


def test_its_links_and_pictures_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_commands_in_the_docs_are_run_by_tests_too() -> None:
    texts = [path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))]
    commands = re.findall(r"^    ((?:make|snakemake|stemjax) .*)$", "\n".join(texts), re.MULTILINE)
    assert commands == [
        "snakemake --profile slurm",  # but for the next, these five: tests/slurm
        ELSEWHERE,
        "snakemake --profile slurm --unlock",
        "snakemake --profile slurm",
        DASK,
        "snakemake --report report.zip",  # tests/workflow
    ]


def test_the_docs_tell_of_every_metric() -> None:
    text = (ROOT / "docs/evaluation.md").read_text()
    assert [name for name in METRICS if f"`{name}`" not in text] == []
