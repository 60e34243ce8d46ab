"""The distortion map against the simulator's truth, by both methods, and how long it takes.

    make bench-distortion

simulates sessions of 8 fields of view of 10 frames of 512 x 512 with three kinds of curve and five
seeds, with steel as specimen and with every picture named in PICTURES="a.png b.png", and prints
for the spline of all fields, the spline of one field and the strips of one field:

    rms, worst    error over the columns but the outer 8, in pixels
    shift         its mean
    sigma         share of the columns whose error is within one sigma
    decays        measured over true decay times of the detector's lag

then the time for a session of 50 fields of view, and the speed of applying a map.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from scipy.ndimage import map_coordinates

from stemjax.config import Distortion
from stemjax.distortion.fit import fit_map
from stemjax.distortion.map import DistortionMap, undistort, warp_matrices
from stemjax.distortion.noise import NoiseSpectrum, fit_lag, noise_spectrum, pooled
from stemjax.distortion.scans import Field
from stemjax.distortion.strips import fit_strips, informative
from stemjax.integrate.align import measure_drift
from stemjax.integrate.dcfi import integrate
from stemjax.simulate.acquire import (
    SLOW_DWELL_US,
    Microscope,
    draw_mismatch,
    rapid_frame,
    slow_scan,
)
from stemjax.simulate.detector import Detector
from stemjax.simulate.motion import beam_walk, scenes
from stemjax.simulate.scan import ScanCurve
from stemjax.simulate.specimen import draw_specimen

SIZE, FIELDS, FRAMES, SEEDS = 512, 8, 10, 5
MANY = 50  # fields of view of a large session
APPLIED = 200  # frames that a map is applied to, ten times fewer than a series has
EDGE = 8
DWELL_US, PIXEL_NM, CURRENT_PA = 0.1, 2.1, 50.0
MARGIN = 90  # of the specimen around the field of view, in pixels
BENDS = {  # ranges of amplitude in pixels and decay in microseconds
    "short bend": [((4, 15), (5, 12))],
    "long bend": [((8, 22), (20, 60))],
    "two bends": [((5, 12), (8, 25)), ((1, 4), (60, 300))],
}
Session = tuple[list[Field], list[NoiseSpectrum], np.ndarray, ScanCurve]


def draw_curve(rng: np.random.Generator, shape: str) -> ScanCurve:
    """Draw an invertible curve that sees beyond both edges of the slow scan."""
    while True:
        curve = ScanCurve(
            width=SIZE,
            dwell_us=DWELL_US,
            gain=float(rng.uniform(1.03, 1.10)),
            shift=float(rng.uniform(-12, 12)),
            bends=tuple(
                (float(rng.choice([-1, 1]) * rng.uniform(*a)), float(rng.uniform(*b)))
                for a, b in BENDS[shape]
            ),
            waves=tuple(
                (float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.5, 2)), float(rng.random()))
                for _ in range(2)
            ),
            row_shift=float(rng.uniform(-3, 3)),
        )
        if curve.covers_slow_scan():
            return curve


def simulate(specimen: str, shape: str, seed: int) -> Session:
    """Record a session: fields, noise spectra, true offsets (x) and curve."""
    rng = np.random.default_rng([seed, list(BENDS).index(shape)])
    curve = draw_curve(rng, shape)
    scope = Microscope(curve, Detector(), CURRENT_PA, draw_mismatch(rng, SIZE))
    fields, spectra, offsets = [], [], []
    for _ in range(FIELDS):
        scene = next(scenes(draw_specimen(rng, specimen, SIZE, MARGIN, PIXEL_NM), [], [0]))
        offset = rng.normal(0, 0.8, 2) + beam_walk(rng, FRAMES)
        paths = zip(offset, np.concatenate([offset[1:], offset[-1:]]), strict=True)
        frames = np.stack([rapid_frame(rng, scope, scene, np.stack(path)) for path in paths])
        rapid = integrate(frames, measure_drift(frames)).astype(float)
        fields.append(Field(rapid, slow_scan(rng, scope, scene).astype(float)))
        spectra.append(noise_spectrum(frames))
        offsets.append(offset[:, 1].mean())
    return fields, spectra, np.array(offsets), curve


def judge(distortion: DistortionMap, offset: float, curve: ScanCurve) -> dict[str, float]:
    """Compare a map with the truth, given where its fields lay on average."""
    grid = np.arange(SIZE) - offset
    truth = np.interp(grid, curve.seen(), np.arange(float(SIZE)))
    away = (distortion.columns - truth)[EDGE:-EDGE]
    return {
        "rms": float(np.sqrt(np.mean(away**2))),
        "worst": float(np.abs(away).max()),
        "shift": float(away.mean()),
        "sigma": float(np.mean(np.abs(away) < distortion.sigma[EDGE:-EDGE])),
    }


def row(job: tuple[str, str, int]) -> tuple[str, dict[str, dict[str, float]]]:
    """Simulate a session and fit it by all methods."""
    fields, spectra, offsets, curve = simulate(*job)
    true_us = [decay for _, decay in Detector().decays]
    found = {}
    for name, count in (("spline", FIELDS), ("spline, one field", 1)):
        lag = fit_lag(pooled(spectra[:count]), DWELL_US)
        args = (fields[:count], lag.lag, Distortion().knots, SLOW_DWELL_US, lag.neighbours)
        found[name] = judge(fit_map(*args).distortion, offsets[:count].mean(), curve)
        for k in range(2):
            found[name][f"decay {k + 1}"] = lag.lag.decays_us[k] / true_us[k]
    best = int(np.argmax([informative(field.slow) for field in fields]))
    strips = fit_strips(fields[best].rapid, fields[best].slow)
    found["strips, one field"] = judge(strips.distortion, offsets[best], curve)
    return f"{job[0].rsplit('/', 1)[-1]}, {job[1]}, seed {job[2]}", found


def text(values: dict[str, float]) -> str:
    """Format a row of the table."""
    return "  ".join(f"{name} {value:6.3f}" for name, value in values.items())


def timed(work: Callable[[], object]) -> float:
    """Run once; gives seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def large_session() -> None:
    """Print the time that a session of many fields of view takes, compilation included."""
    fields, spectra, _, _ = simulate("steel", "long bend", 0)
    many = [fields[k % FIELDS] for k in range(MANY)]
    lag = fit_lag(pooled(spectra), DWELL_US)
    knots = Distortion().knots
    seconds = timed(lambda: fit_map(many, lag.lag, knots, SLOW_DWELL_US, lag.neighbours))
    print(f"spline, {MANY} fields of view of {SIZE} x {SIZE}: {seconds:.1f} s")


def application() -> None:
    """Print how fast a map is applied, and with what error, beside scipy's map_coordinates."""
    rng = np.random.default_rng(0)
    seen = draw_curve(rng, "long bend").seen()
    columns = np.interp(np.arange(SIZE), seen, np.arange(float(SIZE)))
    inside = np.ones(SIZE, bool)
    distortion = DistortionMap(columns, inside, 0.4, np.zeros(SIZE))
    matrices = warp_matrices(distortion, SIZE)
    y, x = np.meshgrid(np.arange(SIZE) + 0.4, columns, indexing="ij")
    waves = rng.uniform(-0.8, 0.8, (40, 3)) * [1, 1, np.pi]  # a scene known everywhere
    scene = sum(np.cos(a * y + b * x + c) for a, b, c in waves)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    frame = sum(np.cos(a * yy + b * xx + c) for a, b, c in waves).astype(np.float32)
    frames = np.stack([frame] * APPLIED)
    made = {}

    def with_matrices() -> None:
        for k in range(0, APPLIED, 10):
            made["ours"] = undistort(frames[k : k + 10], *matrices)[0]

    def with_scipy() -> None:
        for each in frames:
            made["theirs"] = map_coordinates(each, (y, x), order=3)

    with_matrices()  # threads start
    ours, theirs = timed(with_matrices), timed(with_scipy)
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    errors = {name: np.std((np.asarray(made[name]) - scene)[inner]) for name in made}
    print(
        f"a map on {APPLIED} frames: {ours:.2f} s, map_coordinates {theirs:.2f} s, "
        f"{theirs / ours:.1f} times faster; rms errors {errors['ours']:.4f}, {errors['theirs']:.4f}"
    )


def main(pictures: list[str]) -> None:
    """Print the tables."""
    jobs = [
        (specimen, shape, seed)
        for specimen in ("steel", *pictures)
        for shape in BENDS
        for seed in range(SEEDS)
    ]
    rows: dict[str, list[dict[str, float]]] = {}
    # Processes of their own, each on one core: many threads on few cores wait for each other.
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name, found in pool.map(row, jobs):
            for method, values in found.items():
                rows.setdefault(method, []).append(values)
                print(f"{name:38s} {method:18s} {text(values)}", flush=True)
    print()
    for method, values in rows.items():
        print(f"{method}: {len(values)} sessions")
        for key in values[0]:
            column = np.array([each[key] for each in values])
            mean, low, high = column.mean(), column.min(), column.max()
            print(f"    {key:8s} mean {mean:7.3f}  from {low:7.3f} to {high:7.3f}")
    print()
    large_session()
    application()


if __name__ == "__main__":
    main(sys.argv[1:])
