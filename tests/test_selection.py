"""Which rows maps and models are made from, and what new rows may change."""

import json
from functools import partial
from pathlib import Path

import pytest

from stemjax.errors import UserError
from stemjax.provenance import write_json
from stemjax.selection import Selection, model_rows, remember, select, session_rows
from stemjax.sheet import Acquisition


def sheet(*rows: str) -> dict[str, Acquisition]:
    """Read rows written as ``id session role``, with a slow scan unless ``-`` follows."""
    found = {}
    for row in rows:
        name, session, role, *no_slow = row.split()
        slow = "" if no_slow else f"{name}_slow.emd"
        found[name] = Acquisition(name, session, role, f"{name}.emd", slow)
    return found


ROWS = sheet(
    "a mon train", "b tue train", "c mon test", "d mon train", "e wed test", "f wed series"
)


def test_a_map_is_fitted_to_its_sessions_train_rows() -> None:
    assert session_rows(ROWS, "mon") == ["a", "d"]
    assert session_rows(ROWS, "tue") == ["b"]


def test_a_session_without_train_rows_takes_whatever_has_a_slow_scan() -> None:
    assert session_rows(ROWS, "wed") == ["e", "f"]
    assert session_rows(sheet("e wed test", "f wed series -"), "wed") == ["e"]
    assert session_rows(sheet("f wed series -"), "wed") == []


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["*"], ["heat-1", "heat-2", "cool-1"]),
        (["heat-*"], ["heat-1", "heat-2"]),
        (["cool-1", "heat-1"], ["heat-1", "cool-1"]),
        (["heat-[2-9]", "heat-2"], ["heat-2"]),
    ],
)
def test_ids_and_globs_find_train_rows_in_the_sheets_order(
    patterns: list[str], names: list[str]
) -> None:
    rows = sheet("heat-1 s train", "heat-2 s train", "heat-3 s test", "cool-1 s train")
    assert model_rows(rows, "dlf", patterns) == names


@pytest.mark.parametrize("patterns", [["c"], ["*", "x*"], ["A"]])
def test_a_pattern_that_finds_no_train_row_is_a_mistake(patterns: list[str]) -> None:
    with pytest.raises(
        UserError, match=rf"^models\.dlf\.acquisitions: .*'{patterns[-1].replace('*', '.')}'$"
    ):
        model_rows(ROWS, "dlf", patterns)


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """Give the file that says a and b were used, and that c could not be."""
    records = []
    for name, status in (("a", "ok"), ("b", "ok"), ("c", "refused")):
        write_json(tmp_path / f"{name}.json", {"status": status, "reason": ""})
        records.append(tmp_path / f"{name}.json")
    remember(tmp_path / "selection" / "s.json", records)
    return tmp_path / "selection" / "s.json"


def test_the_rows_used_are_remembered(last: Path) -> None:
    assert json.loads(last.read_text()) == {
        "acquisitions": ["a", "b", "c"],
        "used": ["a", "b"],
        "patterns": ["*"],
    }


def test_while_kept_a_new_row_changes_nothing_and_a_refused_one_is_idle(last: Path) -> None:
    wanted = ["new", "a", "b", "c"]
    assert select(wanted, last, keep=True) == Selection(("a", "b", "c"), frozenset("c"))


def test_a_row_that_left_the_sheet_leaves_the_selection(last: Path) -> None:
    assert select(["b", "c"], last, keep=True) == Selection(("b", "c"), frozenset("c"))
    assert select(["b", "new"], last, keep=True) == Selection(("b",))


def test_when_none_of_the_kept_rows_is_left_those_there_now_are_taken(last: Path) -> None:
    assert select(["new", "newer"], last, keep=True) == Selection(("new", "newer"))


def test_where_new_rows_count_all_are_taken_and_none_is_idle(last: Path) -> None:
    wanted = ["new", "a", "b", "c"]
    assert select(wanted, last, keep=False) == Selection(tuple(wanted))


def test_at_first_all_are_taken(tmp_path: Path) -> None:
    for keep in (True, False):
        assert select(["a", "b"], tmp_path / "none.json", keep=keep) == Selection(("a", "b"))


def test_what_was_refused_as_a_whole_is_taken_up_once_it_is_mended(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text('{"status": "refused", "reason": "no"}')
    remember(tmp_path / "last.json", [tmp_path / f"{name}.json" for name in "ab"])
    assert select(["a", "b"], tmp_path / "last.json", keep=True) == Selection(("a", "b"))


def test_another_choice_in_the_config_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"status": "ok"}')
    remember(tmp_path / "last.json", [tmp_path / "a.json"], ["a"])
    chosen = partial(select, ["a", "b"], tmp_path / "last.json", keep=True)
    assert chosen(patterns=["a"]).acquisitions == ("a",)
    assert chosen(patterns=["*"]).acquisitions == ("a", "b")
