"""What Ihara et al., Sci. Rep. 12, 13462 (2022), claim, as values that a run can be asked for."""

from functools import partial
from itertools import pairwise

from stemjax.report.paper.measured import STREAK, difference_of, gain_of, mean_of, over_rapid
from stemjax.report.paper.verdicts import Claim, Quantity

GONE_DB = 1.0  # above the slow scan's own, up to which a streak is said to be gone
FOLLOWED = 120.0  # 1/um
SINGLE = ("dlf-100", "dlf-500", "dlf-1000", "dlf-2500")


def _gain(method: str, metric: str, group: str = "test") -> Quantity:
    return Quantity(partial(gain_of, group=group, method=method, metric=metric), "%", 1)


def _truth_gain(method: str, group: str = "test") -> Quantity:
    measure = partial(over_rapid, group=group, method=method, metric="psnr_truth")
    return Quantity(measure, "dB", 2, "PSNR to the truth", judges=True)


def _more(metric: str, method: str, other: str, unit: str, digits: int, name: str = "") -> Quantity:
    measure = partial(difference_of, metric=metric, method=method, other=other)
    return Quantity(measure, unit, digits, name)


def _mean(metric: str, method: str, unit: str, digits: int, name: str = "") -> Quantity:
    measure = partial(mean_of, group="test", method=method, metric=metric)
    return Quantity(measure, unit, digits, name, signed=False)


def _order(key: str, says: str, better: str, worse: str, *, single: bool = False) -> Claim:
    """Claim that a method has a higher PSNR than another; the truth's word stands beside."""
    measure = partial(difference_of, metric="psnr_truth", method=better, other=worse)
    truth = Quantity(measure, "dB", 2, "PSNR to the truth", judges=True)
    what = _more("psnr_paper", better, worse, "dB", 2)
    return Claim(key, says, what, "the order", beside=(truth,), single=single)


def _streak(key: str, method: str, name: str, *, gone: bool) -> Claim:
    paper = "gone" if gone else "left"
    return Claim(
        key,
        f"{name}: the vertical streak in the spectrum is {paper}",
        _more(STREAK, method, "slow", "dB", 2),
        paper,
        threshold=GONE_DB,
        above=not gone,
        beside=(
            Quantity(
                partial(over_rapid, group="test", method=method, metric=STREAK),
                *("dB", 2, "over the rapid frame"),
            ),
            _more(STREAK, method, "truth", "dB", 2, "over the simulated specimen"),
        ),
    )


def _more_frames(fewer: str, more: str) -> Claim:
    says = f"Of one field of view, {more.upper()} has a higher PSNR than {fewer.upper()}"
    return _order(f"frames-{more[4:]}", says, more, fewer, single=True)


CLAIMS = (
    Claim(
        "gain",
        "DLF-Slow raises the PSNR of rapid frames",
        _gain("dlf-slow", "psnr_paper"),
        "about 7 %",
        number=7.0,
        beside=(_truth_gain("dlf-slow"),),
    ),
    Claim(
        "gain-mid",
        "DLF-Slow raises the PSNR at grey values of 20,000 to 40,000",
        _gain("dlf-slow", "psnr_paper_mid"),
        "13 %",
        number=13.0,
    ),
    Claim(
        "gain-rest",
        "DLF-Slow raises the PSNR at all other grey values",
        _gain("dlf-slow", "psnr_paper_rest"),
        "2 %",
        number=2.0,
    ),
    _order("rapid-dcfi", "DCFI has a higher PSNR than rapid frames", "dcfi", "rapid"),
    _order("rapid-dlf-dcfi", "DLF-DCFI has a higher PSNR than rapid frames", "dlf-dcfi", "rapid"),
    _order("dcfi-slow", "DLF-Slow has a higher PSNR than DCFI", "dlf-slow", "dcfi"),
    _order("dlf-dcfi-slow", "DLF-Slow has a higher PSNR than DLF-DCFI", "dlf-slow", "dlf-dcfi"),
    _streak("streak-slow", "dlf-slow", "DLF-Slow", gone=True),
    _streak("streak-dcfi", "dcfi", "DCFI", gone=False),
    _streak("streak-bm3d", "bm3d", "BM3D", gone=False),
    _streak("streak-dlf-dcfi", "dlf-dcfi", "DLF-DCFI", gone=False),
    Claim(
        "follows",
        "DLF-Slow: the spectrum along the scan follows the slow scan's to 120/µm at least",
        _mean("follows_per_um", "dlf-slow", "/µm", 0),
        "120/µm",
        threshold=FOLLOWED,
        beside=(
            _mean("frc_per_um", "dlf-slow", "/µm", 0, "ring correlation to"),
            _mean("follows_per_um", "rapid", "/µm", 0, "rapid frames follow to"),
        ),
    ),
    Claim(
        "follows-single",
        "DLF-2500, of one field of view, follows it less far than DLF-Slow",
        _more("follows_per_um", "dlf-slow", "dlf-2500", "/µm", 0),
        "48/µm",
        beside=(
            _mean("follows_per_um", "dlf-2500", "/µm", 0, "DLF-2500 itself to"),
            _mean("frc_per_um", "dlf-2500", "/µm", 0, "its ring correlation to"),
        ),
        single=True,
    ),
    Claim(
        "series",
        "DLF-Slow, which learned from steel, raises the PSNR of the final states of heating series "
        "in aluminium",
        _gain("dlf-slow", "psnr_paper", "series"),
        "14 %",
        number=14.0,
        beside=(_truth_gain("dlf-slow", "series"),),
    ),
    _order(
        "uncorrected",
        "Learning from frames that are not undistorted gives a lower PSNR",
        "dlf-slow",
        "dlf-uncorrected",
    ),
    Claim(
        "uncorrected-lines",
        "Learning from frames that are not undistorted leaves lines farther from their places",
        _more("line_offset_px", "dlf-uncorrected", "dlf-slow", "px", 2),
        "the order",
        beside=(
            _mean("line_offset_px", "dlf-slow", "px", 2, "DLF-Slow"),
            _mean("line_offset_px", "dlf-uncorrected", "px", 2, "DLF-Uncorrected"),
        ),
    ),
    *(_more_frames(*pair) for pair in pairwise(SINGLE)),
)

# Models that are ours, each with what it has over DLF-Slow.
OURS = {
    name: (
        _more("psnr_truth", name, "dlf-slow", "dB", 2, "PSNR to the truth"),
        _more("ssim_truth", name, "dlf-slow", "", 3, "SSIM to the truth"),
        _more("frc_per_um", name, "dlf-slow", "/µm", 1, "resolution by ring correlation"),
        _more("psnr_paper", name, "dlf-slow", "dB", 2, "PSNR as in the paper"),
    )
    for name in ("dlf-temporal", "dlf-robust")
}
