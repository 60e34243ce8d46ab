"""Restore one part of a series with one model."""

from pathlib import Path

from stemjax.records import job_log, write_record
from stemjax.restore.cache import keep_compiled
from stemjax.restore.series import Inputs, Means, restore_acquisition
from stemjax.train.devices import use_threads

with job_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    keep_compiled()
    record = Path(snakemake.output[0])
    inputs = Inputs(*(Path(snakemake.input[key]) for key in ("converted", "map", "model")))
    number, of = map(int, snakemake.wildcards.scatteritem.split("-of-"))
    means = Means(snakemake.resources.dask_scheduler, snakemake.threads, (number - 1, of))
    store = record.parent.with_suffix(".zarr")
    write_record(record, restore_acquisition, inputs, store, snakemake.params.code, means)
