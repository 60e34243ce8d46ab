# Restored frames: input an acquisition, its map and a model, output the record beside
# results/restored/{model}/{acquisition}.zarr.


rule restore_acquisition:
    input:
        converted="results/converted/{acquisition}.json",
        map=session_record,
        model="results/models/{model}/model.json",
    output:
        "results/restored/{model}/{acquisition}.json",
    log:
        "logs/restore_acquisition/{model}/{acquisition}.log",
    benchmark:
        "results/benchmark/restore_acquisition/{model}/{acquisition}.jsonl"
    conda:
        "../envs/jax.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(2500),
        runtime=minutes(240),
    params:
        code=code_digest("restore"),
    script:
        "../scripts/restore_acquisition.py"
