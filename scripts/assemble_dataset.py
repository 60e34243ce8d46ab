"""Assemble what one model learns from."""

from pathlib import Path

from stemjax.config import Model
from stemjax.dataset.assemble import Source, assemble
from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.selection import remember

with job_log(snakemake.log[0]):
    sessions = snakemake.params.sessions
    maps = {Path(path).stem: path for path in snakemake.input.maps}
    sources = [
        Source(Path(converted).stem, converted, dcfi, maps[sessions[Path(converted).stem]])
        for converted, dcfi in zip(snakemake.input.converted, snakemake.input.dcfi, strict=True)
    ]
    model = Model.model_validate(snakemake.params.settings)
    write_record(snakemake.output[0], assemble, model, sources)
    remember(snakemake.params.selection, snakemake.input.converted, model.acquisitions)
