"""Which slow scan belongs to which rapid frames: told by file, name, settings and time."""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TOGETHER_S = 3600.0  # scans further apart in time are a pair only where their names say so
CLEARLY = 3.0  # the nearest in time must be this much nearer than the next
SPEED = r"\d+(?:[.,]\d+)?\s?[nuμ]s|rapid|fast|slow"  # what tells a rapid scan's name from a slow's
OCCASION = SPEED + r"|series|stack|after|final"

Settings = tuple[float, ...]


@dataclass(frozen=True)
class Scan:
    """The rapid frames or the slow scan in a new file.

    Attributes:
        file: where it is.
        cell: how the sheet names it, with ``::TITLE`` where the file holds several images.
        modified: when the file was last changed, in seconds since 1970.
        rapid: rapid frames, not a slow scan.
        frames: how many.
        shape: height and width in pixels.
        pixel_size_nm: pixel size in nanometres, None where the file does not say.
        dwell_us: dwell time in microseconds, None where the file does not say.
        settings: those that a session shares, None where the file does not say its dwell time.
    """

    file: Path
    cell: str
    modified: float
    rapid: bool
    frames: int
    shape: tuple[int, ...]
    pixel_size_nm: float | None
    dwell_us: float | None
    settings: Settings | None = None

    def fits(self, slow: "Scan") -> bool:
        """Tell whether a slow scan can show what these rapid frames show."""
        if self.shape != slow.shape or not self.pixel_size_nm or not slow.pixel_size_nm:
            return False
        slower = not (self.dwell_us and slow.dwell_us) or self.dwell_us < slow.dwell_us
        return slower and math.isclose(self.pixel_size_nm, slow.pixel_size_nm, rel_tol=0.01)


def stem(file: Path, words: str = SPEED) -> str:
    """Take words such as ``100ns`` or ``slow`` out of a file's name."""
    name = unicodedata.normalize("NFKC", file.name.removesuffix(file.suffix))
    name = re.sub(rf"(?<![^\W_])(?:{words})(?![^\W_])", "", name, flags=re.IGNORECASE)
    return re.sub(r"([\s_.-])[\s_.-]+", r"\1", name).strip(" \t_.-")


def same_family(one: Path, other: Path) -> bool:
    """Tell whether two names differ only as those of rapid frames and slow scan do."""
    names = [stem(path, OCCASION).casefold() for path in (one, other)]
    return one.parent == other.parent and names[0] == names[1]


def pair(
    scans: Sequence[Scan], put_off: Callable[[Scan], object] = lambda scan: None
) -> tuple[dict[Scan, Scan], list[str]]:
    """Pair rapid frames with slow scans: in one file, else of one name, else nearest in time.

    Args:
        scans: rapid and slow ones.
        put_off: tells which scans are not paired by time alone, as the true partner may yet come.

    Returns:
        The slow scan of rapid frames, and a remark on each pair that only time speaks for.
    """
    pairs: dict[Scan, Scan] = {}
    for key in (_file, _name, _family):
        pairs |= _nearest(_without(scans, pairs), key)
    free = [scan for scan in _without(scans, pairs) if not put_off(scan)]
    by_time = {r: s for r, s in _nearest(free, _folder).items() if _gap(r, s) <= TOGETHER_S}
    remarks = [
        f"{rapid.cell}: paired with {slow.cell} by time alone ({_gap(rapid, slow):.0f} s apart); "
        "check it"
        for rapid, slow in by_time.items()
    ]
    return pairs | by_time, remarks


def _nearest(scans: Sequence[Scan], key: Callable[[Scan], object]) -> dict[Scan, Scan]:
    """Pair scans of equal key that are clearly each other's nearest in time, and fit."""
    rapids = [scan for scan in scans if scan.rapid]
    slows = [scan for scan in scans if not scan.rapid]

    def first(scan: Scan, others: Sequence[Scan]) -> Scan | None:
        near = sorted(others, key=lambda other: _gap(scan, other))
        if len(near) > 1 and _gap(scan, near[1]) <= CLEARLY * _gap(scan, near[0]):
            return None
        return near[0] if near else None

    pairs = {}
    for rapid in rapids:
        slow = first(rapid, [s for s in slows if key(s) == key(rapid) and rapid.fits(s)])
        if slow and rapid is first(
            slow, [r for r in rapids if key(r) == key(slow) and r.fits(slow)]
        ):
            pairs[rapid] = slow
    return pairs


def _without(scans: Sequence[Scan], pairs: dict[Scan, Scan]) -> list[Scan]:
    return [scan for scan in scans if scan not in pairs and scan not in pairs.values()]


def _gap(one: Scan, other: Scan) -> float:
    return abs(one.modified - other.modified)


def _file(scan: Scan) -> object:
    return scan.file


def _name(scan: Scan) -> object:
    return scan.file.parent, stem(scan.file).casefold()


def _family(scan: Scan) -> object:
    return scan.file.parent, stem(scan.file, OCCASION).casefold()


def _folder(scan: Scan) -> object:
    return scan.file.parent
