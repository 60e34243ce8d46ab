"""Simulate the raw files of one acquisition."""

from pathlib import Path

from stemjax.config import Simulate
from stemjax.jobs import job_log
from stemjax.simulate.experiment import Paths, simulate_acquisition

with job_log(snakemake.log[0]):
    simulate_acquisition(
        Simulate(**snakemake.params.settings),
        snakemake.wildcards.acquisition,
        snakemake.params.session,
        series=snakemake.params.role == "series",
        paths=Paths(*(Path(snakemake.output[key]) for key in ("rapid", "slow", "truth"))),
    )
