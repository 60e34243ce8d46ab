"""The sheet: one row per acquisition, checked before any job runs."""

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePath

from stemjax.config import NAME
from stemjax.errors import UserError

ROLES = ("train", "test", "series")
FILES = ("rapid", "slow", "dcfi", "log", "truth")
REQUIRED = ("acquisition", "session", "role", "rapid", "slow")


@dataclass(frozen=True)
class Acquisition:
    """One row of the sheet; paths are relative to the working directory, empty where not given.

    Attributes:
        acquisition: id, unique in the sheet.
        session: acquisitions with the same scan settings share one distortion map.
        role: ``train``, ``test`` or ``series``.
        rapid: file with the rapid frames; ``file::TITLE`` names one image of several.
        slow: file with the slow scan of the same field of view; without one, a train row serves
            models with the target ``dcfi`` or ``rapid`` only.
        dcfi: file with the drift-corrected frame integration; computed where empty.
        log: CSV of the experiment (time, temperature), for evaluation only.
        pixel_size_nm: pixel size in nanometres where the file does not say.
        dwell_us: dwell time in microseconds where the file does not say.
        truth: simulated truth, for evaluation only.
    """

    acquisition: str
    session: str
    role: str
    rapid: str
    slow: str = ""
    dcfi: str = ""
    log: str = ""
    pixel_size_nm: float | None = None
    dwell_us: float | None = None
    truth: str = ""

    def raw_files(self) -> list[str]:
        """Name the microscope's files of this acquisition, without ``::TITLE``."""
        return [split_title(path)[0] for path in (self.rapid, self.slow, self.dcfi) if path]


def split_title(path: str) -> tuple[str, str | None]:
    """Split ``file.emd::BF`` into the file and the title of the image in it.

    ``::BF#2`` is the second of several images of one title, ``::#2`` the second of the file.
    """
    file, _, title = path.partition("::")
    return file, title or None


def read_sheet(path: str | Path) -> dict[str, Acquisition]:
    """Read and check the sheet.

    Returns:
        The rows by acquisition id, in the sheet's order.

    Raises:
        UserError: one line that names file, row and column.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), delimiter="\t", strict=True))
    except OSError as error:
        what = "cannot read the sheet of acquisitions"
        raise UserError(f"{path}: {what}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a UTF-8 file of tab-separated cells: {error}") from None
    if not rows:
        raise UserError(f"{path}: the sheet is empty; its first line names the columns")
    header = rows[0]
    _check_header(path, header)
    sheet: dict[str, Acquisition] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}, line {number}"
        if len(cells) > len(header):
            raise UserError(f"{where}: {len(cells)} cells for {len(header)} columns")
        row = _row(where, dict(zip(header, (cell.strip() for cell in cells), strict=False)), path)
        if row.acquisition in sheet:
            raise UserError(f"{where}: acquisition '{row.acquisition}' is there twice")
        sheet[row.acquisition] = row
    if not sheet:
        raise UserError(f"{path}: the sheet has no rows")
    return sheet


def simulated_files(sheet: dict[str, Acquisition]) -> set[str]:
    """Name the files of the sheet that the simulation makes where the config asks for it."""
    made = set()
    for name in sheet:
        parts = ("rapid.emd", "slow.emd", "truth.h5", "log.csv")
        made |= {f"raw/simulated/{name}_{part}" for part in parts}
    return made


def check_files(sheet: dict[str, Acquisition], made: Collection[str] = ()) -> None:
    """Check that every file of the sheet exists, or is among those that a rule makes.

    Raises:
        UserError: one line that names acquisition, column and file.
    """
    for row in sheet.values():
        for column in FILES:
            file = split_title(getattr(row, column))[0]
            if file and file not in made and not Path(file).exists():
                raise UserError(
                    f"acquisition '{row.acquisition}': {column} file '{file}' does not exist"
                )


def _check_header(path: Path, header: Sequence[str]) -> None:
    if missing := [column for column in REQUIRED if column not in header]:
        raise UserError(f"{path}: no column '{missing[0]}' (columns are separated by tabs)")
    known = [field.name for field in fields(Acquisition)]
    for column in header:
        if column not in known:
            raise UserError(f"{path}: unknown column '{column}'; there are {', '.join(known)}")
        if header.count(column) > 1:
            raise UserError(f"{path}: column '{column}' is there twice")


def _row(where: str, cells: dict[str, str], sheet: Path) -> Acquisition:
    for column in ("acquisition", "session"):
        name = cells.get(column, "")
        if not re.fullmatch(NAME, name) or ".." in name:
            raise UserError(
                f"{where}: {column} '{name}' must start with a letter or digit and hold only "
                "letters, digits, '.', '_' and '-', without '..'"
            )
    name, role = cells["acquisition"], cells.get("role", "")
    if role not in ROLES:
        raise UserError(f"{where} ({name}): role '{role}' is none of {', '.join(ROLES)}")
    for column in ("rapid", "slow"):
        if not cells.get(column) and (column == "rapid" or role == "test"):
            raise UserError(f"{where} ({name}): a {role} row needs a {column} file")
    return Acquisition(
        acquisition=name,
        session=cells["session"],
        role=role,
        pixel_size_nm=_positive(where, name, "pixel_size_nm", cells),
        dwell_us=_positive(where, name, "dwell_us", cells),
        **{column: _below(where, name, column, cells, sheet) for column in FILES},
    )


def _below(where: str, name: str, column: str, cells: dict[str, str], sheet: Path) -> str:
    value = cells.get(column, "")
    if ".." in PurePath(value).parts:
        raise UserError(f"{where} ({name}): {column} '{value}' must not contain '..'")
    return str(sheet.parent / value) if value else ""


def _positive(where: str, name: str, column: str, cells: dict[str, str]) -> float | None:
    value = cells.get(column, "")
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UserError(f"{where} ({name}): {column} '{value}' must be a positive number")
    return number
