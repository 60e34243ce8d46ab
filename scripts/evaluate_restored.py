"""Measure the frames of one acquisition that one model restored."""

from pathlib import Path

from stemjax.config import Evaluate
from stemjax.evaluate.table import evaluate_restored
from stemjax.records import job_log, write_record
from stemjax.sheet import Acquisition

with job_log(snakemake.log[0]):
    write_record(
        snakemake.output[0],
        evaluate_restored,
        Acquisition(**snakemake.params.row),
        *(Path(snakemake.input[key]) for key in ("converted", "dcfi", "map", "restored")),
        Evaluate(**snakemake.params.settings),
    )
