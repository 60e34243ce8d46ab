"""Take over a finished model."""

from pathlib import Path

from stemjax.jobs import job_log
from stemjax.model.stored import take_over
from stemjax.records import write_record

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    name, source = snakemake.wildcards.model, snakemake.params.source
    write_record(record, take_over, name, source, record.parent)
