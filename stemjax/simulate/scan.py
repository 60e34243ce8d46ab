"""The rapid scan's distortion: which place of the specimen each column of a frame shows."""

from dataclasses import dataclass

import numpy as np

from stemjax.typing import Columns


@dataclass(frozen=True)
class ScanCurve:
    """Fast-axis distortion of a session: gain, shift, settling of the coils, a smooth rest.

    Attributes:
        width: columns of a frame.
        dwell_us: dwell time in microseconds.
        gain: width of the view relative to the slow scan.
        shift: displacement of the view's centre in pixels.
        bends: (amplitude in pixels, decay in microseconds) from the start of a line.
        waves: (amplitude in pixels, periods per line, phase) of the smooth rest.
        row_shift: rows by which the whole frame is displaced.
    """

    width: int
    dwell_us: float
    gain: float
    shift: float
    bends: tuple[tuple[float, float], ...]
    waves: tuple[tuple[float, float, float], ...]
    row_shift: float

    def seen(self) -> Columns:
        """Slow-grid column that each rapid column shows, increasing."""
        column = np.arange(self.width, dtype=float)
        centre = (self.width - 1) / 2
        place = centre + self.gain * (column - centre) + self.shift
        for amplitude, decay in self.bends:
            place += amplitude * np.exp(-column * self.dwell_us / decay)
        for amplitude, periods, phase in self.waves:
            place += amplitude * np.sin(2 * np.pi * (periods * column / self.width + phase))
        return place

    def columns(self) -> Columns:
        """Rapid column that shows each slow-grid column; NaN where none does."""
        grid = np.arange(self.width, dtype=float)
        return np.interp(grid, self.seen(), grid, left=np.nan, right=np.nan)

    def covers_slow_scan(self) -> bool:
        """Tell whether the curve can be inverted and sees beyond both edges of the slow scan."""
        seen = self.seen()
        return bool(np.diff(seen).min() > 0.4 and seen[0] < -1 and seen[-1] > self.width)


def draw_curve(rng: np.random.Generator, width: int, dwell_us: float = 0.1) -> ScanCurve:
    """Draw a distortion of plausible size; amplitudes in pixels scale with the width."""
    unit = width / 512
    while True:
        bends = [(rng.choice([-1, 1]) * rng.uniform(3, 22) * unit, rng.uniform(5, 40))]
        if rng.random() < 0.4:
            bends.append((rng.choice([-1, 1]) * rng.uniform(1, 4) * unit, rng.uniform(50, 300)))
        curve = ScanCurve(
            width=width,
            dwell_us=dwell_us,
            gain=rng.uniform(1.03, 1.10),
            shift=rng.uniform(-12, 12) * unit,
            bends=tuple((float(a), float(b)) for a, b in bends),
            waves=tuple(
                (rng.uniform(0.1, 0.6) * unit, rng.uniform(0.5, 2), rng.random()) for _ in range(2)
            ),
            row_shift=rng.uniform(-3, 3),
        )
        if curve.covers_slow_scan():
            return curve
