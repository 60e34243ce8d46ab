"""A simulated experiment for benchmarks: sheet and config, and a run of the workflow."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def run_experiment(
    folder: Path, roles: Mapping[str, str], config: Mapping[str, Any], wanted: Sequence[str]
) -> None:
    """Write sheet and config of one session and run the workflow up to what is wanted.

    Args:
        folder: of the experiment.
        roles: of the acquisitions, by name.
        config: content of its config.yaml, with a section ``simulate``.
        wanted: results, below `folder`.
    """
    rows = ["acquisition\tsession\trole\trapid\tslow\ttruth"]
    for name, role in roles.items():
        files = [f"raw/simulated/{name}_{f}" for f in ("rapid.emd", "slow.emd", "truth.h5")]
        rows.append("\t".join([name, "day-1", role, *files]))
    (folder / "acquisitions.tsv").write_text("\n".join(rows) + "\n")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", *wanted, "-s", str(ROOT / "Snakefile"), "-c", "2"]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # progress stays to be seen
