# Raw files of the demo: input none, output Velox files, the truth about them, a temperature log.
# Only for files of the sheet that lie under raw/simulated/ and are named as here.


rule simulate_acquisition:
    input:
        specimen_picture,
    output:
        rapid="raw/simulated/{acquisition}_rapid.emd",
        slow="raw/simulated/{acquisition}_slow.emd",
        truth="raw/simulated/{acquisition}_truth.h5",
    log:
        "logs/simulate_acquisition/{acquisition}.log",
    benchmark:
        "results/benchmark/simulate_acquisition/{acquisition}.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=ask(500, 500, of=simulated_frame),
        runtime=ask(10, 0.2, of=simulated_frames),
    params:
        session=row_session,
        role=row_role,
        settings=simulated_settings,
        code=code_digest("simulate_acquisition"),
    script:
        "../scripts/simulate_acquisition.py"


rule simulate_log:
    output:
        "raw/simulated/{acquisition}_log.csv",
    log:
        "logs/simulate_log/{acquisition}.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=ask(500),
        runtime=ask(5),
    params:
        settings=simulated_heating,
        code=code_digest("simulate_log"),
    script:
        "../scripts/simulate_log.py"
