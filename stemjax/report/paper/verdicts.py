"""Whether what a run measured bears out what is claimed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from stemjax.evaluate.interval import FEWEST_FIELDS
from stemjax.report.paper.measured import Estimate, Measured

REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"
NOT_JUDGED, NOT_MEASURED = "not judged", "not measured"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, UNDECIDED, NOT_JUDGED, NOT_MEASURED)
FULL = 1.0  # scale from which models of a single field of view have the paper's frames
Measure = partial[Estimate | None]  # of what was measured


@dataclass(frozen=True)
class Quantity:
    """A value that is read off a run.

    Attributes:
        measure: reads it.
        unit: of it.
        digits: behind the point.
        name: what it is, where it stands beside another.
        signed: whether it is a difference.
        judges: whether it is given a verdict of its own where it stands beside what decides:
            above zero it speaks for the claim.
    """

    measure: Measure
    unit: str
    digits: int
    name: str = ""
    signed: bool = True
    judges: bool = False


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper that a run can bear out or not.

    Attributes:
        key: its name.
        says: what is claimed.
        about: what claims it belongs to.
        what: the value that decides.
        paper: what the paper reports.
        threshold: from which on the value speaks for the claim.
        above: whether values above the threshold do, or those below it.
        number: the paper's own value, where it gives one.
        beside: what else to know; the claim's verdict does not hang on it.
        single: whether it is about models of a single field of view, which below full scale have
            fewer frames than the paper's and are not judged.
    """

    key: str
    says: str
    about: str
    what: Quantity
    paper: str
    threshold: float = 0.0
    above: bool = True
    number: float | None = None
    beside: tuple[Quantity, ...] = ()
    single: bool = False


@dataclass(frozen=True)
class Judged:
    """A claim, what was measured of it, and the verdict."""

    claim: Claim
    estimate: Estimate | None
    verdict: str
    beside: tuple[str, ...]


def judge(found: Measured, claims: Sequence[Claim], scale: float) -> list[Judged]:
    """Hold claims against what a run of some scale measured."""
    return [_judged(found, claim, scale) for claim in claims]


def _judged(found: Measured, claim: Claim, scale: float) -> Judged:
    estimate = claim.what.measure(found)
    fair = scale >= FULL or not claim.single
    beside = [_beside(each, value, fair) for each in claim.beside if (value := each.measure(found))]
    if estimate is None:
        verdict = NOT_MEASURED
    elif not fair:
        verdict = NOT_JUDGED
    else:
        verdict = decide(estimate, claim.threshold, above=claim.above)
    return Judged(claim, estimate, verdict, tuple(beside))


def _beside(quantity: Quantity, estimate: Estimate, fair: bool) -> str:
    said = f"{quantity.name} {written(quantity, estimate)}"
    return f"{said} ({decide(estimate, 0.0, above=True)})" if quantity.judges and fair else said


def decide(estimate: Estimate, threshold: float, *, above: bool) -> str:
    """Say on which side of a threshold an interval lies; few fields of view decide nothing."""
    if estimate.low is None or estimate.high is None or estimate.fields < FEWEST_FIELDS:
        return UNDECIDED
    if estimate.low > threshold:
        return REPRODUCED if above else NOT_REPRODUCED
    if estimate.high < threshold:
        return NOT_REPRODUCED if above else REPRODUCED
    return UNDECIDED


def written(quantity: Quantity, estimate: Estimate) -> str:
    """Write a value with its unit and interval."""
    return estimate.says(quantity.digits, quantity.unit, signed=quantity.signed)


def verdict_of(judged: Judged) -> str:
    """Write the verdict, and whether a claim that is reproduced is so to the paper's number."""
    off = number_lies(judged).startswith(("below", "above"))
    return judged.verdict + (", but not the number" if off and judged.verdict == REPRODUCED else "")


def number_lies(judged: Judged) -> str:
    """Say where the paper's number lies; empty where there is none, no interval, no verdict."""
    number, estimate = judged.claim.number, judged.estimate
    if number is None or estimate is None or judged.verdict == NOT_JUDGED:
        return ""
    if estimate.low is None or estimate.high is None:
        return ""
    if estimate.low <= number <= estimate.high:
        return "inside the interval"
    return "below the interval" if number < estimate.low else "above the interval"
