# Raw files to OME-Zarr: input files of any vendor, output the record beside
# results/converted/{acquisition}.zarr.


rule convert_acquisition:
    input:
        raw_files,
    output:
        "results/converted/{acquisition}.json",
    log:
        "logs/convert_acquisition/{acquisition}.log",
    benchmark:
        "results/benchmark/convert_acquisition/{acquisition}.jsonl"
    conda:
        "../envs/io.yaml"
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(5, per_input_gb=10),
    params:
        row=raw_settings,
        sizes=raw_sizes,
        code=code_digest("io"),
    script:
        "../scripts/convert_acquisition.py"
