# A model: input its data set, and the model that it starts from; or a finished model to take over.
# Output the record beside parameters and metrics in results/models/{model}/.


rule train_unet:
    input:
        dataset="results/dataset/{model}.json",
        start=model_start,
    output:
        "results/models/{model}/model.json",
    log:
        "logs/train_unet/{model}.log",
    benchmark:
        "results/benchmark/train_unet/{model}.jsonl"
    wildcard_constraints:
        model=any_of(CONFIG.trained),
    conda:
        "../envs/jax.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(12000),
        runtime=minutes(1440),
    params:
        settings=model_settings,
        code=code_digest("train"),
    script:
        "../scripts/train_unet.py"


rule load_model:
    input:
        finished_model,
    output:
        "results/models/{model}/model.json",
    log:
        "logs/load_model/{model}.log",
    wildcard_constraints:
        model=any_of(CONFIG.loaded),
    conda:
        "../envs/jax.yaml"
    resources:
        mem_mb=megabytes(500, per_input=2),
        runtime=minutes(5),
    params:
        source=model_source,
        code=code_digest("model"),
    script:
        "../scripts/load_model.py"
