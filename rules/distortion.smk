# The map of a session: input its chosen acquisitions, output results/distortion/{session}.json.


rule fit_distortion:
    input:
        converted=session_converted,
        dcfi=session_dcfi,
    output:
        "results/distortion/{session}.json",
    log:
        "logs/fit_distortion/{session}.log",
    benchmark:
        "results/benchmark/fit_distortion/{session}.jsonl"
    conda:
        "../envs/jax.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(4000),
        runtime=minutes(30),
    params:
        settings=CONFIG.distortion.model_dump(exclude={"on_new_data"}),
        selection="results/selection/distortion/{session}.json",
        code=code_digest("distortion"),
    script:
        "../scripts/fit_distortion.py"
