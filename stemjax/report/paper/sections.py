"""What the page ``results.md`` says of claims, in Markdown: lines of a section each."""

from collections.abc import Sequence

from stemjax.evaluate.interval import FEWEST_FIELDS
from stemjax.evaluate.statistics import COSTLY
from stemjax.provenance import read_json
from stemjax.records import OK
from stemjax.report.glossary import number
from stemjax.report.paper.claims import ROBUST, SLOW, instead
from stemjax.report.paper.made import NONE, stages
from stemjax.report.paper.measured import Measured, difference_of, mean_of
from stemjax.report.paper.run import FILTERS, Run
from stemjax.report.paper.style import PAPER, label
from stemjax.report.paper.tables import Lines, markdown_table
from stemjax.report.paper.verdicts import (
    FULL,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDECIDED,
    VERDICTS,
    Judged,
    decide,
    judge,
    number_lies,
    verdict_of,
    written,
)
from stemjax.report.paper.wording import (
    BETTER,
    INVENTED,
    METHODS,
    PAPER_SIZE,
    REASONS,
    SIMULATED,
    TEXTS,
    VERDICT,
)

INVENTED_FROM = 0.1  # um/um2 of lines in blank frames, from which a method is named


def head_section(run: Run, scale: float) -> Lines:
    """Say what the page is, and what simulated data can tell."""
    made = stages(run)
    lead = (
        f"What {PAPER}, report, beside what a run of this workflow measured on simulated data. "
        f"`make paper SCALE={scale:g}` made it ([how](#how-it-was-made)). "
        f"Here: {made['Raw files']}; {made['Converted']}. {PAPER_SIZE}"
    )
    return ["# Results beside the paper's", "", lead, "", SIMULATED]


def claims_section(judged: Sequence[Judged], run: Run) -> Lines:
    """Set what is claimed beside what was measured."""
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
                verdict_of(each),
            ]
        )
    told = [f"Of {len(judged)} claims: {_counted(judged)}.", ""]
    for about in dict.fromkeys(each.claim.about for each in judged):
        told.append(f"- {about}: {_counted([e for e in judged if e.claim.about == about])}")
    methods = METHODS.format(test=_integrated(run, "test"), series=_integrated(run, "series"))
    return ["## Claims", "", *told, "", methods, "", VERDICT, "", *markdown_table(rows)]


def _counted(judged: Sequence[Judged]) -> str:
    counts = {verdict: sum(each.verdict == verdict for each in judged) for verdict in VERDICTS}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def _integrated(run: Run, role: str) -> str:
    """Say how many frames integrations are the mean of."""
    paths = [run.results / f"dcfi/{row.acquisition}.json" for row in run.rows(role)]
    records = [read_json(path) for path in paths if path.exists()]
    counts = sorted({r["frames"] for r in records if r["status"] == OK and r["computed"]})
    return " to ".join(dict.fromkeys(str(count) for count in counts[:1] + counts[-1:])) or "no"


def examined_section(judged: Sequence[Judged], found: Measured) -> Lines:
    """Say why claims that were judged, or their numbers, may not be reproduced."""
    off = ("below the interval", "above the interval")
    failed = [
        each
        for each in judged
        if each.verdict in (NOT_REPRODUCED, UNDECIDED) or number_lies(each) in off
    ]
    if not failed:
        return []
    lines = ["## Where a claim or its number is not reproduced", ""]
    return lines + [f"- {_examined(each, found)}" for each in failed]


def _examined(each: Judged, found: Measured) -> str:
    claim, estimate = each.claim, each.estimate
    parts = [f"**{claim.says}** ({verdict_of(each)})."]
    if estimate is not None:
        parts.append(f"Measured: {'; '.join([written(claim.what, estimate), *each.beside])}.")
        edge = f"{claim.threshold:g} {claim.what.unit}".strip()
        if estimate.fields == 1:
            parts.append("One field of view has no interval, so that nothing is decided.")
        elif estimate.fields < FEWEST_FIELDS:
            parts.append(f"{estimate.fields} fields of view are too few to decide.")
        elif each.verdict == UNDECIDED:
            parts.append(f"The interval over {estimate.fields} fields of view holds {edge}.")
    if (other := instead(claim)) is not None:
        (robust,) = judge(found, [other], FULL)
        if robust.estimate is not None:
            said = f"{written(other.what, robust.estimate)} ({verdict_of(robust)})"
            parts.append(f"With `{ROBUST}` in its place: {said}.")
    return " ".join([*parts, TEXTS.get(claim.key, "")]).strip()


def measures_section(judged: Sequence[Judged]) -> Lines:
    """Say what the measures can tell, whether they speak for a claim or against it."""
    keys = {each.claim.key for each in judged if each.estimate is not None}
    lines = ["## How far the measures carry"]
    for title, reason in REASONS.items():
        if keys.intersection(reason.claims):
            lines += ["", f"*{title}.* {reason.text}"]
    return lines if len(lines) > 1 else []


def beware_section(found: Measured, run: Run) -> Lines:
    """Say which methods invent lines, and which models a classical filter outdoes."""
    lines = []
    for group, title in (("test", "test fields of view"), ("series", "heating series")):
        measured = {m: mean_of(found, group, m, "false_lines_blank") for m in run.methods}
        known = {method: each.mean for method, each in measured.items() if each is not None}
        if known:
            order = sorted(known, key=lambda method: -known[method])
            said = [f"{label(m)} {number(known[m], 1)}" for m in order if known[m] >= INVENTED_FROM]
            lines.append(f"- {title}: {', '.join(said) or 'none'}.")
    told = ["", INVENTED.format(least=INVENTED_FROM), "", *lines] if lines else []
    better = []
    for model in (SLOW, ROBUST):
        quick = [f for f in FILTERS if f not in COSTLY]
        pairs = {f: difference_of(found, "psnr_truth", f, model) for f in quick}
        known_pairs = {f: pair for f, pair in pairs.items() if pair is not None}
        if known_pairs:
            said = [
                f"{label(f)} {pair.says(2, 'dB', signed=True)}"
                for f, pair in known_pairs.items()
                if decide(pair, 0.0, above=True) == REPRODUCED
            ]
            better.append(f"- than {model}: {', '.join(said) or 'none for certain'}.")
    told += ["", BETTER, "", *better] if better else []
    return ["## What to beware of", *told] if told else []
