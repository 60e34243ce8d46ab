"""Measure what needs no model: rapid frames, their integration, the filters."""

from pathlib import Path

from stemjax.config import Evaluate
from stemjax.evaluate.methods import evaluate_baselines
from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    write_record(
        snakemake.output[0],
        evaluate_baselines,
        Acquisition(**snakemake.params.row),
        *(Path(snakemake.input[key]) for key in ("converted", "dcfi", "map")),
        Evaluate(**snakemake.params.settings),
        Path(snakemake.output[0]).with_suffix(".zarr"),
    )
