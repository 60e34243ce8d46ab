"""The scan settings that a map depends on, and which acquisitions share them."""

from collections.abc import Sequence

import numpy as np

from stemjax.errors import Refused
from stemjax.typing import Json

AGREE = ("dwell_us", "line_time_us", "rotation_rad", "shape")


def scan_settings(converted: Json) -> Json:
    """Take those settings of a converted acquisition that its map depends on."""
    return {key: {**converted["scan"], "shape": converted["shape"]}[key] for key in AGREE}


def usual_scan(records: Sequence[Json]) -> Json:
    """Choose the scan settings that most acquisitions have, the first where there are as many."""
    scans = [scan_settings(record) for record in records]
    return max(scans, key=scans.count)


def check_scan(acquisition: str, converted: Json, scan: Json, of: str) -> None:
    """Refuse to use a map, or to fit one, across different scan settings.

    Args:
        acquisition: its id.
        converted: its record.
        scan: settings to agree with, as from :func:`scan_settings`; fewer for a borrowed map.
        of: whose settings these are.

    Raises:
        Refused: names the first setting that differs.
    """
    own = {**scan_settings(converted), "width": converted["shape"][1]}
    for key, value in scan.items():
        if not np.allclose(own[key], value, rtol=1e-3, atol=1e-3):
            raise Refused(
                f"{acquisition}: its {key} is {own[key]}, that of {of} {value}; acquisitions of "
                "one session share their scan settings, so give it a session of its own"
            )
