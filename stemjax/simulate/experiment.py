"""Whole acquisitions: rapid frames, slow scan, temperature log and the truth about them."""

import csv
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float, UInt16

from stemjax.config import Simulate
from stemjax.progress import track
from stemjax.provenance import written_aside
from stemjax.simulate.acquire import (
    SLOW_DWELL_US,
    Microscope,
    clean_image,
    draw_mismatch,
    line_time_us,
    rapid_frame,
    slow_scan,
)
from stemjax.simulate.detector import Detector
from stemjax.simulate.motion import (
    Glide,
    beam_walk,
    beside_moving,
    draw_glides,
    heating_drift,
    scenes,
    temperature,
)
from stemjax.simulate.scan import draw_curve
from stemjax.simulate.specimen import draw_specimen
from stemjax.simulate.velox import ScanSettings, write_velox
from stemjax.typing import Image

RAPID_DWELL_US = 0.1
LOG_STEP_S = 0.33
EPOCH = 1_700_000_000  # when the simulated experiments took place


@dataclass(frozen=True)
class Paths:
    """Where an acquisition's files go."""

    rapid: Path
    slow: Path
    truth: Path


def session_microscope(settings: Simulate, session: str) -> Microscope:
    """Draw what all acquisitions of a session share: distortion, detector, mismatch."""
    rng = seeded(settings, "session", session)
    return Microscope(
        curve=draw_curve(rng, settings.size, RAPID_DWELL_US),
        detector=Detector(),
        current_pa=settings.current_pa,
        mismatch=draw_mismatch(rng, settings.size),
    )


def seeded(settings: Simulate, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and on what is drawn, not on the order of drawing."""
    return np.random.default_rng([settings.seed, *(zlib.crc32(name.encode()) for name in names)])


def simulate_acquisition(
    settings: Simulate, acquisition: str, session: str, *, series: bool, paths: Paths
) -> None:
    """Record a field of view at rest, or a heating series, and write its files.

    The truth is an HDF5 file: ``clean`` (t, y, x), the ideal restored frames in the slow scan's
    ADU; of a series, ``moving`` (t, y, x), true beside lines that move; ``columns`` and
    ``row_shift`` of the session; ``offset`` (t, yx) of each frame in the slow scan in pixels;
    ``exponentials`` (weight, decay in microseconds) of the detector.

    Args:
        settings: size, frames, dose, specimen, seed.
        acquisition: id; what is drawn depends on it.
        session: acquisitions of one session share the distortion.
        series: heat the specimen: lines glide and the field drifts.
        paths: files to write.
    """
    scope = session_microscope(settings, session)
    rng = seeded(settings, "acquisition", acquisition)
    frames = settings.series_frames if series else settings.frames
    largest = 0.04 * settings.size if series else 0.0
    margin = int(np.ceil(0.15 * settings.size + largest)) + 6
    specimen = draw_specimen(rng, settings.specimen, settings.size, margin, settings.pixel_size_nm)
    glides = draw_glides(rng, specimen, frames) if series else []
    drift = heating_drift(rng, frames, largest) if series else beam_walk(rng, frames)
    offset = rng.normal(0, 0.8, 2) + drift
    rapid = ScanSettings(
        dwell_us=scope.curve.dwell_us,
        line_time_us=line_time_us(settings.size, scope.curve.dwell_us),
        pixel_size_nm=settings.pixel_size_nm,
        current_pa=settings.current_pa,
        started=EPOCH,
    )
    slow = ScanSettings(
        dwell_us=SLOW_DWELL_US,
        line_time_us=line_time_us(settings.size, SLOW_DWELL_US),
        pixel_size_nm=settings.pixel_size_nm,
        current_pa=settings.current_pa,
        started=EPOCH + int(frames * rapid.frame_time_s(settings.size)) + 2,
    )
    with written_aside(paths.truth) as aside, h5py.File(aside, "w") as truth:
        recorded = _record(rng, scope, scenes(specimen, glides, range(frames)), offset, truth)
        write_velox(paths.rapid, track(recorded, frames, f"simulate {acquisition}"), rapid)
        if series:
            _write_moving(truth, glides, offset + margin, settings.size)
        final = next(scenes(specimen, glides, [frames - 1]))
        write_velox(paths.slow, [slow_scan(rng, scope, final)], slow)
        truth["columns"] = scope.curve.columns()
        truth["row_shift"] = scope.curve.row_shift
        truth["offset"] = offset
        truth["exponentials"] = scope.detector.exponentials()


def _record(
    rng: np.random.Generator,
    scope: Microscope,
    stages: Iterator[Image],
    offset: Float[np.ndarray, "t yx"],
    truth: h5py.File,
) -> Iterator[UInt16[np.ndarray, "y x"]]:
    clean = _create(truth, "clean", (len(offset), *[scope.curve.width] * 2), "u2")
    for frame, scene in enumerate(stages):
        path = offset[[frame, min(frame + 1, len(offset) - 1)]]
        clean[frame] = clean_image(scope, scene, path.mean(axis=0))
        yield rapid_frame(rng, scope, scene, path)


def _write_moving(
    truth: h5py.File, glides: list[Glide], corner: Float[np.ndarray, "t yx"], size: int
) -> None:
    moving = _create(truth, "moving", (len(corner), size, size), "?")
    following = np.concatenate([corner[1:], corner[-1:]])
    for frame, place in enumerate((corner + following) / 2):  # as of the clean frame
        moving[frame] = beside_moving(glides, frame, place, size)


def _create(file: h5py.File, name: str, shape: tuple[int, int, int], dtype: str) -> h5py.Dataset:
    """Create a compressed dataset, one frame to a chunk."""
    chunks, packed = (1, *shape[1:]), {"compression": "gzip", "compression_opts": 1}
    return file.create_dataset(name, shape, dtype, chunks=chunks, **packed)


def simulate_log(settings: Simulate, path: str | Path) -> None:
    """Write the temperature log (``time_s``, ``temperature_C``) of a heating series."""
    line_us = line_time_us(settings.size, RAPID_DWELL_US)
    whole_s = settings.series_frames * settings.size * line_us * 1e-6
    moments = np.arange(0.0, whole_s + LOG_STEP_S, LOG_STEP_S)
    degrees = temperature(moments, whole_s, settings.temperatures_c)
    with written_aside(path) as aside, open(aside, "w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["time_s", "temperature_C"])
        log.writerows([f"{t:.3f}", f"{d:.2f}"] for t, d in zip(moments, degrees, strict=True))
