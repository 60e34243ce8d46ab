"""The map that frames go through, and what stands for it where a session has none."""

from pathlib import Path

import numpy as np

from stemjax.distortion.map import DistortionMap, from_json
from stemjax.distortion.settings import check_scan
from stemjax.records import is_ok, read_record
from stemjax.typing import Json


def read_session(
    acquisition: str, converted: Json, distortion: Path, *, needed: bool
) -> Json | None:
    """Read the record of the map that an acquisition's frames go through.

    Args:
        acquisition: its id.
        converted: its record.
        distortion: record of its session's map.
        needed: whether there is no going on without a map.

    Returns:
        The record, None where the session has no map and none is needed.

    Raises:
        Refused: a map is needed and was refused, or it is for other scan settings.
    """
    if not needed and not is_ok(distortion):
        return None
    session = read_record(distortion)
    check_scan(acquisition, converted, session["scan"], f"the map of '{distortion.stem}'")
    return session


def map_or_identity(session: Json | None, width: int) -> DistortionMap:
    """Take the map out of a session's record; without one, frames stay as they were recorded.

    Args:
        session: as from :func:`read_session`.
        width: columns of a frame.
    """
    if session is not None:
        return from_json(session)
    return DistortionMap(np.arange(float(width)), np.ones(width, bool), 0.0, np.zeros(width))
