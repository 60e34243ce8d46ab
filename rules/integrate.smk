# Drift-corrected frame integration: input a converted acquisition, output the record beside
# results/dcfi/{acquisition}.zarr.


rule integrate_acquisition:
    input:
        converted="results/converted/{acquisition}.json",
    output:
        "results/dcfi/{acquisition}.json",
    log:
        "logs/integrate_acquisition/{acquisition}.log",
    benchmark:
        "results/benchmark/integrate_acquisition/{acquisition}.jsonl"
    conda:
        "../envs/io.yaml"
    resources:
        mem_mb=ask(500, 300, of=one_frame),
        runtime=ask(10, 0.1, of=all_frames),
    params:
        role=row_role,
        code=code_digest("integrate_acquisition"),
    script:
        "../scripts/integrate_acquisition.py"
