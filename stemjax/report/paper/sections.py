"""The parts of the page ``results.md``, in Markdown: each function gives the lines of one."""

from collections.abc import Sequence

from stemjax.config import Config
from stemjax.report.glossary import METRICS, number
from stemjax.report.paper.beyond import map_errors, speeds
from stemjax.report.paper.claims import OURS
from stemjax.report.paper.made import NONE, cost_table, facts, models_table, stages
from stemjax.report.paper.measured import Measured, mean_of
from stemjax.report.paper.run import Run
from stemjax.report.paper.style import PAPER, label
from stemjax.report.paper.verdicts import (
    FEWEST,
    FULL,
    NOT_REPRODUCED,
    UNDECIDED,
    VERDICTS,
    Judged,
    number_lies,
    written,
)
from stemjax.report.paper.wording import (
    COUNTED,
    MAPPED,
    METHODS,
    OTHERWISE,
    REASONS,
    SIMULATED,
    SPEED,
    TEXTS,
    TRUTH,
    VERDICT,
)

Lines = list[str]
TABLES = {
    "likeness": ("psnr_paper", "psnr_truth", "ssim_truth", "psnr_slow"),
    "detail": ("frc_per_um", "follows_per_um", "streak_db", "line_offset_px"),
    "lines": ("line_recall", "line_precision", "false_lines_blank"),
}
GROUPS = {"test": "Test fields of view", "series": "Heating series, final states"}
MAPS = {"strips": "strips, the paper's", "spline": "spline of all fields"}
OWN = {"slow": "slow scan itself", "truth": "simulated specimen"}  # of what is not restored


def markdown_table(rows: Sequence[Sequence[str]]) -> Lines:
    """Write rows of cells, the first of which is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def head_section(run: Run, scale: float) -> Lines:
    """Say what the page is, and what simulated data can tell."""
    made = stages(run)
    lead = (
        f"What {PAPER}, report, beside what a run of this workflow measured on simulated data. "
        f"`make paper SCALE={scale:g}` made it ([how](#how-it-was-made)); scale 1 has the paper's "
        f"numbers of fields of view and frames. Here: {made['Raw files']}; {made['Converted']}."
    )
    return ["# Results beside the paper's", "", lead, "", SIMULATED]


def claims_section(judged: Sequence[Judged]) -> Lines:
    """Set what is claimed beside what was measured."""
    counts = {verdict: sum(each.verdict == verdict for each in judged) for verdict in VERDICTS}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    rows = [["claim", "the paper", "this run", "beside it", "fields", "verdict"]]
    for each in judged:
        claim, estimate = each.claim, each.estimate
        where = number_lies(each)
        rows.append(
            [
                claim.says,
                f"{claim.paper} ({where})" if where else claim.paper,
                NONE if estimate is None else written(claim.what, estimate),
                "; ".join(each.beside) or NONE,
                NONE if estimate is None else str(estimate.fields),
                each.verdict,
            ]
        )
    told = f"Of {len(judged)} claims: {said}."
    return ["## Claims", "", told, "", METHODS, "", VERDICT, "", *markdown_table(rows)]


def examined_section(judged: Sequence[Judged], scale: float) -> Lines:
    """Say why claims that were judged may not be reproduced; nothing where all are."""
    failed = [each for each in judged if each.verdict in (NOT_REPRODUCED, UNDECIDED)]
    if not failed:
        return []
    lines = ["## Where a claim is not reproduced", ""]
    lines += [f"- {_examined(each)}" for each in failed]
    if scale < FULL:
        less = "models learn from fewer fields of view or frames than the paper's, in fewer steps"
        lines += ["", f"*Size.* At scale {scale:g} {less}."]
    return lines


def measures_section(judged: Sequence[Judged]) -> Lines:
    """Say what the measures can tell, whether they speak for a claim or against it."""
    keys = {each.claim.key for each in judged if each.estimate is not None}
    lines = ["## How far the measures carry"]
    for title, reason in REASONS.items():
        if keys.intersection(reason.claims):
            lines += ["", f"*{title}.* {reason.text}"]
    return lines if len(lines) > 1 else []


def _examined(each: Judged) -> str:
    claim, estimate = each.claim, each.estimate
    parts = [f"**{claim.says}** ({each.verdict})."]
    if estimate is not None:
        parts.append(f"Measured: {'; '.join([written(claim.what, estimate), *each.beside])}.")
        edge = f"{claim.threshold:g} {claim.what.unit}".strip()
        if estimate.fields == 1:
            parts.append("One field of view has no interval, so that nothing is decided.")
        elif estimate.fields < FEWEST:
            parts.append(f"{estimate.fields} fields of view are too few to decide.")
        elif each.verdict == UNDECIDED:
            parts.append(f"The interval over {estimate.fields} fields of view holds {edge}.")
    return " ".join([*parts, TEXTS.get(claim.key, "")]).strip()


def tables_section(found: Measured) -> Lines:
    """Show what every method measured, mean and interval."""
    lines = ["## What was measured", "", COUNTED]
    methods = dict.fromkeys([*(method for _, method, _ in found.summaries), *OWN])
    for group, title in GROUPS.items():
        for name, metrics in TABLES.items():
            rows = [["method", *(f"{METRICS[m].title}, `{m}`" for m in metrics)]]
            for method in methods:
                cells = [_cell(found, group, method, metric) for metric in metrics]
                if any(cell != NONE for cell in cells):
                    rows.append([OWN.get(method) or label(method), *cells])
            lines += ["", f"### {title}: {name}", ""]
            lines += markdown_table(rows) if len(rows) > 1 else ["Not measured."]
    return lines


def _cell(found: Measured, group: str, method: str, metric: str) -> str:
    estimate = mean_of(found, group, method, metric)
    return NONE if estimate is None else estimate.says(METRICS[metric].digits)


def adds_section(run: Run, found: Measured) -> Lines:
    """Show what there is beyond the paper."""
    maps = [["session", "map", "fields", "error", "its mean", "about its mean", "largest"]]
    for session, method, fields, error in map_errors(run):
        errors = (error.rms, error.shift, error.bend, error.worst)
        maps.append([session, MAPS[method], str(fields), *(number(e, 2) for e in errors)])
    ours = [["model", "what", "more than `dlf-slow`", "fields"]]
    for name, quantities in OURS.items():
        for quantity in quantities:
            if (more := quantity.measure(found)) is not None:
                ours.append([name, quantity.name, written(quantity, more), str(more.fields)])
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
        *("", "### Speed", "", SPEED, ""),
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
