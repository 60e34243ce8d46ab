"""Take over another session's map."""

from pathlib import Path

from stemjax.errors import Refused, UserError
from stemjax.provenance import digest, read_json, versions
from stemjax.records import REFUSED
from stemjax.typing import Json

OF_THE_MAP = (
    "columns",
    "valid",
    "row_shift",
    "sigma",
    "late",
    "method",
    "lag",
    "strips",
    "afterglow",
)


def borrow_map(session: str, lender: str, record: str | Path) -> Json:
    """Take over the map of another session, or of another experiment.

    Every acquisition is checked against the map where it is used: dwell time, line time and
    width must be the same.

    Args:
        session: that borrows, for messages.
        lender: the session, or the file, that the map is taken from.
        record: of that map.

    Returns:
        What ``results/distortion/{session}.json`` says beside its status.

    Raises:
        Refused: the map was refused itself.
        UserError: the file holds no map.
    """
    try:
        map_ = read_json(record)
        if map_["status"] == REFUSED:
            raise Refused(
                f"session '{session}': borrows the map of '{lender}', which was refused: "
                f"{map_['reason']}"
            )
        width, scan = len(map_["columns"]), map_["scan"]
        content = {key: map_[key] for key in OF_THE_MAP if key in map_}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"distortion.borrow.{session}: {record} holds no map") from error
    content |= {
        "borrowed": lender,
        "acquisitions": [],
        "shifts": {},
        "residual": {},
        "leave_one_out_px": {},
        "left_out": {},
        "scan": {key: scan[key] for key in ("dwell_us", "line_time_us")} | {"width": width},
    }
    return {**content, "digest": digest(content), "versions": versions()}


def check_borrow(borrow: dict[str, str], sessions: list[str]) -> None:
    """Check who borrows from whom.

    Args:
        borrow: by session, another session or the path of a map's file.
        sessions: of the sheet.

    Raises:
        UserError: a session is not there, borrows from a borrower, or there is no such file.
    """
    for session, lender in borrow.items():
        key = f"distortion.borrow.{session}"
        if session not in sessions:
            raise UserError(f"{key}: the sheet has no session '{session}'")
        if lender in borrow:
            raise UserError(f"{key}: '{lender}' borrows its map itself; name whose it is")
        if lender not in sessions and not Path(lender).is_file():
            raise UserError(f"{key}: '{lender}' is neither a session of the sheet nor a file")
