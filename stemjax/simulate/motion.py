"""What happens during a heating series: glide of dislocations, drift, temperature."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt, spline_filter

from stemjax.simulate.specimen import Contrast, Dislocation, Specimen
from stemjax.typing import Image

HEATING_STEPS = 4
REST = 50  # frames at the end in which no line glides, at most half: those that are integrated
BESIDE = 8  # pixels from a line: its image, and the ghost of where it was
Track = Float[np.ndarray, "t yx"]


@dataclass(frozen=True)
class Glide:
    """A moving dislocation: how far it has come at each frame, in pixels across its line."""

    line: Dislocation
    distance: Float[np.ndarray, " t"]

    def at(self, frame: int) -> Dislocation:
        """Place the line at a frame; its ends are pinned at the foil's surfaces for a while."""
        start, end = self.line.points[0], self.line.points[-1]
        chord = (end - start) / max(float(np.linalg.norm(end - start)), 1.0)
        across = np.array([chord[1], -chord[0]])
        bow = 0.6 + 0.4 * np.sin(np.linspace(0, np.pi, len(self.line.points)))
        return self.line.moved(self.distance[frame] * bow[:, None] * across)


def draw_glides(rng: np.random.Generator, specimen: Specimen, frames: int) -> list[Glide]:
    """Let about a third of the lines glide in bursts, pinned in between.

    In the last :data:`REST` frames all are at rest: the slow scan is taken of a final state.
    """
    glides = []
    for line in specimen.dislocations:
        closed = np.linalg.norm(line.points[0] - line.points[-1]) < 3
        if closed or rng.random() > 0.35:
            continue
        moving = np.zeros(frames, bool)
        for start in rng.integers(0, frames, rng.integers(1, 4)):
            moving[start : start + int(rng.uniform(0.05, 0.3) * frames) + 1] = True
        moving[max(frames - REST, frames // 2) :] = False
        speed = rng.choice([-1, 1]) * min(rng.uniform(0.1, 0.8), 60 / frames)
        distance = np.cumsum(np.where(moving, speed, 0.0))
        glides.append(Glide(line, distance))
    return glides


def beside_moving(
    glides: list[Glide], frame: int, corner: Float[np.ndarray, " yx"], size: int
) -> Bool[np.ndarray, "y x"]:
    """Tell which pixels of a frame lie beside a line that is elsewhere two frames away.

    Args:
        glides: moving lines.
        frame: whose lines are meant.
        corner: place (y, x) of the frame's first pixel on the canvas.
        size: height and width of the frame in pixels.
    """
    line = np.ones((size, size), bool)
    for glide in glides:
        last = len(glide.distance) - 1
        around = glide.distance[[max(frame - 2, 0), frame, min(frame + 2, last)]]
        if np.ptp(around):
            y, x = np.rint(glide.at(frame).points - corner).astype(int).T
            inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            line[y[inside], x[inside]] = False
    return distance_transform_edt(line) <= BESIDE if not line.all() else ~line


def scenes(specimen: Specimen, glides: list[Glide], frames: Iterable[int]) -> Iterator[Image]:
    """Yield the cubic spline coefficients of the canvas's transmission at these frames."""
    moving = {id(glide.line) for glide in glides}
    still = tuple(line for line in specimen.dislocations if id(line) not in moving)
    static = np.log(specimen.background) + specimen.log_contrast(still)
    last, coefficients = None, np.zeros(0)
    contrasts: list[Contrast | None] = [None] * len(glides)
    for frame in frames:
        state = [glide.distance[frame] for glide in glides]
        if state != last:  # most frames look like the one before, and most lines rest
            for k, glide in enumerate(glides):
                if last is None or state[k] != last[k]:
                    contrasts[k] = specimen.contrast_of(glide.at(frame))
            coefficients = coefficients_of(np.exp(static + specimen.summed(contrasts)))
            last = state
        yield coefficients


def coefficients_of(image: Image) -> Image:
    """Cubic spline coefficients, with which any place of the image can be sampled."""
    return spline_filter(image, order=3, mode="mirror")


def heating_drift(rng: np.random.Generator, frames: int, largest: float) -> Track:
    """Draw a drift (y, x) in pixels that ends at zero: the slow scan follows the last frame."""
    rate = rng.normal(0, 1, 2) + np.cumsum(rng.normal(0, 0.15, (frames, 2)), axis=0)
    jump = np.zeros((frames, 2))
    jump[rng.integers(0, frames)] = rng.normal(0, frames / 20, 2)
    track = np.cumsum(rate + jump, axis=0)
    track -= track[-1]
    return track * min(1.0, largest / np.abs(track).max()) if frames > 1 else track


def beam_walk(rng: np.random.Generator, frames: int, step: float = 0.03) -> Track:
    """Draw the slow random walk of a field of view at rest, centred, in pixels."""
    walk = np.cumsum(rng.normal(0, step, (frames, 2)), axis=0)
    return walk - walk.mean(axis=0)


def temperature(
    times_s: Float[np.ndarray, " n"], whole_s: float, ramp: tuple[float, float]
) -> Float[np.ndarray, " n"]:
    """Stepwise heating over `whole_s` seconds with first-order settling, in degrees Celsius."""
    level = np.full(len(times_s), ramp[0])
    for start in np.arange(HEATING_STEPS) * whole_s / HEATING_STEPS:
        since = np.clip(times_s - start, 0, None)
        level += (ramp[1] - ramp[0]) / HEATING_STEPS * (1 - np.exp(-since / (whole_s / 20)))
    return level
