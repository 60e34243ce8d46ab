"""Which fields of view a map can rest on, and whether it can at all."""

import numpy as np

from stemjax.distortion.fit import Fit, fit_map
from stemjax.distortion.noise import LagFit
from stemjax.distortion.scans import Field
from stemjax.errors import Refused
from stemjax.progress import say

MATCH = 10.0  # contrast of the slow scan in the rapid image over its error: chance gives up to 6
APART_PX = 1.0  # rms, between the map that a field asks for and that of all others
LARGEST_SIGMA_PX = 0.5  # of the map's columns, their median
REMEDY = "give the session a field of view with structure across the scan, or borrow a map"


def fit_agreeing(
    fields: dict[str, Field], lag: LagFit, knots: int, slow_dwell_us: float
) -> tuple[Fit, list[str], dict[str, str]]:
    """Fit a map to those fields of view that show their slow scan and agree on a map.

    Args:
        fields: by acquisition.
        lag: the detector's response.
        knots: spline knots of the curve.
        slow_dwell_us: dwell time of the slow scans in microseconds.

    Returns:
        The fit, the acquisitions that it rests on, and for each other one why it was left out.

    Raises:
        Refused: there is no such field of view, they disagree so that no majority is left, or
            they do not tell where the columns are.
    """
    used, left_out = list(fields), {}
    while used:
        images = [fields[name] for name in used]
        fit = fit_map(images, lag.lag, knots, slow_dwell_us, lag.neighbours)
        doubts = _unlike(used, fit) or _apart(used, fit)
        if not doubts:
            _check_sigma(fit)
            return fit, used, left_out
        for reason in doubts.values():
            say(f"left out: {reason}")
        left_out.update(doubts)
        used = [name for name in used if name not in doubts]
    raise Refused(f"no field of view tells the map: {next(iter(left_out.values()))}; {REMEDY}")


def _unlike(names: list[str], fit: Fit) -> dict[str, str]:
    """Name the worse half of the fields that do not match: the others may match without them."""
    poor = [k for k in np.argsort(fit.match) if fit.match[k] < MATCH]
    why = (
        "its rapid frames do not show what its slow scan shows; it is a wrong pair, or there is "
        "nothing in it but noise or lines along the scan"
    )
    return {names[k]: f"{names[k]}: {why}" for k in poor[: (len(poor) + 1) // 2]}


def _apart(names: list[str], fit: Fit) -> dict[str, str]:
    """Name the field that asks for quite another map, and others as far away."""
    if not np.nanmax(fit.apart, initial=0.0) > APART_PX:
        return {}
    limit = max(APART_PX, 0.7 * np.max(fit.apart))
    far = [k for k in range(len(names)) if fit.apart[k] > limit]
    if 2 * (len(names) - len(far)) <= len(names):
        raise Refused(
            f"the fields of view {', '.join(names)} do not agree on a map, by up to "
            f"{np.max(fit.apart):.1f} px; give those of other scan settings a session of their own"
        )
    return {
        names[k]: f"{names[k]}: asks for a map that is {fit.apart[k]:.1f} px (rms) away from that "
        "of the others; it belongs to another session, or its rapid and slow scan do not match"
        for k in far
    }


def _check_sigma(fit: Fit) -> None:
    sigma = float(np.median(fit.distortion.sigma))
    if sigma > LARGEST_SIGMA_PX:
        raise Refused(
            f"the fields of view tell the columns' places to {sigma:.1f} px only, and "
            f"{LARGEST_SIGMA_PX} px are asked for; {REMEDY}"
        )
