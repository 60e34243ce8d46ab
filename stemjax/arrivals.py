"""New raw files: find them and tell what scans they hold, by what they say of themselves."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stemjax.errors import Refused
from stemjax.io.raw import RawImage, pick_rapid, pick_still, read_images
from stemjax.pairing import Scan, Settings, same_family
from stemjax.progress import say
from stemjax.sheet import Acquisition

SETTLED_S = 10.0  # a file changed more recently may still be growing
RAPID_BELOW_US = 1.0  # a single frame with a shorter dwell time is no slow scan
SUFFIXES = {".emd", ".dm3", ".dm4", ".mrc", ".ser", ".tif", ".tiff", ".hspy", ".zarr"}


@dataclass
class Found:
    """What new files hold: scans, files that may be usable later, and remarks on these."""

    scans: list[Scan] = field(default_factory=list)
    copying: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def awaited(self, scan: Scan) -> Path | None:
        """Name a file that may turn out to be the partner of this scan."""
        beside = [path for path in self.copying if path.parent == scan.file.parent]
        beside += [path for path in self.broken if same_family(path, scan.file)]
        return beside[0] if beside else None


def find(raw: Path, results: Path) -> Iterator[Path]:
    """Yield the raw files below a folder but not in `results`, 2 before 10."""
    found = []
    for folder, folders, files in os.walk(raw, onerror=_pass_over):
        here = Path(folder)
        found += [here / name for name in (*files, *folders) if _is_raw(name)]
        folders[:] = [
            name
            for name in folders
            if not (_is_raw(name) or name.startswith(".") or same(here / name) == same(results))
        ]
    # Numbers stand at the odd places.
    parts = {path: re.split(r"(\d+)", str(path)) for path in found}
    yield from sorted(found, key=lambda p: [int(n) if i % 2 else n for i, n in enumerate(parts[p])])


def same(path: str | Path) -> str:
    """Give the one name of a file that may be named in many ways."""
    return os.path.realpath(path)


def describe(files: Iterable[Path], base: Path, now: float, title: str | None = None) -> Found:
    """Look into new files.

    Args:
        files: to look into.
        base: folder that names in the sheet are relative to.
        now: seconds since 1970.
        title: of the image to take where a file holds several.
    """
    found = Found()
    for file in files:
        try:
            before = _look(file)
            scans = []
            if growing := abs(now - before[1]) < SETTLED_S:
                reason = "it is still being copied, or was changed a moment ago"
            else:
                scans = _scans(file, _cell(file, base), before[1], title)
                if growing := _look(file) != before:
                    reason = "it is still being copied"
        except (Refused, OSError) as error:
            reason = " ".join(str(error).split()).removeprefix(f"{file}: ")
            found.broken.append(file)
        else:
            if not growing:
                found.scans += scans
                continue
            found.copying.append(file)
        found.remarks.append(f"{file}: left for the next scan: {reason}")
    return found


def session_settings(rows: Sequence[Acquisition]) -> Settings | None:
    """Take a session's scan settings from the first of its rows that can be read."""
    for row in rows:
        try:
            settings = _settings(pick_rapid(row.rapid), row.dwell_us)
        except Refused:
            continue
        if settings:
            return settings
    return None


def _pass_over(error: OSError) -> None:
    say(f"{error.filename}: passed over: {error.strerror}")


def _is_raw(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")


def _look(file: Path) -> tuple[int, float]:
    """Size and time of the last change, of a store those of the files in it."""
    inside = [file, *file.rglob("*")] if file.is_dir() else [file]
    looks = [path.stat() for path in inside]
    return sum(look.st_size for look in looks), max(look.st_mtime for look in looks)


def _cell(file: Path, base: Path) -> str:
    """Name a file relative to the sheet's folder, or from the root where it is not below it."""
    whole, root = (Path(os.path.abspath(path)) for path in (file, base))
    cell = str(whole.relative_to(root) if whole.is_relative_to(root) else whole)
    plain = cell.strip().encode(errors="replace").decode()
    if cell != plain or "::" in cell or len(cell.splitlines()) > 1:
        raise Refused("its name cannot be written in a sheet; rename it")
    return cell


def _scans(file: Path, cell: str, modified: float, title: str | None) -> list[Scan]:
    images = read_images(file)
    chosen = list(images)
    if len(images) > 1 and title:
        chosen = [image for image in chosen if image.title == title]
    elif len(images) > 1:  # as a conversion chooses
        picked = [_traits(pick_rapid(str(file))), _traits(pick_still(str(file), dcfi=False))]
        chosen = [image for image in chosen if _traits(image) in picked]
    elif "DCFI" in images[0].title.upper():
        raise Refused("it is a DCFI image, which goes into a row by hand")
    kinds = [_is_rapid(image) for image in chosen]
    if not kinds or len(set(kinds)) < len(kinds):
        there = ", ".join(image.describe() for image in images)
        raise Refused(f"which image is meant? Choose by --title or write the row; it holds {there}")
    return [
        Scan(
            file=file,
            cell=f"{cell}::{_title(image, images)}" if len(images) > 1 else cell,
            modified=modified,
            rapid=_is_rapid(image),
            frames=len(image.frames),
            shape=tuple(image.frames.shape[1:]),
            pixel_size_nm=image.pixel_size_nm,
            dwell_us=image.dwell_us,
            settings=_settings(image),
        )
        for image in chosen
    ]


def _is_rapid(image: RawImage) -> bool:
    return len(image.frames) > 1 or 0 < (image.dwell_us or 0) < RAPID_BELOW_US


def _traits(image: RawImage) -> tuple[object, ...]:
    return image.title, image.frames.shape, image.dwell_us


def _title(image: RawImage, images: list[RawImage]) -> str:
    """Name one of several images, by its number where the title does not tell."""
    alike = [each for each in images if image.title in ("", each.title)]
    numbers = [n for n, each in enumerate(alike, start=1) if each is image]
    return image.title if len(alike) == 1 else f"{image.title}#{numbers[0]}"


def _settings(image: RawImage, dwell_us: float | None = None) -> Settings | None:
    """Take what the acquisitions of a session share: dwell, line time, rotation, frame size."""
    dwell = image.dwell_us or dwell_us
    if not dwell:
        return None
    height, width = (int(n) for n in image.frames.shape[1:])
    line_time = image.line_time_us or width * dwell
    return dwell, line_time, image.rotation_rad, float(height), float(width)
