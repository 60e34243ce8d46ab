"""Write the report that a person opens."""

from pathlib import Path

from stemjax.records import job_log
from stemjax.report.index import write_report
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    sheet = [Acquisition(**row) for row in snakemake.params.sheet]
    write_report(Path("results"), sheet, snakemake.params.models, Path(snakemake.output[0]))
