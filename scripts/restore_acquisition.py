"""Restore one acquisition with one model."""

from pathlib import Path

from stemjax.records import job_log, write_record
from stemjax.restore.series import Inputs, restore_acquisition

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    inputs = Inputs(*(Path(snakemake.input[key]) for key in ("converted", "map", "model")))
    write_record(
        record, restore_acquisition, inputs, record.with_suffix(".zarr"), snakemake.params.code
    )
