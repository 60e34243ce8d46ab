"""Open a microscope's file, whatever its format, and find the image that is meant."""

import os
from collections.abc import Callable
from pathlib import Path

from stemjax.errors import Refused
from stemjax.io.image import RawImage, is_the_machines
from stemjax.io.readers import read_dm, read_hspy, read_mrc, read_ser, read_velox
from stemjax.io.stacks import read_ome_zarr, read_tiff
from stemjax.sheet import split_title

__all__ = ["RawImage", "pick_rapid", "pick_still", "read_images"]

Reader = Callable[[Path], list[RawImage]]
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HDF5 = (b"\x89HDF\r\n\x1a\n",)
# Suffix: name, reader, what the file starts with (nothing: the reader looks for itself).
FORMATS: dict[str, tuple[str, Reader, tuple[bytes, ...]]] = {
    ".emd": ("a Velox EMD file", read_velox, HDF5),
    ".dm3": ("a DigitalMicrograph file", read_dm, (b"\0\0\0\3",)),
    ".dm4": ("a DigitalMicrograph file", read_dm, (b"\0\0\0\4",)),
    ".mrc": ("an MRC file", read_mrc, ()),
    ".ser": ("a SER file", read_ser, (b"II\x97\x01",)),
    ".tif": ("a TIFF file", read_tiff, TIFF),
    ".tiff": ("a TIFF file", read_tiff, TIFF),
    ".hspy": ("a HyperSpy file", read_hspy, HDF5),
    ".zarr": ("an OME-Zarr folder", read_ome_zarr, ()),
}
STARTS = {
    HDF5: "an HDF5 file",
    TIFF: "a TIFF file",
    (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM"): "a picture",
    (b"\0\0\0\3", b"\0\0\0\4"): "a DigitalMicrograph file",
    (b"II\x97\x01",): "a SER file",
    (b"PK",): "a zip archive",
}
DERIVED = ("DCFI", "DPC", "FFT", "A-C", "B-D")  # computed by Velox, not recorded


def read_images(path: str | Path) -> list[RawImage]:
    """List the images of a file; frames are read when computed.

    Raises:
        Refused: the file cannot be read as what its name says, or holds no image that could be
            used.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise Refused(f"{path}: files of type '{path.suffix}' are not read; {_those(FORMATS)} are")
    what, reader, starts = FORMATS[suffix]
    try:
        _check_start(path, starts)
        images = reader(path)
    except Refused:
        raise
    except PermissionError as error:
        raise Refused(f"{path}: may not be read by this user; give it read permission") from error
    except Exception as error:  # a broken file can fail anywhere inside a reader
        if is_the_machines(error):
            raise
        line = " ".join(str(error).split()) or type(error).__name__
        raise Refused(f"{path}: cannot be read as {what}: {line}; copy it again") from error
    if not images:
        raise Refused(f"{path}: holds no image")
    if all(image.problem for image in images):
        raise Refused(f"{path}: holds no image that can be used: {_list(images)}")
    return images


def pick_rapid(path: str) -> RawImage:
    """Find the stack of rapid frames: what `path` names, else the longest stack recorded.

    Computed images (DCFI, DPC, FFT) and detectors that recorded nothing are passed over; of
    stacks of one length the one of the shortest dwell time is taken.

    Raises:
        Refused: there is none, or several look alike.
    """
    images = read_images(split_title(path)[0])
    found = _named(path, images)
    if split_title(path)[1] is None:
        found = [image for image in found if not image.problem and not _is_derived(image)]
        longest = max((len(image.frames) for image in found), default=0)
        found = [image for image in found if len(image.frames) == longest]
        found = _recorded(path, _extreme(found, min))
    return _only(path, found, images, "rapid stack")


def pick_still(path: str, *, dcfi: bool) -> RawImage:
    """Find a slow scan or a DCFI image: what `path` names, else the only image there is.

    Of several, the slow scan is the single frame with the longest dwell time that Velox did not
    compute; a DCFI is one of that title. Of a running series the caller takes the last frame.

    Raises:
        Refused: there is none, or several look alike.
    """
    images = read_images(split_title(path)[0])
    found = _named(path, images)
    if split_title(path)[1] is None and len(found) > 1:
        found = [image for image in found if not image.problem]
        if dcfi:
            found = _recorded(path, [image for image in found if "DCFI" in image.title.upper()])
        else:
            found = [image for image in found if not _is_derived(image)]
            single = [image for image in found if len(image.frames) == 1]
            found = _recorded(path, _extreme(single or found, max))
    return _only(path, found, images, "DCFI image" if dcfi else "slow scan")


def _named(path: str, images: list[RawImage]) -> list[RawImage]:
    title = split_title(path)[1]
    exact = [image for image in images if title in (None, image.title)]
    if exact or title is None:
        return exact
    name, _, number = title.rpartition("#")
    alike = [image for image in images if name in ("", image.title)]
    place = int(number) if number.isdecimal() else 0
    return alike[place - 1 : place] if place else []


def _only(path: str, found: list[RawImage], images: list[RawImage], what: str) -> RawImage:
    file = split_title(path)[0]
    if len(found) > 1:
        write = f"Write {file}::TITLE (the second of one title is ::TITLE#2)"
        raise Refused(f"{path}: which is the {what}? {write}; the file holds {_list(images)}")
    if not found:
        raise Refused(f"{path}: no {what} found; the file holds {_list(images)}")
    if found[0].problem:
        raise Refused(f"{path}: {found[0].describe()} cannot be a {what}")
    return found[0]


def _is_derived(image: RawImage) -> bool:
    return any(name in image.title.upper() for name in DERIVED)


def _extreme(images: list[RawImage], choose: Callable[..., float]) -> list[RawImage]:
    """Keep those of the shortest or longest dwell time, where all say theirs."""
    if not images or any(image.dwell_us is None for image in images):
        return images
    best = choose(image.dwell_us for image in images)
    return [image for image in images if image.dwell_us == best]


def _recorded(path: str, images: list[RawImage]) -> list[RawImage]:
    """Pass over detectors that were not inserted: their images are zero throughout."""
    if len(images) < 2:
        return images
    try:
        return [each for each in images if each.frames[0].any() or each.frames[-1].any()]
    except Exception as error:
        if is_the_machines(error):
            raise
        raise Refused(f"{path}: frames cannot be read: {error}; copy the file again") from error


def _check_start(path: Path, starts: tuple[bytes, ...]) -> None:
    if path.suffix.lower() == ".zarr":
        os.listdir(path)
        return
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise Refused(f"{path}: the file is empty; copy it again")
    if starts and not start.startswith(starts):
        found = [name for marks, name in STARTS.items() if start.startswith(marks)]
        is_text = all(32 <= byte < 127 or byte in b"\r\n\t" for byte in start)
        seems = found[0] if found else "text" if is_text else "something else"
        what = FORMATS[path.suffix.lower()][0]
        raise Refused(f"{path}: cannot be read as {what}: it is {seems}; name the right file")


def _list(images: list[RawImage]) -> str:
    return ", ".join(image.describe() for image in images)


def _those(names: dict[str, tuple[str, Reader, tuple[bytes, ...]]]) -> str:
    return ", ".join(names)
