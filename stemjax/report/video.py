"""Grey pictures to H.264, of constant quality and of limited size whatever they show."""

import os
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe, write_frames

from stemjax.provenance import written_aside
from stemjax.report.panels import Picture

SLOWEST, FASTEST = 5.0, 30.0  # frames per second
MOST_FRAMES = 3000  # of a movie; a longer series is shown faster
LARGEST_FILE = 20_000_000  # bytes
CONTENT = 0.97  # of the file; the rest lists where each frame is
BUFFER_S = 2.0  # over which the bit rate may exceed its mean
FASTEST_BITS = 24e6  # per second, which any computer decodes
QUALITY = "17"  # x264's constant rate factor
COARSER = 0.25  # of x264's range of quantisers: how much coarser the rapid side is kept


@dataclass(frozen=True)
class Pace:
    """Which frames a movie shows, and how fast.

    Attributes:
        step: every how many frames are shown.
        fps: of them, in a second.
        speed: how many times faster than it was recorded.
    """

    step: int
    fps: float
    speed: float


def choose_pace(frames: int, frame_time_s: float) -> Pace:
    """Show a series as fast as it was recorded, as far as eyes, screens and file size allow."""
    rate = 1 / frame_time_s
    step = int(np.ceil(rate / FASTEST - 1e-9))
    fps = round(max(rate / step, SLOWEST), 3)
    step = max(step, -(-frames // MOST_FRAMES))
    return Pace(step, fps, float(f"{fps * step * frame_time_s:.3g}"))


def write_video(
    path: str | Path,
    pictures: Iterable[Picture],
    shape: tuple[int, int],
    frames: int,
    fps: float,
    *,
    noisy: tuple[int, int, int, int],
    threads: int,
) -> None:
    """Write an MP4 that browsers play while it loads, at most :data:`LARGEST_FILE` bytes.

    Noise would take most of the bits of a limited file, so it is kept more coarsely than the rest.

    Args:
        path: of the file.
        pictures: each (y, x).
        shape: of each picture, height and width; both even.
        frames: how many pictures there are.
        fps: pictures per second.
        noisy: part that shows noise: left, top, width, height.
        threads: of the encoder.
    """
    height, width = shape
    seconds = frames / fps
    # Within any span the encoder spends the rate and, once, the buffer: so much fits the file.
    rate = min(8 * CONTENT * LARGEST_FILE / (seconds + BUFFER_S), FASTEST_BITS)
    region = ":".join(map(str, (*noisy, COARSER)))
    settings = {
        "-preset": "fast",
        "-crf": QUALITY,
        "-bf": "0",  # noise would pulse, as these frames keep less of it than the others
        "-maxrate": f"{rate:.0f}",
        "-bufsize": f"{rate * BUFFER_S:.0f}",
        "-vf": f"addroi={region}",
        "-threads": f"{threads}",
        "-movflags": "+faststart",
        "-f": "mp4",
    }
    # Else a fork precedes the encoder's start, which may hang where JAX has started threads.
    os.environ["IMAGEIO_FFMPEG_NO_PREVENT_SIGINT"] = "1"
    with written_aside(path) as aside:
        writer = write_frames(
            aside,
            (width, height),
            pix_fmt_in="gray",
            fps=fps,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=[part for pair in settings.items() for part in pair],
        )
        with closing(writer):
            writer.send(None)
            for picture in pictures:
                writer.send(picture)
        _check(aside)


def _check(path: Path) -> None:
    """Fail where the encoder did: it tells nobody else that it could not finish its file."""
    probe = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-frames:v", "1", "-f", "null", "-"]
    said = subprocess.run(probe, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if said.returncode or said.stderr:
        raise OSError(f"the encoder left no movie: {' '.join(said.stderr.split())}")
