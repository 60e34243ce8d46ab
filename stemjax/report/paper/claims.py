"""What Ihara et al., Sci. Rep. 12, 13462 (2022), claim, as values that a run can be asked for."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

from stemjax.report.paper.measured import (
    FOLLOWS,
    STREAK,
    difference_of,
    gain_contrast,
    gain_of,
    mean_of,
    over_rapid,
)
from stemjax.report.paper.verdicts import Claim, Quantity

GONE_DB = 1.0  # above the slow scan's own, up to which a streak is said to be gone
FOLLOWED = 120.0  # 1/um
SINGLE = ("dlf-100", "dlf-500", "dlf-1000", "dlf-2500")
SLOW, ROBUST = "dlf-slow", "dlf-robust"
ACHIEVES, OTHERS = "what DLF-Slow achieves", "other methods"
UNCORRECTED, ALONE = "learning without a map", "models of a single field of view"
PARTS = ("psnr_paper_mid", "psnr_paper_rest")


def _gain(method: str, metric: str, group: str = "test", name: str = "") -> Quantity:
    measure = partial(gain_of, group=group, method=method, metric=metric)
    return Quantity(measure, "%", 1, name)


def _truth_gain(method: str, group: str = "test") -> Quantity:
    measure = partial(over_rapid, group=group, method=method, metric="psnr_truth")
    return Quantity(measure, "dB", 2, "PSNR to the truth", judges=True)


def _more(metric: str, method: str, other: str, unit: str, digits: int, name: str = "") -> Quantity:
    measure = partial(difference_of, metric=metric, method=method, other=other)
    return Quantity(measure, unit, digits, name)


def _mean(metric: str, method: str, unit: str, digits: int, name: str = "") -> Quantity:
    measure = partial(mean_of, group="test", method=method, metric=metric)
    return Quantity(measure, unit, digits, name, signed=False)


def _order(key: str, says: str, better: str, worse: str, about: str) -> Claim:
    """Claim that a method has a higher PSNR than another; the truth's word stands beside."""
    measure = partial(difference_of, metric="psnr_truth", method=better, other=worse)
    truth = Quantity(measure, "dB", 2, "PSNR to the truth", judges=True)
    what = _more("psnr_paper", better, worse, "dB", 2)
    return Claim(key, says, about, what, "the order", beside=(truth,), single=about == ALONE)


def _streak(key: str, method: str, name: str, *, gone: bool) -> Claim:
    paper = "gone" if gone else "left"
    measure = partial(over_rapid, group="test", method=method, metric=STREAK)
    return Claim(
        key,
        f"{name}: the vertical streak in the spectrum is {paper}",
        ACHIEVES if gone else OTHERS,
        _more(STREAK, method, "slow", "dB", 2),
        paper,
        threshold=GONE_DB,
        above=not gone,
        beside=(
            Quantity(measure, "dB", 2, "over the rapid frame"),
            _more(STREAK, method, "truth", "dB", 2, "over the simulated specimen"),
        ),
    )


def _more_frames(fewer: str, more: str) -> Claim:
    says = f"{more.upper()} has a higher PSNR than {fewer.upper()}"
    return _order(f"frames-{more[4:]}", says, more, fewer, ALONE)


CLAIMS = (
    Claim(
        "gain",
        "DLF-Slow raises the PSNR of rapid frames",
        ACHIEVES,
        _gain(SLOW, "psnr_paper"),
        "about 7 %",
        number=7.0,
        beside=(_truth_gain(SLOW), _gain("wiener", "psnr_paper", name="a Wiener filter")),
    ),
    Claim(
        "gain-mid",
        "DLF-Slow raises the PSNR at grey values of 20,000 to 40,000",
        ACHIEVES,
        _gain(SLOW, "psnr_paper_mid"),
        "13 %",
        number=13.0,
    ),
    Claim(
        "gain-rest",
        "DLF-Slow raises the PSNR at all other grey values",
        ACHIEVES,
        _gain(SLOW, "psnr_paper_rest"),
        "2 %",
        number=2.0,
    ),
    Claim(
        "gain-where",
        "DLF-Slow raises it more at 20,000 to 40,000 than at all other grey values",
        ACHIEVES,
        Quantity(partial(gain_contrast, method=SLOW, metrics=PARTS), "points", 1),
        "11 points, 13 against 2 %",
        number=11.0,
    ),
    _order("rapid-dcfi", "DCFI has a higher PSNR than rapid frames", "dcfi", "rapid", OTHERS),
    _order(
        *("rapid-dlf-dcfi", "DLF-DCFI has a higher PSNR than rapid frames", "dlf-dcfi", "rapid"),
        OTHERS,
    ),
    _order("dcfi-slow", "DLF-Slow has a higher PSNR than DCFI", SLOW, "dcfi", ACHIEVES),
    _order("dlf-dcfi-slow", "DLF-Slow has a higher PSNR than DLF-DCFI", SLOW, "dlf-dcfi", ACHIEVES),
    _streak("streak-slow", SLOW, "DLF-Slow", gone=True),
    _streak("streak-dcfi", "dcfi", "DCFI", gone=False),
    _streak("streak-bm3d", "bm3d", "BM3D", gone=False),
    _streak("streak-dlf-dcfi", "dlf-dcfi", "DLF-DCFI", gone=False),
    Claim(
        "follows",
        "DLF-Slow: the spectrum along the scan follows the slow scan's to 120/µm at least",
        ACHIEVES,
        _mean(FOLLOWS, SLOW, "/µm", 0),
        "120/µm",
        threshold=FOLLOWED,
        beside=(
            _mean(FOLLOWS, "truth", "/µm", 0, "the simulated specimen itself, without noise, to"),
            _mean(FOLLOWS, "rapid", "/µm", 0, "rapid frames to"),
            _mean("frc_per_um", SLOW, "/µm", 0, "ring correlation to"),
        ),
    ),
    Claim(
        "follows-single",
        "DLF-Slow follows it farther than DLF-2500",
        ALONE,
        _more(FOLLOWS, SLOW, "dlf-2500", "/µm", 0),
        "72/µm, 120 against 48",
        beside=(
            _mean(FOLLOWS, "dlf-2500", "/µm", 0, "DLF-2500 itself to"),
            _mean("frc_per_um", "dlf-2500", "/µm", 0, "its ring correlation to"),
        ),
        number=72.0,
        single=True,
    ),
    Claim(
        "series",
        "DLF-Slow, which learned from steel, raises the PSNR of the final states of heating series "
        "in aluminium",
        ACHIEVES,
        _gain(SLOW, "psnr_paper", "series"),
        "14 %",
        number=14.0,
        beside=(
            _truth_gain(SLOW, "series"),
            _gain("wiener", "psnr_paper", "series", "a Wiener filter"),
        ),
    ),
    _order(
        "uncorrected",
        "Learning from undistorted frames gives a higher PSNR than from those that are not",
        *(SLOW, "dlf-uncorrected", UNCORRECTED),
    ),
    Claim(
        "uncorrected-lines",
        "Learning from undistorted frames leaves lines nearer to their places",
        UNCORRECTED,
        _more("line_offset_px", "dlf-uncorrected", SLOW, "px", 2),
        "the order",
        beside=(
            _mean("line_offset_px", SLOW, "px", 2, "DLF-Slow"),
            _mean("line_offset_px", "dlf-uncorrected", "px", 2, "DLF-Uncorrected"),
        ),
    ),
    *(_more_frames(*pair) for pair in pairwise(SINGLE)),
)


def instead(claim: Claim) -> Claim | None:
    """Make a claim on what DLF-Slow achieves one on `dlf-robust`; None of other claims."""
    if claim.about != ACHIEVES:
        return None
    told = claim.what.measure.keywords
    swapped = {key: ROBUST if value == SLOW else value for key, value in told.items()}
    measure = partial(claim.what.measure.func, **swapped)
    return replace(claim, what=replace(claim.what, measure=measure), beside=())
