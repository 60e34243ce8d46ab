"""Fit the distortion map of one session."""

from stemjax.config import Distortion
from stemjax.distortion.session import fit_session
from stemjax.records import job_log, write_record
from stemjax.selection import remember

with job_log(snakemake.log[0]):
    write_record(
        snakemake.output[0],
        fit_session,
        snakemake.wildcards.session,
        snakemake.input.converted,
        snakemake.input.dcfi,
        Distortion(**snakemake.params.settings),
    )
    remember(snakemake.params.selection, snakemake.input.converted)
