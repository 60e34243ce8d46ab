"""Verdicts on claims, from tables made by hand whose means and intervals follow on paper.

Of two fields of view, half of all resamples hold both, a quarter each only one: the ends of the
95 % interval are the two fields' own values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stemjax.evaluate.table import COLUMNS
from stemjax.report.paper import verdicts as verdicts_of
from stemjax.report.paper.claims import ACHIEVES, CLAIMS, instead
from stemjax.report.paper.measured import (
    Estimate,
    Measured,
    measure_run,
)
from stemjax.report.paper.run import Run
from stemjax.report.paper.verdicts import (
    VERDICTS,
    Judged,
    decide,
    judge,
    number_lies,
    verdict_of,
)
from stemjax.report.paper.wording import REASONS, TEXTS
from stemjax.sheet import Acquisition

KEYS = [claim.key for claim in CLAIMS]
PAPER = ["rapid", "dcfi", "dlf-dcfi", "dlf-uncorrected", "dlf-slow"]
SINGLE = ["dlf-100", "dlf-500", "dlf-1000", "dlf-2500"]
MODELS = [*PAPER[2:], *SINGLE, "dlf-robust"]
FEWEST = verdicts_of.FEWEST_FIELDS
Values = Mapping[tuple[str, str], Sequence[float]]  # of method and metric, one of each field


@pytest.fixture(autouse=True)
def two_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two fields of view decide, whose intervals follow on paper."""
    monkeypatch.setattr(verdicts_of, "FEWEST_FIELDS", 2)


def measured(folder: Path, values: Values, role: str = "test") -> Measured:
    """Measure a run of which nothing is there but a table."""
    lines = [
        f"field-{k},0,{method},{metric},{value}"
        for (method, metric), each in values.items()
        for k, value in enumerate(each)
    ]
    path = folder / "results" / "evaluation" / "metrics.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    count = max(map(len, values.values()))
    sheet = tuple(Acquisition(f"field-{k}", "mon", role, "r", "s") for k in range(count))
    return measure_run(Run(folder / "results", sheet, dict.fromkeys(MODELS, ()), False))


def verdicts(found: Measured, scale: float = 1.0) -> dict[str, str]:
    """Judge all claims."""
    return {each.claim.key: each.verdict for each in judge(found, CLAIMS, scale)}


def judged(found: Measured, key: str, scale: float = 1.0) -> Judged:
    """Judge one claim."""
    return next(each for each in judge(found, CLAIMS, scale) if each.claim.key == key)


def test_a_gain_is_that_of_the_means_and_its_interval_that_of_the_fields(tmp_path: Path) -> None:
    rapid, slow = [20.0, 30.0], [21.0, 33.0]
    found = measured(tmp_path, {("rapid", "psnr_paper"): rapid, ("dlf-slow", "psnr_paper"): slow})
    gain = judged(found, "gain")
    assert gain.estimate is not None
    assert gain.estimate.mean == pytest.approx(100 * (54 / 50 - 1))
    assert (gain.estimate.low, gain.estimate.high) == pytest.approx((5.0, 10.0))
    assert gain.estimate.fields == 2
    assert gain.verdict == "reproduced"
    assert number_lies(gain) == "inside the interval"
    assert verdict_of(gain) == "reproduced"
    assert gain.estimate.says(1, "%", signed=True) == "+8.0 % [+5.0, +10.0]"


def test_equal_gains_leave_an_interval_without_width(tmp_path: Path) -> None:
    values = {("rapid", "psnr_paper"): [20.0] * 5, ("dlf-slow", "psnr_paper"): [20.5] * 5}
    gain = judged(measured(tmp_path, values), "gain")
    assert gain.estimate is not None
    ends = (gain.estimate.mean, gain.estimate.low, gain.estimate.high)
    assert ends == pytest.approx((2.5, 2.5, 2.5))
    assert gain.verdict == "reproduced"
    assert number_lies(gain) == "above the interval"
    assert verdict_of(gain) == "reproduced, but not the number"
    assert verdict_of(replace(gain, verdict="not reproduced")) == "not reproduced"


@pytest.mark.parametrize(
    ("slow", "verdict"),
    [
        ([21.0, 22.0], "reproduced"),
        ([21.0, 19.0], "undecided"),
        ([19.0, 18.0], "not reproduced"),
        ([20.0, 20.0], "undecided"),
        ([25.0], "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(
    tmp_path: Path, slow: list[float], verdict: str
) -> None:
    rapid = [20.0] * len(slow)
    values = {("dcfi", "psnr_paper"): rapid, ("dlf-slow", "psnr_paper"): slow}
    assert verdicts(measured(tmp_path, values))["dcfi-slow"] == verdict


def test_the_truth_may_say_otherwise(tmp_path: Path) -> None:
    values = {("rapid", "psnr_paper"): [20.0, 21.0], ("dcfi", "psnr_paper"): [19.0, 19.0]}
    values |= {("rapid", "psnr_truth"): [20.0, 21.0], ("dcfi", "psnr_truth"): [22.0, 22.0]}
    found = judged(measured(tmp_path, values), "rapid-dcfi")
    assert found.verdict == "not reproduced"
    assert found.beside == ("PSNR to the truth +1.50 dB [+1.00, +2.00] (reproduced)",)


def test_a_single_field_has_neither_interval_nor_verdict(tmp_path: Path) -> None:
    values = {("rapid", "psnr_paper"): [20.0], ("dlf-slow", "psnr_paper"): [30.0]}
    gain = judged(measured(tmp_path, values), "gain")
    assert gain.estimate == Estimate(50.0, None, None, 1)
    assert (gain.verdict, number_lies(gain)) == ("undecided", "")
    assert gain.estimate.says(1, "%", signed=True) == "+50.0 %"


def test_the_papers_number_may_lie_below(tmp_path: Path) -> None:
    values = {("rapid", "psnr_paper"): [20.0, 20.0], ("dlf-slow", "psnr_paper"): [22.0, 24.0]}
    gain = judged(measured(tmp_path, values), "gain")
    assert number_lies(gain) == "below the interval"
    alone = replace(gain, verdict="not judged")  # as models of one field below full scale
    assert number_lies(alone) == ""


def test_few_fields_of_view_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts_of, "FEWEST_FIELDS", FEWEST)
    few, enough = (Estimate(1.0, 0.5, 1.5, fields) for fields in (5, 6))
    assert decide(few, 0.0, above=True) == decide(few, 0.0, above=False) == "undecided"
    assert decide(enough, 0.0, above=True) == "reproduced"
    assert decide(enough, 0.0, above=False) == "not reproduced"
    assert 0.5**6 * 2 < 0.05 < 0.5**5 * 2  # how often chance gives all one sign


def ladder(methods: Sequence[str], start: float, step: float) -> dict[str, list[float]]:
    """Give each method two values, each method those of the one before and a step."""
    return {m: [start + k * step, start + 1 + k * step] for k, m in enumerate(methods)}


def as_claimed(sign: float) -> dict[tuple[str, str], list[float]]:
    """Measure everything as the paper has it, or with the opposite sign everything against it."""
    values: dict[tuple[str, str], list[float]] = {}
    for metric in ("psnr_paper", "psnr_paper_mid", "psnr_paper_rest"):
        step = sign if metric == "psnr_paper_rest" else 2 * sign
        of_all = ladder(PAPER, 20.0, step) | ladder(SINGLE, 5.0, sign)
        values |= {(method, metric): each for method, each in of_all.items()}
    values["dlf-slow", "follows_per_um"] = [120.0 + 5 * sign, 120 + 9 * sign]
    values["dlf-2500", "follows_per_um"] = [120.0, 120.0]
    values["dlf-slow", "line_offset_px"] = [1.0, 2.0]
    values["dlf-uncorrected", "line_offset_px"] = [1.0 + sign, 2 + sign / 2]
    return values


@pytest.mark.parametrize(("sign", "verdict"), [(1.0, "reproduced"), (-1.0, "not reproduced")])
def test_every_claim_can_be_borne_out_and_refuted(
    tmp_path: Path, sign: float, verdict: str
) -> None:
    streaks = {"slow": 3.0, "dlf-slow": 4 - sign / 2, "rapid": 9.0}
    streaks |= dict.fromkeys(("dcfi", "bm3d", "dlf-dcfi"), 4 + sign / 2)
    found = measured(tmp_path, as_claimed(sign))
    series = measured(
        tmp_path,
        {("rapid", "psnr_paper"): [20.0, 21.0], ("dlf-slow", "psnr_paper"): [20 + sign] * 2}
        | {("rapid", "psnr_truth"): [30.0, 30.0], ("dlf-slow", "psnr_truth"): [33.0, 35.0]},
        "series",
    )
    means = {method: {"field-0": value, "field-1": value} for method, value in streaks.items()}
    whole = Measured({**found.summaries, **series.summaries}, {**found.means, "streak_db": means})
    expected = dict.fromkeys(KEYS, verdict)
    expected["series"] = "undecided" if sign > 0 else "not reproduced"  # 21 and 20; then 19
    assert verdicts(whole) == expected
    assert judged(whole, "series").beside == (
        "PSNR to the truth +4.00 dB [+3.00, +5.00] (reproduced)",
    )


def test_each_claim_looks_at_the_values_it_is_about(tmp_path: Path) -> None:
    metrics = ("psnr_paper", "psnr_paper_mid", "psnr_paper_rest", "follows_per_um")
    methods = [*PAPER, *SINGLE]
    values: dict[tuple[str, str], list[float]] = {
        (method, metric): [10.0 + 3 * k + 0.5 * n + k * n] * 2
        for k, method in enumerate(methods)
        for n, metric in enumerate((*metrics, "line_offset_px"))
    }
    found = judge(measured(tmp_path, values), CLAIMS, 1.0)
    measures = {each.claim.key: each.estimate.mean for each in found if each.estimate}

    def value(method: str, metric: str = "psnr_paper") -> float:
        return values[method, metric][0]

    ratios = {
        key: 100 * (value("dlf-slow", metric) / value("rapid", metric) - 1)
        for key, metric in zip(("gain", "gain-mid", "gain-rest"), metrics, strict=False)
    }
    ratios["gain-where"] = ratios["gain-mid"] - ratios["gain-rest"]
    pairs = {
        "rapid-dcfi": ("dcfi", "rapid"),
        "rapid-dlf-dcfi": ("dlf-dcfi", "rapid"),
        "dcfi-slow": ("dlf-slow", "dcfi"),
        "dlf-dcfi-slow": ("dlf-slow", "dlf-dcfi"),
        "uncorrected": ("dlf-slow", "dlf-uncorrected"),
        "frames-500": ("dlf-500", "dlf-100"),
        "frames-1000": ("dlf-1000", "dlf-500"),
        "frames-2500": ("dlf-2500", "dlf-1000"),
    }
    orders = {key: value(better) - value(worse) for key, (better, worse) in pairs.items()}
    follows, lines = "follows_per_um", "line_offset_px"
    others = {
        "follows": value("dlf-slow", follows),
        "follows-single": value("dlf-slow", follows) - value("dlf-2500", follows),
        "uncorrected-lines": value("dlf-uncorrected", lines) - value("dlf-slow", lines),
    }
    assert measures == pytest.approx({**ratios, **orders, **others})


def test_models_of_one_field_of_view_are_judged_at_full_scale_only(tmp_path: Path) -> None:
    found = measured(tmp_path, as_claimed(1.0))
    alone = ["follows-single", "frames-500", "frames-1000", "frames-2500"]
    full, tenth = verdicts(found), verdicts(found, 0.1)
    assert [full[key] for key in alone] == ["reproduced"] * 4
    assert [tenth[key] for key in alone] == ["not judged"] * 4
    assert {key for key in KEYS if full[key] != tenth[key]} == set(alone)
    truth = {("dlf-100", "psnr_truth"): [20.0, 20.0], ("dlf-500", "psnr_truth"): [21.0, 22.0]}
    beside = "PSNR to the truth +1.50 dB [+1.00, +2.00]"
    by_truth = measured(tmp_path, truth | as_claimed(1.0))
    assert judged(by_truth, "frames-500", 0.1).beside == (beside,)
    assert judged(by_truth, "frames-500").beside == (f"{beside} (reproduced)",)
    assert judged(found, "frames-500", 0.1).estimate == judged(found, "frames-500").estimate


def test_what_a_run_does_not_have_was_not_measured(tmp_path: Path) -> None:
    found = measured(tmp_path, {("rapid", "psnr_slow"): [20.0, 21.0]})
    assert set(verdicts(found, 0.1).values()) == {"not measured"}


@pytest.mark.parametrize(
    ("over", "gone", "left"),
    [
        ([-2.0, 0.9], "reproduced", "not reproduced"),
        ([0.9, 1.1], "undecided", "undecided"),
        ([1.1, 3.0], "not reproduced", "reproduced"),
    ],
)
def test_a_streak_is_gone_within_a_decibel_of_the_slow_scans(
    over: list[float], gone: str, left: str
) -> None:
    slow = {"a": 2.0, "b": -1.0}
    mine = {"a": 2.0 + over[0], "b": -1.0 + over[1]}
    names = ("dlf-slow", "dcfi", "bm3d", "dlf-dcfi")
    found = Measured({}, {"streak_db": {"slow": slow, **dict.fromkeys(names, mine)}})
    said = verdicts(found)
    assert said["streak-slow"] == gone
    assert [said[f"streak-{name}"] for name in ("dcfi", "bm3d", "dlf-dcfi")] == [left] * 3
    estimate = judged(found, "streak-slow").estimate
    assert estimate is not None
    assert estimate.mean == pytest.approx(sum(over) / 2)


def test_values_on_the_edge_decide_nothing() -> None:
    assert decide(Estimate(1.0, 1.0, 1.0, 3), 1.0, above=True) == "undecided"
    assert decide(Estimate(1.0, 0.5, 1.0, 3), 1.0, above=False) == "undecided"
    assert decide(Estimate(0.9, 0.5, 1.5, 3), 1.0, above=False) == "undecided"
    assert decide(Estimate(1.1, 0.5, 1.5, 3), 1.0, above=False) == "undecided"
    assert decide(Estimate(0.9, 0.5, 0.99, 3), 1.0, above=False) == "reproduced"


def test_what_is_said_of_claims_is_said_of_claims_that_there_are() -> None:
    named = {*TEXTS, *(key for reason in REASONS.values() for key in reason.claims)}
    assert named <= set(KEYS)
    assert len(set(KEYS)) == len(KEYS)
    assert set(KEYS) == named  # none is left without a word
    assert len(VERDICTS) == 5


def test_a_model_of_ours_can_stand_in_the_place_of_dlf_slow(tmp_path: Path) -> None:
    values = {("rapid", "psnr_paper"): [20.0, 20.0], ("dcfi", "psnr_paper"): [21.0, 23.0]}
    values |= {("dlf-slow", "psnr_paper"): [19.0, 19.0], ("dlf-robust", "psnr_paper"): [24.0] * 2}
    found = measured(tmp_path, values)
    by_key = {claim.key: claim for claim in CLAIMS}
    for key, expected in (("gain", 20.0), ("dcfi-slow", 2.0), ("gain-mid", None)):
        claim = instead(by_key[key])
        assert claim is not None
        assert claim.beside == ()
        estimate = claim.what.measure(found)
        assert (estimate and estimate.mean) == (expected and pytest.approx(expected))
    assert [instead(claim) for claim in CLAIMS if claim.about != ACHIEVES] == [None] * 11
