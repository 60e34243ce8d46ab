"""Lines that a method makes up where there is nothing to restore."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Shaped

from stemjax.evaluate.dislocations import level_slope
from stemjax.evaluate.lines import detect_lines, line_density
from stemjax.evaluate.measure import MethodFrames, Row
from stemjax.evaluate.metrics import data_range
from stemjax.evaluate.noise import blank_frames, measure_noise
from stemjax.evaluate.references import References
from stemjax.typing import AnyFrames, Image

COUNT, SEED = 3, 0  # of the blank frames that are judged
Blanks = dict[str, Shaped[np.ndarray, "blank y x"]]  # raw frames by kind
Restore = Callable[[AnyFrames], AnyFrames]  # raw frames to restored ones, undistorted


def false_lines(
    method: str,
    restore: Restore,
    frames: MethodFrames,
    references: References,
    blanks: Blanks,
    context: int = 1,
) -> list[Row]:
    """Restore frames that show no specimen, and measure the length of lines that are found.

    The detector of lines is the same for every method; it looks for the contrast that the
    acquisition's lines have.

    Args:
        method: its name.
        restore: the method, from raw frames of the acquisition's shape.
        frames: that it made of the acquisition's frames, which tell its scale of intensities.
        references: of the acquisition.
        blanks: as from :func:`blanks_of`, at least `context` of each kind.
        context: frames in time that one is restored from. Only frames amid so many are judged.

    Returns:
        Rows of frame, method, metric and length in um per um^2: ``false_lines_blank``,
        ``false_lines_dark``. None where there are no blanks or nothing has contrast.
    """
    found = _scale(frames, references)
    if found is None:
        return []
    factor, contrast = found
    reach = context // 2
    rows: list[Row] = []
    for kind, raw in blanks.items():
        restored = restore(raw)[reach : len(raw) - reach]
        for k, image in enumerate(restored):
            judged = factor * np.asarray(image, float)[references.inside]
            length = line_density(detect_lines(judged, contrast), references.pixel_size_nm)
            rows.append([k, method, f"false_lines_{kind}", round(length, 4)])
    return rows


def blanks_of(references: References, count: int = COUNT) -> Blanks:
    """Draw frames with an acquisition's noise and no specimen.

    Args:
        references: of the acquisition.
        count: of the frames of each kind.

    Returns:
        Raw frames (t, y, x): ``blank`` at the acquisition's mean intensity, ``dark`` without
        electrons. None where the noise is not known: that takes a map, which tells the lag, and
        an integration of several frames.
    """
    if references.lag is None:
        return {}
    try:
        noise = measure_noise(
            references.raw, references.still, references.lag, references.integrated
        )
    except ValueError:  # there is no integration of several frames, or no noise
        return {}
    levels = {"blank": max(float(references.raw.mean()), noise.dark), "dark": noise.dark}
    shape = references.raw.shape[1:]
    return {kind: blank_frames(noise, at, shape, count, SEED) for kind, at in levels.items()}


def _scale(frames: MethodFrames, references: References) -> tuple[float, float] | None:
    """Give grey levels of the reference to one of the method's, and the reference's contrast."""
    for k in reversed(range(len(references.index))):
        image, reference = frames[k], _reference(references, k)
        if image is None or reference is None:
            continue
        target = reference[references.inside]
        if (contrast := data_range(target)) > 0:
            return level_slope(np.asarray(image)[references.inside], target), contrast
    return None


def _reference(references: References, k: int) -> Image | None:
    """Slow scan or truth; where there is neither, the integration tells the lines' contrast."""
    return next(iter(references.of_frame(k).values()), references.dcfi[k])
