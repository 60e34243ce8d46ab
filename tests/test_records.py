"""Records: results and refusals on their way through the stages."""

import json
from pathlib import Path
from typing import Any

import pytest

from stemjax.errors import Refused
from stemjax.records import is_ok, read_record, usable, write_record


def refuse() -> dict[str, Any]:
    """Stand for a stage that cannot use its data."""
    raise Refused("a1.emd has no frames; export it again")


def test_a_result_is_recorded_with_its_status_first(tmp_path: Path) -> None:
    path = tmp_path / "converted" / "a1.json"
    write_record(path, lambda: {"digest": "ab", "shape": [2, 3]})
    assert list(json.loads(path.read_text()).items()) == [
        ("status", "ok"),
        ("digest", "ab"),
        ("shape", [2, 3]),
    ]
    assert is_ok(path)
    assert read_record(path)["digest"] == "ab"


def test_a_refusal_is_recorded_and_passed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, next_ = tmp_path / "first.json", tmp_path / "next.json"
    write_record(first, refuse)
    assert capsys.readouterr().err == "refused: a1.emd has no frames; export it again\n"
    with pytest.raises(Refused, match=r"^a1.emd has no frames; export it again$"):
        read_record(first)
    write_record(next_, lambda: {"digest": read_record(first)["digest"]})
    for path in (first, next_):
        assert json.loads(path.read_text()) == {
            "status": "refused",
            "reason": "a1.emd has no frames; export it again",
        }


def test_only_records_of_results_are_usable(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    write_record(good, dict)
    write_record(bad, refuse)
    assert list(usable([bad, good])) == [good]


def test_a_stage_that_fails_leaves_the_earlier_record(tmp_path: Path) -> None:
    path = tmp_path / "a1.json"
    write_record(path, lambda: {"digest": "ab"})
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        write_record(path, lambda: {"mean": 1 / 0})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
