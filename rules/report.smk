# What people read: input all records, restored frames and measurements; output movies, figures and
# the report, results/report/index.html, with its pages beside it.


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
        mem_mb=ask(800, 100, of=one_frame),
        runtime=ask(15, 0.05, of=all_frames),
    params:
        temperatures=row_log,
        code=code_digest("render_movie"),
    script:
        "../scripts/render_movie.py"


rule plot_figures:
    input:
        all_records(),
        metrics="results/evaluation/metrics.csv",
        files=shown_files(),
    output:
        report(
            directory("results/report/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/plot_figures.log",
    benchmark:
        "results/benchmark/plot_figures.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=ask(800, 0.5, of=input_files),
        runtime=ask(20, 0.02, of=input_files),
    params:
        sheet=sheet_settings(),
        models=RESTORED,
        simulated=CONFIG.simulate is not None,
        code=code_digest("plot_figures"),
    script:
        "../scripts/plot_figures.py"


rule write_report:
    input:
        all_records(),
        metrics="results/evaluation/metrics.csv",
        figures="results/report/figures",
        files=shown_files(),
    output:
        index=report(
            "results/report/index.html",
            caption="../report/index.rst",
            category="Evaluation",
            labels={"result": "report"},
        ),
        summary=report(
            "results/report/summary.csv",
            caption="../report/summary.rst",
            category="Evaluation",
            labels={"result": "statistics"},
        ),
    log:
        "logs/write_report.log",
    benchmark:
        "results/benchmark/write_report.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=ask(800, 0.5, of=input_files),
        runtime=ask(20, 0.02, of=input_files),
    params:
        sheet=sheet_settings(),
        models=RESTORED,
        frames=CONFIG.evaluate.frames,
        code=code_digest("write_report"),
    script:
        "../scripts/write_report.py"
