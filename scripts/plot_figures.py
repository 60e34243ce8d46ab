"""Draw the figures for a paper."""

from pathlib import Path

from stemjax.jobs import job_log
from stemjax.report.paper_figures import plot_figures
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    sheet = [Acquisition(**row) for row in snakemake.params.sheet]
    plot_figures(
        Path("results"),
        sheet,
        snakemake.params.models,
        snakemake.params.simulated,
        Path(snakemake.output[0]),
    )
