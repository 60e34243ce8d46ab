# What a model learns from: input its chosen acquisitions and their maps, output the description
# results/dataset/{model}.json.


rule assemble_dataset:
    input:
        converted=model_converted,
        dcfi=model_dcfi,
        maps=model_maps,
    output:
        "results/dataset/{model}.json",
    log:
        "logs/assemble_dataset/{model}.log",
    benchmark:
        "results/benchmark/assemble_dataset/{model}.jsonl"
    wildcard_constraints:
        model=any_of(CONFIG.trained),
    conda:
        "../envs/jax.yaml"
    resources:
        mem_mb=ask(500, 300, of=one_frame),
        runtime=ask(10, 0.02, of=all_frames),
    params:
        settings=dataset_settings,
        sessions=model_sessions,
        selection="results/selection/models/{model}.json",
        code=code_digest("assemble_dataset"),
    script:
        "../scripts/assemble_dataset.py"
