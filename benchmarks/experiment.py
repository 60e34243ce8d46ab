"""A simulated experiment for benchmarks: sheet and config, and a run of the workflow."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


PARTS = {"rapid": "rapid.emd", "slow": "slow.emd", "truth": "truth.h5"}  # files by column


def lay_out(
    folder: Path,
    roles: Mapping[str, str],
    config: Mapping[str, Any],
    columns: Sequence[str] = tuple(PARTS),
) -> None:
    """Write sheet and config of one session; arguments as for :func:`run_experiment`."""
    rows = ["\t".join(["acquisition", "session", "role", *columns])]
    for name, role in roles.items():
        files = [f"raw/simulated/{name}_{PARTS[column]}" for column in columns]
        rows.append("\t".join([name, "day-1", role, *files]))
    (folder / "acquisitions.tsv").write_text("\n".join(rows) + "\n")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


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
    lay_out(folder, roles, config)
    command = [sys.executable, "-m", "snakemake", *wanted, "-s", str(ROOT / "Snakefile"), "-c", "2"]
    command += ["--directory", str(folder), "--configfile", str(folder / "config.yaml")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # progress stays to be seen
