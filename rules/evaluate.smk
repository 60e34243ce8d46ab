# What the results are worth: input restored frames, slow scans, truth; output the records
# results/evaluation/{acquisition}/baselines.json and {model}.json, and the table metrics.csv.


rule evaluate_baselines:
    input:
        converted="results/converted/{acquisition}.json",
        dcfi="results/dcfi/{acquisition}.json",
        map=session_record,
        truth=truth,
    output:
        "results/evaluation/{acquisition}/baselines.json",
    log:
        "logs/evaluate_baselines/{acquisition}.log",
    benchmark:
        "results/benchmark/evaluate_baselines/{acquisition}.jsonl"
    conda:
        "../envs/jax.yaml"
    resources:
        mem_mb=ask(1000, 110, of=measured_frames),
        runtime=ask(30, 1, of=measured_frames),
    params:
        row=judged_row,
        settings=CONFIG.evaluate.model_dump(mode="json"),
        code=code_digest("evaluate_baselines"),
    script:
        "../scripts/evaluate_baselines.py"


rule evaluate_restored:
    input:
        converted="results/converted/{acquisition}.json",
        dcfi="results/dcfi/{acquisition}.json",
        map=session_record,
        restored="results/restored/{model}/{acquisition}.json",
        model="results/models/{model}/model.json",
        truth=truth,
    output:
        "results/evaluation/{acquisition}/{model}.json",
    log:
        "logs/evaluate_restored/{acquisition}/{model}.log",
    benchmark:
        "results/benchmark/evaluate_restored/{acquisition}/{model}.jsonl"
    conda:
        "../envs/jax.yaml"
    resources:
        mem_mb=ask(1000, 110, of=measured_frames),
        runtime=ask(30, 1, of=measured_frames),
    params:
        row=judged_row,
        settings=CONFIG.evaluate.model_dump(mode="json"),
        code=code_digest("evaluate_restored"),
    script:
        "../scripts/evaluate_restored.py"


rule collect_metrics:
    input:
        evaluation_records(),
    output:
        "results/evaluation/metrics.csv",
    log:
        "logs/collect_metrics.log",
    benchmark:
        "results/benchmark/collect_metrics.jsonl"
    localrule: True
    conda:
        "../envs/io.yaml"
    resources:
        mem_mb=ask(500),
        runtime=ask(10),
    params:
        code=code_digest("collect_metrics"),
    script:
        "../scripts/collect_metrics.py"
