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
        mem_mb=ask(700, 0.5, of=input_megabytes),
        runtime=ask(10, 0.02, of=input_megabytes),
    params:
        row=raw_settings,
        sizes=raw_sizes,
        code=code_digest("convert_acquisition"),
    script:
        "../scripts/convert_acquisition.py"
