"""Warn where frames are unlike those that a model has learned from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stemjax.typing import Json

SETTING_FACTOR = 1.1
SETTINGS = {"pixel_size_nm": ("pixel size", "nm"), "dwell_us": ("dwell time", "us")}
LEVEL_CONTRASTS = 2.0  # not a factor: where zero lies is the operator's choice


@dataclass(frozen=True)
class Measured:
    """How far a statistic may be from the training data's, and what it says if it is farther."""

    factor: float
    text: str
    more: str
    less: str


# Simulated fields of one specimen and setting differ among each other by factors of 1.16 in
# noise, 1.25 in width of structures and 1.6 in contrast; half the dose gives 1.4 times the noise.
MEASURED = {
    "noise": Measured(
        1.25,
        "noise {:.2g} times that of the training data",
        "lower dose or other detector settings",
        "higher dose or other detector settings",
    ),
    "contrast": Measured(
        2.0,
        "contrast {:.2g} times that of the training data",
        "other diffraction condition or detector settings",
        "hardly any structure, other diffraction condition or detector settings",
    ),
    "structure_nm": Measured(
        1.25,
        "structures are {:.2g} times as wide as in the training data",
        "other material or magnification",
        "other material or magnification",
    ),
}


def outside_training(acquired: Json, learned: Mapping[str, Json]) -> list[str]:
    """Tell in which respects an acquisition lies outside the range that a model was trained on.

    The range is that of the training fields, widened by a factor: 1.1 for pixel size and dwell
    time, 1.25 for noise and width of structures, 2 for contrast; for the level, by twice the
    contrast.

    Args:
        acquired: of the acquisition, as from
            :func:`~stemjax.dataset.statistics.measure_statistics`.
        learned: likewise, of each acquisition that the model was trained on; empty where the
            model's record does not say.

    Returns:
        One warning for each respect; none where all is as in training.
    """
    warnings = []
    for key, (name, unit) in SETTINGS.items():
        values = _values(learned, key)
        if _outside(acquired[key], values, SETTING_FACTOR):
            span = " to ".join(dict.fromkeys(f"{f(values):.3g}" for f in (min, max)))
            warnings.append(f"{name} {acquired[key]:.3g} {unit}; trained on {span} {unit}")
    for key, measured in MEASURED.items():
        values = _values(learned, key)
        if acquired[key] is not None and _outside(acquired[key], values, measured.factor):
            ratio = acquired[key] / float(np.median(values))
            why = measured.more if ratio > 1 else measured.less
            warnings.append(f"{measured.text.format(ratio)}: {why}")
    levels, contrasts = _values(learned, "level"), _values(learned, "contrast")
    if contrasts:
        apart = max(acquired["level"] - max(levels), min(levels) - acquired["level"])
        contrasts_apart = apart / float(np.median(contrasts))
        if contrasts_apart > LEVEL_CONTRASTS:
            what = "brighter" if acquired["level"] > max(levels) else "darker"
            warnings.append(
                f"frames are {what} than the training data by {contrasts_apart:.2g} times their "
                "contrast: other thickness or detector settings"
            )
    return warnings


def _values(learned: Mapping[str, Json], key: str) -> list[float]:
    """Values of the training fields; no factor leads from a zero, or from a lack of structure."""
    values = [fields[key] for fields in learned.values()]
    return values if key == "level" else [value for value in values if value]


def _outside(value: float, values: list[float], factor: float) -> bool:
    if not values:
        return False
    return not min(values) / factor <= value <= max(values) * factor
