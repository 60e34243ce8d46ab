"""The command ``stemjax``: ``scan`` proposes rows of the sheet, ``restore`` restores one file."""

import argparse
import math
import os
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from stemjax.config import NAME
from stemjax.errors import UserError
from stemjax.progress import CLEAR, say
from stemjax.provenance import written_aside
from stemjax.sheet import REQUIRED, ROLES, Acquisition, read_sheet, split_title


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; what a user can mend is told in one line.

    Returns:
        The exit status.
    """
    try:
        options = _parser().parse_args(argv)
        options.run(options)
    except UserError as error:
        # A bar may stand where the terminal's next line begins.
        say(f"{CLEAR if sys.stderr.isatty() else ''}error: {error}")
        return 1
    return 0


def scan(options: argparse.Namespace) -> None:
    """Propose rows for files that the sheet does not have; write them only with ``--append``.

    Raises:
        UserError: the folder, the sheet or an option cannot be used.
    """
    from stemjax.arrivals import describe, find, same, session_settings
    from stemjax.proposals import columns, propose, table

    raw, path = Path(options.raw), Path(options.sheet)
    if not raw.is_dir():
        raise UserError(f"{raw}: not a folder")
    if options.session and (not re.fullmatch(NAME, options.session) or ".." in options.session):
        raise UserError(f"session '{options.session}': letters, digits, '.', '_' and '-' only")
    content, sheet = _read(path)
    known = {same(file) for row in sheet.values() for file in row.raw_files()}
    new = [file for file in find(raw, path.parent / "results") if same(file) not in known]
    found = describe(new, path.parent, time.time(), options.title)
    sessions = {}
    if found.scans:
        for name in dict.fromkeys(row.session for row in sheet.values()):
            sessions[name] = session_settings([r for r in sheet.values() if r.session == name])
    unknown = [name for name, settings in sessions.items() if settings is None]
    remarks = [f"session '{name}': no file of it says its scan settings" for name in unknown]
    rows, more = propose(found, sheet, sessions, options.role, options.session)
    for remark in (*found.remarks, *remarks, *more):
        say(remark)
    if not rows:
        say("no new rows")
        return
    order = columns(content)
    print(table([dict(zip(order, order, strict=True)), *rows], order), end="", flush=True)
    if options.append:
        _append(path, content, rows)
        say(f"appended to {path}: {len(rows)} rows")
    else:
        say(f"nothing is written; --append appends to {path}: {len(rows)} rows")


def restore(options: argparse.Namespace) -> None:
    """Restore one file with a trained model.

    Raises:
        UserError: file, model, map or output cannot be used.
    """
    from stemjax.restore.cache import keep_compiled
    from stemjax.single_file import restore_file
    from stemjax.train.devices import use_threads

    use_threads(len(os.sched_getaffinity(0)))
    keep_compiled()
    row = Acquisition(
        acquisition=Path(split_title(options.raw)[0]).stem,
        session="",
        role="series",
        rapid=options.raw,
        pixel_size_nm=options.pixel_size_nm,
        dwell_us=options.dwell_us,
    )
    restore_file(row, options.model, options.map, Path(options.output))


def _read(path: Path) -> tuple[bytes, dict[str, Acquisition]]:
    """Read a sheet, which may not be there yet or have no rows yet."""
    from stemjax.proposals import columns

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b"", {}
    except OSError as error:
        raise UserError(f"{path}: cannot read the sheet: {error.strerror}") from None
    if sum(bool(line.strip()) for line in content.splitlines()) > 1:
        return content, read_sheet(path)
    if missing := [column for column in REQUIRED if column not in columns(content)]:
        raise UserError(f"{path}: no column '{missing[0]}' (columns are separated by tabs)")
    return content, {}


def _append(path: Path, content: bytes, rows: list[dict[str, str]]) -> None:
    from stemjax.proposals import appended

    path = path.resolve()  # a link stays a link
    try:
        with written_aside(path) as aside:
            aside.write_bytes(appended(content, rows))
            if path.exists():
                shutil.copymode(path, aside)
            try:
                read_sheet(aside)
            except UserError as error:
                raise UserError(str(error).replace(str(aside), str(path))) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def positive(text: str) -> float:
    """Read a number above zero.

    Raises:
        ValueError: it is none.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} ({self.prog} --help tells more)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="stemjax", description="Restore rapid-scan STEM series.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    new = commands.add_parser("scan", help="propose rows of the sheet for new raw files")
    new.add_argument("raw", metavar="RAW_DIR", help="folder to look in, with those below it")
    new.add_argument("--sheet", default="acquisitions.tsv", help="the sheet (%(default)s)")
    new.add_argument("--append", action="store_true", help="write the rows into the sheet")
    new.add_argument("--role", choices=ROLES, help="of all new rows, instead of by length")
    new.add_argument("--session", metavar="NAME", help="of all new rows, instead of by settings")
    new.add_argument("--title", help="image to take where a file holds several, such as BF")
    new.set_defaults(run=scan)
    one = commands.add_parser("restore", help="restore the rapid frames of one file")
    one.add_argument("raw", metavar="FILE", help="with rapid frames; FILE::TITLE names one image")
    one.add_argument("--model", required=True, metavar="DIR", help="folder of a trained model")
    one.add_argument("--map", metavar="JSON", help="results/distortion/SESSION.json of such scans")
    one.add_argument("-o", "--output", required=True, metavar="OUT", help="new .zarr or .tif")
    for option in ("--pixel-size-nm", "--dwell-us"):
        one.add_argument(option, type=positive, metavar="X", help="where the file does not say")
    one.set_defaults(run=restore)
    return parser


if __name__ == "__main__":
    sys.exit(main())
