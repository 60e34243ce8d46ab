# Restored frames: input an acquisition, its map and a model, output the record beside
# results/restored/{model}/{acquisition}.zarr.


# Jobs that share out a series, from the profile: set-scatter: restore=4
scattergather:
    restore=1,


rule restore_acquisition:
    input:
        series_parts,
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
        mem_mb=ask_to_restore,
        runtime=ask(20, 0.2, of=restored_frames),
        dask_scheduler="threads",  # or processes, or a running one: see docs/series.md
    params:
        code=code_digest("restore_acquisition"),
    script:
        "../scripts/restore_acquisition.py"


use rule restore_acquisition as restore_part with:
    input:
        converted="results/converted/{acquisition}.json",
        map=session_record,
        model="results/models/{model}/model.json",
    output:
        temp("results/restored/{model}/{acquisition}.parts/{scatteritem}.json"),
    log:
        "logs/restore_part/{model}/{acquisition}/{scatteritem}.log",
    benchmark:
        "results/benchmark/restore_part/{model}/{acquisition}/{scatteritem}.jsonl"
