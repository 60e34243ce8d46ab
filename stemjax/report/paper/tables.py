"""The tables of the page ``results.md``, in Markdown: each function gives a section of lines."""

from collections.abc import Sequence

from stemjax.config import Config
from stemjax.report.glossary import Metric, described, number
from stemjax.report.paper.beyond import MANY, map_errors, speeds
from stemjax.report.paper.claims import ROBUST, SLOW
from stemjax.report.paper.made import NONE, cost_table, facts, models_table, stages
from stemjax.report.paper.measured import SCATTER, Measured, difference_of, mean_of
from stemjax.report.paper.run import Run
from stemjax.report.paper.style import label
from stemjax.report.paper.wording import COUNTED, MAPPED, OTHERWISE, SPEED, TRUTH

Lines = list[str]
TABLES = {
    "likeness": ("psnr_paper", "psnr_truth", "ssim_truth", "psnr_slow"),
    "detail": ("frc_per_um", "follows_per_um", "streak_db"),
    "lines": ("line_offset_px", "line_width_60_90", "line_contrast_60_90"),
    "lost or invented": ("line_recall", "line_precision", "false_lines_blank"),
}
GROUPS = {"test": "Test fields of view", "series": "Heating series, final states"}
MAPS = {"none": "none", "strips": "strips, the paper's", "spline": "spline"}
OWN = {"slow": "slow scan itself", "truth": "simulated specimen"}  # of what is not restored


OURS = ("dlf-temporal", ROBUST)
COMPARED = {
    "psnr_truth": ("PSNR to the truth", "dB", 2),
    SCATTER: ("scatter of that between the frames of a field", "dB", 2),
    "ssim_truth": ("SSIM to the truth", "", 3),
    "frc_per_um": ("resolution by ring correlation", "/µm", 1),
    "psnr_paper": ("PSNR as in the paper", "dB", 2),
}


def markdown_table(rows: Sequence[Sequence[str]]) -> Lines:
    """Write rows of cells, the first of which is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _metric(name: str) -> Metric:
    found = described(name)
    assert found is not None
    return found


def tables_section(found: Measured) -> Lines:
    """Show what every method measured, mean and interval."""
    lines = ["## What was measured", "", COUNTED]
    methods = dict.fromkeys([*(method for _, method, _ in found.summaries), *OWN])
    for group, title in GROUPS.items():
        for name, metrics in TABLES.items():
            rows = [["method", *(f"{_metric(m).title}, `{m}`" for m in metrics)]]
            for method in methods:
                cells = [_cell(found, group, method, metric) for metric in metrics]
                if any(cell != NONE for cell in cells):
                    rows.append([OWN.get(method) or label(method), *cells])
            lines += ["", f"### {title}: {name}", ""]
            lines += markdown_table(rows) if len(rows) > 1 else ["Not measured."]
    return lines


def _cell(found: Measured, group: str, method: str, metric: str) -> str:
    estimate = mean_of(found, group, method, metric)
    return NONE if estimate is None else estimate.says(_metric(metric).digits)


def adds_section(run: Run, found: Measured) -> Lines:
    """Show what there is beyond the paper."""
    maps = [["session", "map", "fields", "about its mean", "its mean", "error", "largest"]]
    for session, method, fields, error in map_errors(run):
        errors = (error.bend, error.shift, error.rms, error.worst)
        many = str(fields) if fields else NONE
        maps.append([session, MAPS[method], many, *(number(e, 2) for e in errors)])
    ours = [["model", "what", "more than `dlf-slow`", "more than a Wiener filter", "fields"]]
    for name in OURS:
        for metric, (title, unit, digits) in COMPARED.items():
            more = [difference_of(found, metric, name, other) for other in (SLOW, "wiener")]
            if measured := [each for each in more if each is not None]:
                cells = [each.says(digits, unit, signed=True) if each else NONE for each in more]
                ours.append([name, title, *cells, str(measured[0].fields)])
    fast = [["model", "training steps/s", "patches/s", "restored frames/s", "of so many"]]
    for name, speed in speeds(run).items():
        rates = (speed.steps_per_s, speed.patches_per_s, speed.frames_per_s)
        cells = [NONE if rate is None else f"{rate:,.1f}" for rate in rates]
        fast.append([name, *cells, NONE if speed.frames is None else f"{speed.frames:,}"])
    return [
        "## What stemjax adds",
        "",
        *("### Distortion maps against the simulated scan", "", MAPPED, ""),
        *_or_not_measured(maps),
        *("", "### Models of ours", "", OTHERWISE, ""),
        *_or_not_measured(ours),
        *("", "### Measured against the truth", "", TRUTH),
        *("", "### Speed", "", SPEED.format(least=MANY), ""),
        *_or_not_measured(fast),
    ]


def made_section(run: Run, config: Config) -> Lines:
    """Say how the run was made, and what it took."""
    return [
        "## How it was made",
        "",
        *(f"- {name}: {said}" for name, said in facts(run, config).items()),
        *("", "Made by each stage:", ""),
        *(f"- {name}: {said}" for name, said in stages(run).items()),
        *("", "Models, and what they learned from (what was held back apart):", ""),
        *_or_not_measured(models_table(run)),
        *("", "What the jobs of each rule took, the costliest first:", ""),
        *_or_not_measured(cost_table(run)),
    ]


def _or_not_measured(rows: Sequence[Sequence[str]]) -> Lines:
    return markdown_table(rows) if len(rows) > 1 else ["Not measured."]
