"""Fit the distortion map of one session, or take over another's."""

from stemjax.config import Distortion
from stemjax.distortion.borrow import borrow_map
from stemjax.distortion.session import fit_session
from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.selection import remember

record, session, settings = (
    snakemake.output[0],
    snakemake.wildcards.session,
    snakemake.params.settings,
)
with job_log(snakemake.log[0]):
    if snakemake.input.borrowed:
        write_record(record, borrow_map, session, settings["lender"], snakemake.input.borrowed)
    else:
        chosen = snakemake.input.converted
        write_record(
            record, fit_session, session, chosen, snakemake.input.dcfi, Distortion(**settings)
        )
        remember(snakemake.params.selection, chosen)
