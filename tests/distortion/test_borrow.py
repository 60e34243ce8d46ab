"""Maps taken over from another session."""

from pathlib import Path

import pytest

from stemjax.distortion.borrow import borrow_map, check_borrow
from stemjax.distortion.settings import check_scan
from stemjax.errors import Refused, UserError
from stemjax.provenance import read_json, write_json
from tests.handmade import SCAN, Handmade, straight


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return Handmade(tmp_path).map("mon", straight(64, 2.0), {"a": (0.1, 0.2)})


def converted(**scan: object) -> dict:
    return {"scan": {**SCAN, **scan}, "shape": [128, 64]}


def test_the_map_is_taken_over_and_what_is_of_the_lenders_fields_is_not(record: Path) -> None:
    lent, own = read_json(record), borrow_map("tue", "mon", record)
    for key in ("columns", "valid", "row_shift", "sigma", "lag", "strips", "method"):
        assert own[key] == lent[key]
    assert own["borrowed"] == "mon"
    assert own["acquisitions"] == []
    assert own["shifts"] == own["residual"] == own["left_out"] == {}


def test_another_map_gives_another_digest(record: Path, tmp_path: Path) -> None:
    before = borrow_map("tue", "mon", record)["digest"]
    assert borrow_map("tue", "mon", record)["digest"] == before
    write_json(record, {**read_json(record), "row_shift": 1.5})
    assert borrow_map("tue", "mon", record)["digest"] != before


def test_it_serves_scans_of_its_dwell_time_line_time_and_width(record: Path) -> None:
    scan = borrow_map("tue", "mon", record)["scan"]
    check_scan("x", converted(rotation_rad=1.0), scan, "the map")  # of any rotation and height
    for key in ("dwell_us", "line_time_us"):
        with pytest.raises(Refused, match=f"x: its {key} is"):
            check_scan("x", converted(**{key: 3 * SCAN[key]}), scan, "the map")
    with pytest.raises(Refused, match="x: its width is 32, that of the map 64"):
        check_scan("x", {**converted(), "shape": [64, 32]}, scan, "the map")


def test_a_refused_map_cannot_be_borrowed(tmp_path: Path) -> None:
    path = tmp_path / "mon.json"
    write_json(path, {"status": "refused", "reason": "mon is blank"})
    with pytest.raises(Refused, match="refused: mon is blank"):
        borrow_map("tue", "mon", path)


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"status": "ok", "columns": []}'])
def test_a_file_without_a_map_is_a_users_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"distortion.borrow.tue: .*map.json holds no map"):
        borrow_map("tue", str(path), path)


def test_lenders_are_sessions_or_files(record: Path) -> None:
    check_borrow({"tue": "mon", "wed": str(record)}, ["mon", "tue", "wed"])
    for borrow, said in (
        ({"thu": "mon"}, "borrow.thu: the sheet has no session 'thu'"),
        ({"tue": "thu"}, "borrow.tue: 'thu' is neither a session of the sheet nor a file"),
        ({"tue": "wed", "wed": "mon"}, "borrow.tue: 'wed' borrows its map itself"),
        ({"tue": "tue"}, "borrow.tue: 'tue' borrows its map itself"),
    ):
        with pytest.raises(UserError, match=said):
            check_borrow(borrow, ["mon", "tue", "wed"])
