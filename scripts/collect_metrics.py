"""Collect all measurements into one table."""

from stemjax.evaluate.table import collect_metrics
from stemjax.jobs import job_log

with job_log(snakemake.log[0]):
    collect_metrics(snakemake.input, snakemake.output[0])
