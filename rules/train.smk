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
        mem_mb=ask(1400, 1, of=training),
        runtime=ask(30, 0.01, of=trained_frames),
    params:
        settings=model_settings,
        code=code_digest("train_unet"),
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
    localrule: True
    conda:
        "../envs/jax.yaml"
    resources:
        mem_mb=ask(500, 2, of=input_megabytes),
        runtime=ask(5),
    params:
        source=model_source,
        code=code_digest("load_model"),
    script:
        "../scripts/load_model.py"
