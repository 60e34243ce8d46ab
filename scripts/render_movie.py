"""Render the movie and the contact sheet of one series that one model restored."""

from pathlib import Path

from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.report.movie import render_movie

with job_log(snakemake.log[0]):
    record = Path(snakemake.output[0])
    write_record(
        record,
        render_movie,
        *(Path(snakemake.input[key]) for key in ("converted", "restored")),
        snakemake.params.temperatures,
        record,
        snakemake.threads,
    )
