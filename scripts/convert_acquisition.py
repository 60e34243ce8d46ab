"""Convert one acquisition's raw files to OME-Zarr."""

from pathlib import Path

from stemjax.io.convert import convert_acquisition
from stemjax.jobs import job_log
from stemjax.records import fatal, write_record
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    row = Acquisition(**snakemake.params.row)
    # Read here, not as a param: to change one's mind about bad files converts no good one again.
    strict = snakemake.config.get("on_bad_input") == "fail"
    stage = fatal(convert_acquisition) if strict else convert_acquisition
    write_record(record, stage, row, record.with_suffix(".zarr"))
