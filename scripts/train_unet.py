"""Train one model."""

from pathlib import Path

from stemjax.config import Model
from stemjax.records import job_log, write_record
from stemjax.train.loop import train

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    write_record(
        record,
        train,
        Model.model_validate(snakemake.params.settings),
        snakemake.input[0],
        record.parent,
        snakemake.params.code,
    )
