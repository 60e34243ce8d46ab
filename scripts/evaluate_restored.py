"""Measure the frames of one acquisition that one model restored."""

from pathlib import Path

from stemjax.config import Evaluate
from stemjax.evaluate.methods import evaluate_restored
from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.restore.cache import keep_compiled
from stemjax.sheet import Acquisition
from stemjax.train.devices import use_threads

with job_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    keep_compiled()
    write_record(
        snakemake.output[0],
        evaluate_restored,
        Acquisition(**snakemake.params.row),
        *(Path(snakemake.input[key]) for key in ("converted", "dcfi", "map", "restored", "model")),
        Evaluate(**snakemake.params.settings),
    )
