# The map of a session: input its chosen acquisitions, or the map that it borrows; output
# results/distortion/{session}.json.


rule fit_distortion:
    input:
        converted=session_converted,
        dcfi=session_dcfi,
        borrowed=borrowed_map,
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
        mem_mb=ask(1000, 120, of=fields_of_view),
        runtime=ask(10, 1, of=fields_of_view),
    params:
        settings=session_settings,
        selection="results/selection/distortion/{session}.json",
        code=code_digest("fit_distortion"),
    script:
        "../scripts/fit_distortion.py"
