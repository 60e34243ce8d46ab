"""Train one model."""

from pathlib import Path

from stemjax.config import parse_config
from stemjax.jobs import job_log
from stemjax.records import write_record
from stemjax.train.devices import use_threads
from stemjax.train.loop import train

with job_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    record = Path(snakemake.output[0])
    # Not from the params, which lack the policy on new data: to change it trains nothing.
    model = parse_config(snakemake.config).model(snakemake.wildcards.model)
    write_record(
        record,
        train,
        model,
        snakemake.input.dataset,
        record.parent,
        snakemake.params.code,
        snakemake.input.start or None,
    )
