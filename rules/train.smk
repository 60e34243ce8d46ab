# A model: input its data set, output the record beside parameters and metrics in
# results/models/{model}/.


rule train_unet:
    input:
        "results/dataset/{model}.json",
    output:
        "results/models/{model}/model.json",
    log:
        "logs/train_unet/{model}.log",
    benchmark:
        "results/benchmark/train_unet/{model}.jsonl"
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
