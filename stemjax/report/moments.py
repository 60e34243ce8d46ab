"""When, and at what temperature, each frame was recorded."""

import numpy as np
from jaxtyping import Float

from stemjax.errors import Refused
from stemjax.report.log import temperatures
from stemjax.typing import Json

Times = Float[np.ndarray, " t"]


def frame_seconds(count: int, about: Json) -> Times:
    """Give the times (t,) of frames since the first one.

    Args:
        count: of frames.
        about: attributes of the converted store.
    """
    return about["frame_time_s"] * np.arange(float(count))


def frame_temperatures(log: str, seconds: Times, about: Json) -> tuple[Times | None, list[str]]:
    """Give the frames' temperatures (t,) in degrees Celsius, if there is a log that tells them.

    Args:
        log: path of the log, empty where there is none.
        seconds: times of the frames since the first one.
        about: attributes of the converted store.

    Returns:
        Temperatures, None where there are none; and what is wrong with the log.
    """
    if not log:
        return None, []
    try:
        return temperatures(log, seconds, _started(about.get("vendor", {}).get("rapid", {})))
    except Refused as refusal:
        return None, [str(refusal)]


def _started(vendor: Json) -> float | None:
    """Tell from vendor metadata when an acquisition began, in seconds since 1970; Velox says it."""
    try:
        return float(vendor["Acquisition"]["AcquisitionStartDatetime"]["DateTime"]) or None
    except (KeyError, TypeError, ValueError):
        return None
