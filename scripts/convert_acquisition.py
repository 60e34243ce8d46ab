"""Convert one acquisition's raw files to OME-Zarr."""

from pathlib import Path

from stemjax.io.convert import convert_acquisition
from stemjax.records import job_log, write_record
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    row = Acquisition(**snakemake.params.row)
    write_record(record, convert_acquisition, row, record.with_suffix(".zarr"))
