"""Simulate the temperature log of a heating series."""

from stemjax.config import Simulate
from stemjax.jobs import job_log
from stemjax.simulate.experiment import simulate_log

with job_log(snakemake.log[0]):
    simulate_log(Simulate(**snakemake.params.settings), snakemake.output[0])
