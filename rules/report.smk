# What people read: input all records, restored frames and measurements; output movies and the report,
# results/report/index.html.


rule render_movie:
    input:
        converted="results/converted/{acquisition}.json",
        restored="results/restored/{model}/{acquisition}.json",
        temperatures=movie_log,
    output:
        "results/report/movies/{model}/{acquisition}.json",
    log:
        "logs/render_movie/{model}/{acquisition}.log",
    benchmark:
        "results/benchmark/render_movie/{model}/{acquisition}.jsonl"
    conda:
        "../envs/report.yaml"
    threads: 2
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(60),
    params:
        temperatures=row_log,
        code=code_digest("report"),
    script:
        "../scripts/render_movie.py"


rule write_report:
    input:
        all_records(),
        metrics="results/evaluation/metrics.csv",
    output:
        report(
            "results/report/index.html",
            caption="../report/index.rst",
            category="Evaluation",
        ),
    log:
        "logs/write_report.log",
    benchmark:
        "results/benchmark/write_report.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(30),
    params:
        sheet=sheet_settings(),
        models=RESTORED,
        code=code_digest("report"),
    script:
        "../scripts/write_report.py"
