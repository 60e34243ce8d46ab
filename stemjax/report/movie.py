"""Movies of restored series: rapid frame beside restored one, with time and temperature."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stemjax.io.store import open_store, shard_frames
from stemjax.progress import say, track
from stemjax.provenance import digest, file_sha256, versions
from stemjax.records import read_record
from stemjax.report.contact import write_contact_sheet
from stemjax.report.moments import frame_seconds, frame_temperatures
from stemjax.report.panels import (
    GAP,
    NARROWEST,
    STRIP,
    Panel,
    Picture,
    captions,
    make_panel,
    picture,
    scale_bar,
    shown_shape,
    strip,
)
from stemjax.report.video import choose_pace, write_video
from stemjax.typing import Json

LARGEST_PANEL = 640  # pixels


def render_movie(
    converted: Path, restored: Path, log: str | Path | None, record: Path, threads: int = 1
) -> Json:
    """Write ``.mp4`` and, of six moments, ``.png`` beside the record.

    Args:
        converted: record of the conversion.
        restored: record of the restoration; its folder is named after the model.
        log: of the experiment; where it cannot be read, no temperature is shown.
        record: path of the record that the caller writes.
        threads: of the encoder.

    Returns:
        The record: ``digest``, ``frames`` shown, ``seconds``, ``fps``, ``speed``, ``bytes``,
        ``warnings``, ``versions``.

    Raises:
        Refused: conversion or restoration was.
    """
    read_record(converted)
    geometry = read_record(restored)["geometry"]
    source, about = open_store(converted.with_suffix(".zarr"))
    target, _ = open_store(restored.with_suffix(".zarr"))
    name, model = converted.stem, restored.parent.name
    seconds = frame_seconds(source["rapid"].shape[0], about)
    celsius, warnings = frame_temperatures(str(log or ""), seconds, about)
    for warning in warnings:
        say(f"warning: {warning}")
    titles = (f"{name}: rapid", model if geometry == "slow" else f"{model}, rapid geometry")
    panels = [
        make_panel(title, frames, LARGEST_PANEL)
        for title, frames in zip(titles, (source["rapid"], target["0"]), strict=True)
    ]
    texts = captions(seconds, celsius)
    pace = choose_pace(len(seconds), about["frame_time_s"])
    background = make_background(panels, about["pixel_size_nm"], pace.speed)
    shown = range(0, len(seconds), pace.step)
    pictures = (
        compose(background, pair, texts[k])
        for k, pair in zip(shown, _pairs(panels, pace.step), strict=True)
    )
    movie, sheet = record.with_suffix(".mp4"), record.with_suffix(".png")
    write_video(
        movie,
        track(pictures, len(shown), f"movie of {name}, {model}"),
        background.shape,
        len(shown),
        pace.fps,
        noisy=_noisy(panels, background),
        threads=threads,
    )
    write_contact_sheet(sheet, panels, texts, about["pixel_size_nm"])
    return {
        "digest": digest(file_sha256(movie), file_sha256(sheet)),
        "frames": len(shown),
        "seconds": round(len(shown) / pace.fps, 3),
        "fps": pace.fps,
        "speed": pace.speed,
        "bytes": movie.stat().st_size,
        "warnings": warnings,
        "versions": versions("imageio-ffmpeg", "pillow"),
    }


def make_background(panels: Sequence[Panel], pixel_size_nm: float, speed: float) -> Picture:
    """Draw what all pictures share: titles, scale bar, and the speed if it is not real time."""
    shape = panels[0].frames.shape[1:]
    height, width = shown_shape(shape, LARGEST_PANEL)
    cell = max(width, NARROWEST)
    # Even sides, which H.264 wants.
    canvas = np.zeros((height + height % 2 + 2 * STRIP, 2 * cell + 3 * GAP), np.uint8)
    for panel, left in zip(panels, _lefts(canvas), strict=True):
        canvas[:STRIP, left : left + cell] = strip(cell, panel.title)
    # Under the restored frames: the rapid ones are distorted.
    line = scale_bar(cell, shape, LARGEST_PANEL, pixel_size_nm)
    if speed != 1:
        told = strip(cell // 3, f"{speed:g}\u00d7 speed")
        line[:, -told.shape[1] :] = told
    canvas[-STRIP:, _lefts(canvas)[1] :][:, :cell] = line
    return canvas


def compose(background: Picture, pair: Sequence[Picture], caption: str) -> Picture:
    """Put rapid frame, restored frame and their caption in their places."""
    canvas = background.copy()
    for image, left in zip(pair, _lefts(canvas), strict=True):
        height, width = image.shape
        canvas[STRIP : STRIP + height, left : left + width] = image
    left, right = _lefts(canvas)
    canvas[-STRIP:, left : right - GAP] = strip(right - GAP - left, caption)
    return canvas


def _lefts(canvas: Picture) -> tuple[int, int]:
    """Columns at which the two panels begin."""
    return GAP, GAP + (canvas.shape[1] - GAP) // 2


def _noisy(panels: Sequence[Panel], background: Picture) -> tuple[int, int, int, int]:
    """Where the rapid frame is: left, top, width, height."""
    height, width = shown_shape(panels[0].frames.shape[1:], LARGEST_PANEL)
    return _lefts(background)[0], STRIP, width, height


def _pairs(panels: Sequence[Panel], step: int) -> Iterator[tuple[Picture, ...]]:
    """Yield rapid and restored picture of every `step`-th frame, with few frames in memory."""
    total, *shape = panels[0].frames.shape
    reach = step * shard_frames(*shape)
    for first in range(0, total, reach):
        span = slice(first, min(first + reach, total), step)
        blocks = [np.asarray(panel.frames[span]) for panel in panels]
        for frames in zip(*blocks, strict=True):
            yield tuple(
                picture(frame, panel.grey, LARGEST_PANEL)
                for frame, panel in zip(frames, panels, strict=True)
            )
