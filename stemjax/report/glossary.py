"""Methods and metrics in plain words: names, units, what each means and what it catches."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """What the report says of a metric.

    Attributes:
        part: of the tables in which it stands.
        label: its name, with what it compares with.
        unit: of its values, empty where there is none.
        better: which values are wanted: ``higher``, ``lower``, or those nearer to 1.
        digits: behind the point.
        means: what it measures, what it catches, where it misleads.
        main: whether it stands in the short table.
        caveat: why its best value need not be a good one; with one, none is marked as the best.
    """

    part: str
    label: str
    unit: str
    better: str
    digits: int
    means: str
    main: bool = False
    caveat: str = ""

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


METHODS = {
    "rapid": ("rapid frame", "One of the recorded frames, undistorted."),
    "dcfi": ("DCFI", "Drift-corrected frame integration: the mean of the frames, undistorted."),
    "gaussian": ("Gaussian", "Gaussian filter of a rapid frame."),
    "nlm": ("non-local means", "Mean of the places in a rapid frame that look alike."),
    "wiener": ("Wiener", "Wiener filter of a rapid frame; it takes back the detector's lag too."),
    "bm3d": ("BM3D", "Block matching and 3D filtering of a rapid frame, noise taken for white."),
    "bm3d-spectrum": ("BM3D (spectrum)", "The same, told the noise's power spectrum."),
}
LIKENESS = "Likeness to the reference"
DETAIL = "Detail and streaks"
LINES = "Dislocation lines"
INVENTED = "What was lost or invented"
METRICS = {
    "psnr_truth": Metric(
        LIKENESS,
        "PSNR to the truth",
        "dB",
        "higher",
        2,
        "Mean squared error against the simulated specimen, on a logarithmic scale. Only "
        "simulations have a truth. Large smooth areas count most, thin lines hardly.",
        main=True,
    ),
    "ssim_truth": Metric(
        LIKENESS,
        "SSIM to the truth",
        "",
        "higher",
        3,
        "Likeness of local structure to the simulated specimen; 1 is equal. Blur and noise both "
        "lower it.",
        main=True,
    ),
    "psnr_slow": Metric(
        LIKENESS,
        "PSNR to the slow scan",
        "dB",
        "higher",
        2,
        "Mean squared error against the slow scan, on a logarithmic scale. The slow scan's own "
        "noise is in it, so that even a perfect frame stays finite.",
        main=True,
    ),
    "ssim_slow": Metric(
        LIKENESS,
        "SSIM to the slow scan",
        "",
        "higher",
        3,
        "Likeness of local structure to the slow scan; 1 is equal. Also limited by its noise.",
        main=True,
    ),
    "psnr_paper": Metric(
        LIKENESS,
        "PSNR as in the paper",
        "dB",
        "higher",
        2,
        "As Ihara et al. (2022) compute it: both images are stretched from minimum to maximum, so "
        "single pixels move it. To compare with the paper, not to judge.",
        main=True,
    ),
    "psnr_paper_mid": Metric(
        LIKENESS,
        "PSNR as in the paper, mid greys",
        "dB",
        "higher",
        2,
        "The same, where the slow scan lies between 20,000 and 40,000 of 65,535.",
    ),
    "psnr_paper_rest": Metric(
        LIKENESS,
        "PSNR as in the paper, darker and brighter",
        "dB",
        "higher",
        2,
        "The same, everywhere else.",
    ),
    "psnr_dcfi": Metric(
        LIKENESS,
        "rapid geometry: PSNR to the DCFI",
        "dB",
        "higher",
        2,
        "For frames without a distortion map, which have no other reference. The DCFI image lags "
        "as they do and has a share of their noise in it.",
    ),
    "ssim_dcfi": Metric(
        LIKENESS,
        "rapid geometry: SSIM to the DCFI",
        "",
        "higher",
        3,
        "Likewise, likeness of local structure.",
    ),
    "follows_per_um": Metric(
        DETAIL,
        "spectrum follows the slow scan's up to",
        "1/µm",
        "higher",
        1,
        "Spatial frequency along the scan up to which the power spectrum keeps to the slow "
        "scan's. Catches lag and blur, which lower it. Noise as strong as the structure that was "
        "lost passes for it, so that a noisy frame can follow furthest: read it with the next.",
        main=True,
        caveat="noise raises it too",
    ),
    "frc_per_um": Metric(
        DETAIL,
        "resolution by Fourier ring correlation",
        "1/µm",
        "higher",
        1,
        "Spatial frequency at which the correlation with the slow scan falls below 1/7: details "
        "beyond are not the slow scan's, even where they look sharp. 100/µm are details of 10 nm.",
        main=True,
    ),
    "streak_db": Metric(
        DETAIL,
        "streaks along the scan",
        "dB",
        "lower",
        2,
        "Power in horizontal streaks, relative to the rest. Catches what the detector's lag makes "
        "of noise, and row offsets.",
        main=True,
    ),
    "line_offset_px": Metric(
        LINES,
        "line position error",
        "px",
        "lower",
        2,
        "Median distance of lines from where the slow scan has them, found in both by the same "
        "detector; lines are dislocations and all that looks like them. Catches distortion and lag "
        "that are left.",
        main=True,
    ),
    "line_width": Metric(
        LINES,
        "line width, ratio to the slow scan's",
        "",
        "nearer to 1",
        2,
        "Ratio of widths: above 1 they are blurred, below 1 thinner than they are.",
    ),
    "line_contrast": Metric(
        LINES,
        "line contrast, ratio to the slow scan's",
        "",
        "nearer to 1",
        2,
        "Ratio of contrasts: below 1 lines are washed out, above 1 exaggerated.",
    ),
    "line_recall": Metric(
        INVENTED,
        "lines found (recall)",
        "",
        "higher",
        3,
        "Share of the slow scan's lines that are there. Noise finds lines too: read it with the "
        "next.",
        main=True,
    ),
    "line_precision": Metric(
        INVENTED,
        "lines that are real (precision)",
        "",
        "higher",
        3,
        "Share of the lines that the slow scan has too: the rest was invented, or lies elsewhere.",
        main=True,
    ),
    "false_lines_blank": Metric(
        INVENTED,
        "false lines in blank frames",
        "µm/µm²",
        "lower",
        3,
        "Length of lines, per area, that are found in restored frames of an empty specimen: "
        "whatever is there was invented. None in the few frames that are tried is no proof that "
        "there never are any.",
        main=True,
    ),
    "false_lines_dark": Metric(
        INVENTED,
        "false lines at zero dose",
        "µm/µm²",
        "lower",
        3,
        "The same in restored frames of a beam that was off.",
    ),
    "unexplained_percent": Metric(
        INVENTED,
        "structure left unexplained",
        "%",
        "lower",
        1,
        "The restored frame is made to lag again, unless it still does, and compared with the "
        "recorded one: the share of the structure's variance that it does not account for. "
        "Catches what was smoothed away, blurred or invented. The other frames of the field of "
        "view tell structure from noise; no slow scan is needed.",
        main=True,
    ),
}
BY_ANGLE = re.compile(r"(.+)_(\d+)_(\d+)")


def described(name: str) -> Metric | None:
    """Describe a metric, also one of lines of some angle to the scan; None where it is unknown."""
    if name in METRICS:
        return METRICS[name]
    if (found := BY_ANGLE.fullmatch(name)) and (whole := METRICS.get(found[1])):
        label = f"{whole.label}, {found[2]} to {found[3]}° to the scan"
        return replace(whole, label=label, main=False)
    return None


def in_order(names: Iterable[str]) -> list[str]:
    """Give those metrics that are known, in the order in which the report tells of them."""
    places = {name: k for k, name in enumerate(METRICS)}

    def place(name: str) -> tuple[int, str]:
        found = BY_ANGLE.fullmatch(name)
        return (places[found[1] if found and name not in places else name], name)

    return sorted({name for name in names if described(name)}, key=place)


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Write a value with a true minus sign; what rounds to zero has no sign."""
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "\u2212")


def method_name(method: str) -> str:
    """Name a method as people do; models bear the names that the config gives them."""
    return METHODS[method][0] if method in METHODS else method
