"""The sheet: what a good row becomes, and the one line that a bad one gives."""

from pathlib import Path

import pytest

from stemjax.errors import UserError
from stemjax.sheet import Acquisition, check_files, read_sheet, split_title

HEADER = ("acquisition", "session", "role", "rapid", "slow")
GOOD = ("a1", "s1", "train", "a1.emd", "a1_slow.emd")
NAME = (
    "must start with a letter or digit and hold only letters, digits, '.', '_' and '-', "
    "without '..'"
)
COLUMNS = "acquisition, session, role, rapid, slow, dcfi, log, pixel_size_nm, dwell_us, truth"


def write(folder: Path, *rows: tuple[str, ...]) -> Path:
    """Write a sheet of these rows, the first of which names the columns."""
    path = folder / "sheet.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


def fault(path: Path) -> str:
    """Give what is said about this sheet, without its path."""
    with pytest.raises(UserError) as error:
        read_sheet(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_rows_are_read_in_order_with_files_beside_the_sheet(tmp_path: Path) -> None:
    header = (*HEADER, "pixel_size_nm", "log")
    path = write(
        tmp_path,
        header,
        (*GOOD, "2.1"),
        (),
        ("b.2", "s1", "series", "/data/b.emd::BF", "", "", " b.csv "),
    )
    assert list(read_sheet(path).values()) == [
        Acquisition(
            "a1", "s1", "train", f"{tmp_path}/a1.emd", f"{tmp_path}/a1_slow.emd", pixel_size_nm=2.1
        ),
        Acquisition("b.2", "s1", "series", "/data/b.emd::BF", log=f"{tmp_path}/b.csv"),
    ]


def test_a_spreadsheets_quotes_and_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, ("a1", "s1", "train", '"a,1.emd"', "slow.emd"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_sheet(path)["a1"].rapid == f"{tmp_path}/a,1.emd"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ((*HEADER, "colour"), f": unknown column 'colour'; there are {COLUMNS}"),
        ((*HEADER, "slow"), ": column 'slow' is there twice"),
        (HEADER[:4], ": no column 'slow' (columns are separated by tabs)"),
    ],
)
def test_a_bad_header_names_the_column(
    tmp_path: Path, header: tuple[str, ...], message: str
) -> None:
    assert fault(write(tmp_path, header, GOOD[: len(header)])) == message


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("acquisition", "", f": acquisition '' {NAME}"),
        ("acquisition", "a 1", f": acquisition 'a 1' {NAME}"),
        ("acquisition", "-a", f": acquisition '-a' {NAME}"),
        ("acquisition", "a/1", f": acquisition 'a/1' {NAME}"),
        ("acquisition", "a..1", f": acquisition 'a..1' {NAME}"),
        ("session", "..", f": session '..' {NAME}"),
        ("role", "Train", " (a2): role 'Train' is none of train, test, series"),
        ("rapid", "", " (a2): a train row needs a rapid file"),
        ("rapid", "../a.emd", " (a2): rapid '../a.emd' must not contain '..'"),
        ("dcfi", "x/../a.emd", " (a2): dcfi 'x/../a.emd' must not contain '..'"),
        *(
            ("dwell_us", value, f" (a2): dwell_us '{value}' must be a positive number")
            for value in ("0", "-1", "nan", "inf", "0,1", "fast")
        ),
    ],
)
def test_a_bad_cell_names_line_row_and_column(
    tmp_path: Path, column: str, value: str, message: str
) -> None:
    header = (*HEADER, "dcfi", "dwell_us")
    row = dict(zip(header, ("a2", *GOOD[1:], "", "0.1"), strict=True)) | {column: value}
    assert fault(write(tmp_path, header, GOOD, tuple(row.values()))) == f", line 3{message}"


def test_only_test_rows_need_a_slow_scan(tmp_path: Path) -> None:
    rows = [("a1", "s1", role, "a1.emd", "") for role in ("train", "series", "test")]
    for row in rows[:2]:
        assert read_sheet(write(tmp_path, HEADER, row))["a1"].slow == ""
    assert fault(write(tmp_path, HEADER, rows[2])) == ", line 2 (a1): a test row needs a slow file"


def test_a_row_is_there_once_and_no_longer_than_the_header(tmp_path: Path) -> None:
    twice = write(tmp_path, HEADER, GOOD, GOOD)
    assert fault(twice) == ", line 3: acquisition 'a1' is there twice"
    assert fault(write(tmp_path, HEADER, (*GOOD, "x"))) == ", line 2: 6 cells for 5 columns"


def test_a_sheet_without_rows_is_refused(tmp_path: Path) -> None:
    assert fault(write(tmp_path)) == ": the sheet is empty; its first line names the columns"
    assert fault(write(tmp_path, HEADER, ())) == ": the sheet has no rows"


def test_an_unreadable_sheet_is_told_in_one_line(tmp_path: Path) -> None:
    missing = ": cannot read the sheet of acquisitions: No such file or directory"
    assert fault(tmp_path / "none.tsv") == missing
    path = write(tmp_path, HEADER, ("a1", "s1", "train", '"a1.emd', "slow.emd"))
    assert fault(path).startswith(": not a UTF-8 file of tab-separated cells: ")
    path.write_bytes("\t".join(HEADER).encode("utf-16"))
    assert fault(path).startswith(": not a UTF-8 file of tab-separated cells: ")


def test_a_missing_file_names_row_and_column_unless_a_rule_makes_it(tmp_path: Path) -> None:
    sheet = read_sheet(write(tmp_path, HEADER, ("a1", "s1", "train", "a1.emd::BF", "a1_slow.emd")))
    (tmp_path / "a1.emd").touch()
    slow = f"{tmp_path}/a1_slow.emd"
    with pytest.raises(UserError) as error:
        check_files(sheet)
    assert str(error.value) == f"acquisition 'a1': slow file '{slow}' does not exist"
    check_files(sheet, made={slow})


def test_titles_are_split_from_the_microscopes_files() -> None:
    assert split_title("a.emd::BF") == ("a.emd", "BF")
    assert split_title("a.emd") == ("a.emd", None)
    row = Acquisition("a", "s", "test", "a.emd::BF", "a.emd::HAADF", log="t.csv", truth="a.npz")
    assert row.raw_files() == ["a.emd", "a.emd"]
