"""Restore one acquisition with one model, or the part of a series that is this job's."""

from pathlib import Path

from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.restore.cache import keep_compiled
from stemjax.restore.series import Inputs, Means, restore_acquisition
from stemjax.train.devices import use_threads

with job_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    keep_compiled()
    record = Path(snakemake.output[0])
    inputs = Inputs(*(Path(snakemake.input[key]) for key in ("converted", "map", "model")))
    part, of = 1, 1
    store = record
    if item := snakemake.wildcards.get("scatteritem"):
        part, of = map(int, item.split("-of-"))
        store = record.parent
    means = Means(snakemake.resources.dask_scheduler, snakemake.threads, (part - 1, of))
    write_record(
        record,
        restore_acquisition,
        inputs,
        store.with_suffix(".zarr"),
        snakemake.params.code,
        means,
    )
