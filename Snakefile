# From raw acquisitions to the evaluation report; see README.md.
#
# raw --convert--> converted --integrate--> dcfi --distortion--> map --dataset--> pairs
#     --train--> model --restore--> restored --evaluate--> report

import os

from snakemake.utils import min_version

min_version("9.27")


if os.path.exists("config.yaml"):

    configfile: "config.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/resources.smk"
include: "rules/convert.smk"
include: "rules/integrate.smk"
include: "rules/distortion.smk"
include: "rules/dataset.smk"
include: "rules/train.smk"
include: "rules/restore.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


if CONFIG.simulate:

    include: "rules/simulate.smk"


# Every record, not the report alone: a job that failed under an old report is done again.
rule all:
    default_target: True
    input:
        all_records(),
        "results/evaluation/metrics.csv",
        "results/report/figures",
        "results/report/index.html",
