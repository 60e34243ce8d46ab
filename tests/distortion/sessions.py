"""Simulated sessions of known curve, whose formula the fit does not know."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from stemjax.config import Simulate
from stemjax.distortion.fit import Fit, fit_map
from stemjax.distortion.lag import Lag
from stemjax.distortion.scans import Field
from stemjax.simulate.acquire import rapid_frame, slow_scan
from stemjax.simulate.detector import Detector
from stemjax.simulate.experiment import session_microscope
from stemjax.simulate.motion import coefficients_of
from stemjax.simulate.scan import ScanCurve
from stemjax.simulate.specimen import draw_specimen

SIZE = 128
FIELDS, FRAMES = 3, 10
KNOTS = 12
SLOW_DWELL_US = 5.0
DETECTOR = Detector(decays=((0.85, 0.45), (0.15, 2.0)))
LAG = Lag((0.45, 2.0), (0.85, 0.15), DETECTOR.amplifier_us, dwell_us=0.1)
EDGE = 8  # columns at either end that no other column checks


@dataclass(frozen=True)
class Session:
    """Fields of view, the session's true curve, and where each field lay in its slow scan."""

    fields: list[Field]
    curve: ScanCurve
    offsets: np.ndarray

    def columns(self) -> np.ndarray:
        """Rapid column of each slow-grid column; the fields' mean offset belongs to the map."""
        grid = np.arange(self.curve.width) - self.offsets[:, 1].mean()
        return np.interp(grid, self.curve.seen(), np.arange(self.curve.width, dtype=float))

    def only(self, *chosen: int) -> "Session":
        """Take some of the fields of view."""
        return replace(
            self, fields=[self.fields[k] for k in chosen], offsets=self.offsets[list(chosen)]
        )


@cache
def session(
    seed: int, size: int = SIZE, detector: Detector = DETECTOR, current_pa: float = 50.0
) -> Session:
    """Record a session; its curve and its specimens depend on the seed."""
    settings = Simulate(size=size, seed=seed, current_pa=current_pa)
    scope = replace(session_microscope(settings, "s1"), detector=detector)
    rng = np.random.default_rng(seed)
    fields, offsets = [], rng.normal(0, 0.8, (FIELDS, 2))
    for offset in offsets:
        specimen = draw_specimen(rng, "steel", size, size // 5 + 1, settings.pixel_size_nm)
        scene = coefficients_of(specimen.transmission())
        path = np.stack([offset, offset])
        rapid = np.mean([rapid_frame(rng, scope, scene, path) for _ in range(FRAMES)], axis=0)
        fields.append(Field(rapid, slow_scan(rng, scope, scene).astype(float)))
    return Session(fields, scope.curve, offsets)


@cache
def fitted(seed: int) -> Fit:
    """Fit the map of a session, once for all tests."""
    return fit_map(session(seed).fields, LAG, KNOTS, SLOW_DWELL_US)


def errors(fit: Fit, truth: Session) -> np.ndarray:
    """Give the error in pixels of the valid columns away from the edges."""
    inner = inside(fit)
    assert inner.sum() > 0.8 * len(inner)
    return (fit.distortion.columns - truth.columns())[inner]


def inside(fit: Fit) -> np.ndarray:
    """Say which columns are valid and away from the edges."""
    inner = fit.distortion.valid.copy()
    inner[:EDGE] = inner[-EDGE:] = False
    return inner


def rms(values: np.ndarray) -> float:
    """Give the root mean square."""
    return float(np.sqrt(np.mean(values**2)))
