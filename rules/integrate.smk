# Drift-corrected frame integration: input a converted acquisition, output the record beside
# results/dcfi/{acquisition}.zarr.


rule integrate_acquisition:
    input:
        "results/converted/{acquisition}.json",
    output:
        "results/dcfi/{acquisition}.json",
    log:
        "logs/integrate_acquisition/{acquisition}.log",
    benchmark:
        "results/benchmark/integrate_acquisition/{acquisition}.jsonl"
    conda:
        "../envs/io.yaml"
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(60),
    params:
        role=row_role,
        code=code_digest("integrate"),
    script:
        "../scripts/integrate_acquisition.py"
