"""Write the report that a person opens."""

from pathlib import Path

from stemjax.jobs import job_log
from stemjax.report.site import write_report
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    write_report(
        Path("results"),
        [Acquisition(**row) for row in snakemake.params.sheet],
        snakemake.params.models,
        snakemake.params.frames,
        Path(snakemake.output.index),
        Path(snakemake.output.summary),
    )
