"""Lines that are made up: a method that draws one is caught, a quiet one is not."""

import numpy as np
import pytest

from stemjax.evaluate.blanks import COUNT, Restore, blanks_of, false_lines
from stemjax.evaluate.references import References
from tests.handmade import PIXEL_NM, canvas, references, view

SIGMA, DARK = 1_000.0, 1_000.0


def there(count: int = 4) -> References:
    """Give frames with shot noise, and a slow scan that shows what they show."""
    rng = np.random.default_rng(0)
    scan = view(canvas(3, 160)).astype(float)
    gain = SIGMA**2 / (scan.mean() - DARK)
    noise = rng.standard_normal((count, *scan.shape)) * np.sqrt(gain * (scan - DARK))
    dcfi = [scan + noise.mean(axis=0)] * count
    return references(scan + noise, slow=[scan] * count, dcfi=dcfi)


def drawn(raw: np.ndarray) -> np.ndarray:
    """Restore nothing, but draw a dark line of 100 pixels down the middle of each frame."""
    made = np.full(raw.shape, 10_000.0)
    x = np.arange(raw.shape[2])
    made[:, 30:130] -= 4_000 * np.exp(-(((x - 80) / 3) ** 2) / 2)
    return made


def false(restore: Restore, frames: list[np.ndarray | None], given: References) -> list[list]:
    """Measure the lines that a method makes of blank frames."""
    return false_lines("m", restore, frames, given, blanks_of(given))


def lengths(rows: list[list]) -> dict[str, list[float]]:
    """Give the lengths of a table's rows by kind of frame."""
    found: dict[str, list[float]] = {"false_lines_blank": [], "false_lines_dark": []}
    for _, method, metric, value in rows:
        assert method == "m"
        found[metric].append(value)
    return found


def test_blank_frames_have_the_acquisitions_noise_and_level() -> None:
    blanks = blanks_of(there())
    frames = there().raw
    blank, dark = blanks["blank"].astype(float), blanks["dark"].astype(float)
    assert blank.shape == dark.shape == (COUNT, 160, 160)
    assert blank.mean() == pytest.approx(frames.mean(), rel=0.005)
    assert blank.std() == pytest.approx(SIGMA, rel=0.05)
    assert dark.std() < 0.2 * SIGMA
    assert dark.mean() < frames.mean() - 5 * SIGMA
    np.testing.assert_array_equal(blanks_of(there())["blank"], blanks["blank"])


@pytest.mark.parametrize("factor", [1.0, 0.25])
def test_a_line_that_is_drawn_on_nothing_is_found_whatever_the_methods_scale(
    factor: float,
) -> None:
    slow = [image for image in there().slow if image is not None]
    frames = [factor * image for image in slow]
    rows = false(lambda raw: factor * drawn(raw), frames, there())
    # Of 144 x 144 pixels that are judged, 8 at each side are not searched.
    area = (128 * PIXEL_NM / 1000) ** 2
    expected = 100 * PIXEL_NM / 1000 / area
    for found in lengths(rows).values():
        assert found == pytest.approx([expected] * COUNT, rel=0.1)  # thinning shortens its ends


def test_who_leaves_blank_frames_blank_draws_no_line() -> None:
    slow = [image for image in there().slow if image is not None]
    rows = false(lambda raw: raw * 0.0 + raw.mean(), slow, there())
    assert lengths(rows) == {"false_lines_blank": [0] * COUNT, "false_lines_dark": [0] * COUNT}


def test_nothing_is_said_where_noise_lag_or_contrast_are_not_known() -> None:
    frames = there()
    scans = list(frames.slow)
    assert false(drawn, scans, there(count=1)) == []  # the mean is the frame itself
    unmapped = references(frames.raw, dcfi=frames.dcfi, mapped=False)
    assert false(drawn, scans, unmapped) == []
    assert false(drawn, [None] * 4, frames) == []
    silent = references(np.stack(scans), slow=scans, dcfi=scans)  # without noise
    assert false(drawn, scans, silent) == []


def test_only_frames_amid_the_others_that_are_seen_are_judged() -> None:
    frames = there()
    seen: list[np.ndarray] = []

    def restore(raw: np.ndarray) -> np.ndarray:
        seen.append(raw)
        made = np.full(raw.shape, 10_000.0)
        made[0], made[-1] = drawn(raw)[[0, -1]]  # where the network's view is cut off
        return made

    blanks = blanks_of(frames, COUNT + 2)
    rows = false_lines("m", restore, list(frames.slow), frames, blanks, context=3)
    assert [len(raw) for raw in seen] == [COUNT + 2] * 2
    assert lengths(rows) == {"false_lines_blank": [0] * COUNT, "false_lines_dark": [0] * COUNT}


def test_a_blank_slow_scan_tells_no_contrast_but_the_integration_does() -> None:
    frames = there()
    flat = references(frames.raw, slow=[np.ones((160, 160))] * 4, dcfi=frames.dcfi)
    assert min(lengths(false(drawn, list(frames.slow), flat))["false_lines_blank"]) > 0


def test_without_a_slow_scan_the_integration_tells_the_contrast() -> None:
    frames = there()
    alone = references(frames.raw, dcfi=frames.dcfi)
    rows = false(drawn, list(frames.slow), alone)
    assert min(lengths(rows)["false_lines_blank"]) > 0
