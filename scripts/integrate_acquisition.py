"""Integrate the rapid frames of one acquisition along its drift."""

from pathlib import Path

from stemjax.integrate.dcfi import integrate_acquisition
from stemjax.jobs import job_log
from stemjax.records import write_record

with job_log(snakemake.log[0]):
    converted, record = Path(snakemake.input[0]), Path(snakemake.output[0])
    write_record(
        record,
        integrate_acquisition,
        converted.with_suffix(".zarr"),
        converted,
        record.with_suffix(".zarr"),
        series=snakemake.params.role == "series",
    )
