"""New files: what a scan proposes, what it leaves and why, and what it writes."""

import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dask.array as da
import h5py
import numpy as np
import pytest

from stemjax import arrivals
from stemjax.arrivals import Found, describe, find
from stemjax.cli import main
from stemjax.io.raw import RawImage
from stemjax.pairing import Scan, pair, stem
from stemjax.proposals import appended, propose
from stemjax.sheet import read_sheet
from stemjax.simulate.velox import ScanSettings, write_velox

ROOT = Path(__file__).parents[1]
NOON = 1_700_000_000
HEADER = "acquisition\tsession\trole\trapid\tslow\n"
RAPID = ScanSettings(
    dwell_us=0.1, line_time_us=30.0, pixel_size_nm=2.0, current_pa=50.0, started=NOON
)
SLOW = replace(RAPID, dwell_us=5.0, line_time_us=110.0)


def make(path: Path, settings: ScanSettings, frames: int, at: float = 0.0, size: int = 16) -> None:
    """Write a Velox file that was last changed `at` seconds after noon."""
    image = np.arange(size * size, dtype=np.uint16).reshape(size, size)
    write_velox(path, [image] * frames, settings)
    os.utime(path, (NOON + at, NOON + at))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an experiment's folder with two fields of view, one named oddly."""
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "raw/area-1_100ns.emd", RAPID, 3)
    make(tmp_path / "raw/area-1_5us.emd", SLOW, 1, 20)
    make(tmp_path / "raw/Fläche (2) $x_rapid.emd", RAPID, 3, 40)
    make(tmp_path / "raw/Fläche (2) $x_slow.emd", SLOW, 1, 60)
    return tmp_path


def a_scan(name: str, at: float = 0.0, **changed: object) -> Scan:
    """Describe rapid frames, or a slow scan where the name begins with ``s``."""
    rapid = not name.startswith("s")
    dwell = 0.1 if rapid else 5.0
    settings = (dwell, 30.0, 0.0, 16.0, 16.0)
    file = Path("raw", f"{name}.emd")
    about = (rapid, 50 if rapid else 1, (16, 16), 2.0, dwell, settings)
    return replace(Scan(file, str(file), float(at), *about), **changed)


def names(scans: list[Scan]) -> dict[str, str]:
    """Pair scans and name who belongs to whom."""
    return {r.file.stem: s.file.stem for r, s in pair(scans)[0].items()}


def test_rows_are_proposed_then_appended_then_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = (
        HEADER
        + "Flache-2-x\tsession-1\ttest\traw/Fläche (2) $x_rapid.emd\traw/Fläche (2) $x_slow.emd\n"
        + "area-1\tsession-1\ttest\traw/area-1_100ns.emd\traw/area-1_5us.emd\n"
    )
    assert main(["scan", "raw"]) == 0
    assert capsys.readouterr().out == expected
    assert not Path("acquisitions.tsv").exists()
    assert main(["scan", "raw", "--append"]) == 0
    assert capsys.readouterr().out == expected
    assert Path("acquisitions.tsv").read_text() == expected
    assert main(["scan", str(folder / "raw/../raw"), "--append"]) == 0
    assert capsys.readouterr() == ("", "no new rows\n")
    assert Path("acquisitions.tsv").read_text() == expected
    assert sorted(path.name for path in folder.iterdir()) == ["acquisitions.tsv", "raw"]


def test_a_sheet_keeps_its_columns_order_and_line_endings(folder: Path) -> None:
    before = (
        "slow\tlog\trapid\tacquisition\tsession\trole\r\n"
        "./raw/area-1_5us.emd::BF\t\traw/area-1_100ns.emd::BF\tFlache-2-x\tmonday\ttrain"
    )
    sheet = folder / "acquisitions.tsv"
    sheet.write_bytes(before.encode())
    sheet.chmod(0o640)
    assert main(["scan", "raw", "--append"]) == 0
    added = (
        "\r\nraw/Fläche (2) $x_slow.emd\t\traw/Fläche (2) $x_rapid.emd\t"
        "Flache-2-x-2\tmonday\ttest\r\n"
    )
    assert sheet.read_bytes().decode() == before + added
    assert sheet.stat().st_mode & 0o777 == 0o640


def test_a_sheet_may_lie_elsewhere_and_hold_only_its_header(folder: Path) -> None:
    (folder / "experiment").mkdir()
    sheet = folder / "experiment/sheet.tsv"
    sheet.write_text(HEADER)
    link = folder / "experiment/link.tsv"
    link.symlink_to(sheet)
    assert main(["scan", "raw", "--sheet", str(link), "--append"]) == 0
    assert link.is_symlink()
    assert read_sheet(sheet)["area-1"].rapid == str(folder / "raw/area-1_100ns.emd")


def test_sessions_share_their_scan_settings(folder: Path) -> None:
    make(folder / "raw/b_100ns.emd", replace(RAPID, rotation=0.5), 3, 4000)
    make(folder / "raw/b_5us.emd", SLOW, 1, 4001)
    make(folder / "raw/c_100ns.emd", replace(RAPID, pixel_size_nm=1.0), 3, 4000)
    make(folder / "raw/c_5us.emd", replace(SLOW, pixel_size_nm=1.0), 1, 4001)
    row = "known\tsession-1\ttest\traw/area-1_100ns.emd\traw/area-1_5us.emd\n"
    Path("acquisitions.tsv").write_text(HEADER + row)
    assert main(["scan", "raw", "--append"]) == 0
    found = {name: each.session for name, each in read_sheet("acquisitions.tsv").items()}
    assert found == {
        "known": "session-1",
        "Flache-2-x": "session-1",
        "b": "session-2",
        "c": "session-1",
    }


def test_options_override(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(folder / "raw/b_100ns.emd", replace(RAPID, rotation=0.5), 3, 4000)
    make(folder / "raw/b_5us.emd", SLOW, 1, 4001)
    assert main(["scan", "raw", "--append", "--role", "train", "--session", "monday"]) == 0
    rows = read_sheet("acquisitions.tsv").values()
    assert {(row.role, row.session) for row in rows} == {("train", "monday")}
    assert len(rows) == 2
    left = "raw/b_100ns.emd: left: its scan settings are not those of 'monday'"
    assert left in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("frames", "slow", "role", "expected"),
    [
        (499, True, None, "test"),
        (500, True, None, "series"),
        (500, False, None, "series"),
        (499, False, None, None),
        (499, False, "series", "series"),
        (500, False, "train", None),
    ],
)
def test_the_role_tells_a_series_from_a_field_at_rest(
    frames: int, slow: bool, role: str | None, expected: str | None
) -> None:
    scans = [a_scan("rapid-1", frames=frames), *([a_scan("slow-1")] if slow else [])]
    rows, remarks = propose(Found(scans), [], {}, role)
    assert [row["role"] for row in rows] == ([expected] if expected else [])
    assert [row["slow"] for row in rows] == (["raw/slow-1.emd" if slow else ""] if expected else [])
    if not expected:
        assert remarks == [f"raw/rapid-1.emd: left: {frames} rapid frames without a slow scan"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("area-1_100ns", "area-1_5us"),
        ("a_rapid", "a_slow"),
        ("rapid", "slow"),
        ("1714 BF 0.1 µs", "1714 BF 5 \N{GREEK SMALL LETTER MU}s"),
        ("fast.x", "x.SLOW"),
    ],
)
def test_names_that_differ_in_speed_only_have_one_stem(one: str, other: str) -> None:
    ours, theirs = stem(Path(f"{one}.emd")), stem(Path(f"{other}.emd"))
    assert ours.casefold() == theirs.casefold()


@pytest.mark.parametrize("other", ["area-10_5us", "area-1b_5us", "area-1_slowly", "area_5us"])
def test_other_names_have_other_stems(other: str) -> None:
    assert stem(Path(f"{other}.emd")) != stem(Path("area-1_100ns.emd"))


def test_names_go_before_times() -> None:
    scans = [a_scan("rapid-1", 0), a_scan("rapid-2", 100)]
    scans += [a_scan("slow-1", 101), a_scan("slow-2", 1)]
    assert names(scans) == {"rapid-1": "slow-1", "rapid-2": "slow-2"}
    assert names([a_scan("heating"), a_scan("heating_after", rapid=False, dwell_us=5.0)]) == {
        "heating": "heating_after"
    }


def test_times_tell_only_what_is_clearly_nearest() -> None:
    one, two = a_scan("1001", 0), a_scan("1003", 600)
    near, later = a_scan("s1002", 20), a_scan("s1004", 625)
    pairs, remarks = pair([one, two, near, later])
    assert pairs == {one: near, two: later}
    assert remarks[1] == (
        "raw/1003.emd: paired with raw/s1004.emd by time alone (25 s apart); check it"
    )
    assert names([one, replace(two, modified=60.0), near]) == {}  # twice as far is not clear
    assert names([one, replace(two, modified=85.0), near]) == {"1001": "s1002"}
    assert names([one, replace(two, modified=19.0), near]) == {"1003": "s1002"}
    assert names([one, replace(near, modified=3601.0)]) == {}
    assert names([one, replace(near, file=Path("other/s1002.emd"))]) == {}
    assert names([replace(one, modified=20.0), replace(two, modified=20.0), near]) == {}


@pytest.mark.parametrize(
    "unlike",
    [{"shape": (16, 8)}, {"pixel_size_nm": 2.1}, {"pixel_size_nm": None}, {"dwell_us": 0.1}],
)
def test_scans_of_other_size_or_speed_are_no_pair(unlike: dict[str, object]) -> None:
    assert names([a_scan("rapid-1"), a_scan("slow-1")]) == {"rapid-1": "slow-1"}
    assert names([a_scan("rapid-1"), a_scan("slow-1", **unlike)]) == {}
    rows, remarks = propose(Found([a_scan("slow-1")]), [], {})
    assert not rows
    assert remarks[0].startswith("raw/slow-1.emd: left over: a slow scan without rapid frames")


def test_two_candidates_of_one_name_are_the_users_to_tell_apart() -> None:
    scans = [a_scan("rapid-1", frames=600), a_scan("slow-1"), a_scan("slow-1_5us")]
    rows, remarks = propose(Found(scans), [], {})
    assert not rows
    unlike = a_scan("slow-1_1us", shape=(8, 8))
    rows, remarks = propose(Found([*scans, unlike]), [], {})
    assert remarks[0] == (
        "raw/rapid-1.emd: left: its slow scan may be raw/slow-1.emd or raw/slow-1_5us.emd; "
        "write its row by hand"
    )


def test_a_pair_by_time_waits_for_what_is_being_copied() -> None:
    found = Found([a_scan("1001"), a_scan("s1002", 20)])
    assert len(propose(found, [], {})[0]) == 1
    found.copying.append(Path("raw/1000.emd"))
    rows, remarks = propose(found, [], {})
    assert not rows
    assert remarks[1] == (
        "raw/s1002.emd: left over: its rapid frames may be raw/1000.emd, which cannot be used yet"
    )


def test_ids_are_valid_and_unique() -> None:
    stems = ["rapid ..é..1", "rapid", "rapid e.1", "100ns !!", "-a-_100ns"]
    scans = [a_scan(name, frames=600, file=Path(f"/试/{name}.emd")) for name in stems]
    rows, _ = propose(Found(scans), ["a"], {})
    found = [row["acquisition"] for row in rows]
    assert found == ["e.1", "acquisition", "e.1-2", "acquisition-2", "a-2"]


def test_files_without_dwell_time_or_pixel_size_are_left() -> None:
    scans = [a_scan("rapid-1", settings=None, frames=600)]
    scans += [a_scan("rapid-2", pixel_size_nm=None, frames=600)]
    assert propose(Found(scans), [], {}) == (
        [],
        [
            "raw/rapid-1.emd: left: it says no dwell time; write its row by hand",
            "raw/rapid-2.emd: left: it says no pixel size; write its row by hand",
        ],
    )


@pytest.mark.parametrize(("age", "copying"), [(0, True), (9, True), (11, False), (-9, True)])
def test_a_file_changed_a_moment_ago_is_left(folder: Path, age: float, copying: bool) -> None:
    files = [Path("raw/area-1_100ns.emd")]
    found = describe(files, Path(), now=float(NOON + age))
    assert (found.copying, len(found.scans)) == ((files, 0) if copying else ([], 1))


def test_a_file_that_grows_while_it_is_looked_at_is_left(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grow(path: Path) -> list[RawImage]:
        images = read(path)
        with open(path, "ab") as file:
            file.write(b"more")
        os.utime(path, (NOON, NOON))  # as some programs do that copy
        return images

    read = arrivals.read_images
    monkeypatch.setattr(arrivals, "read_images", grow)
    found = describe([Path("raw/area-1_100ns.emd")], Path(), now=NOON + 999.0)
    assert found.scans == []
    assert found.remarks == [
        "raw/area-1_100ns.emd: left for the next scan: it is still being copied"
    ]


def test_what_is_being_copied_is_waited_for(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: NOON + 65.0)  # the last file is 5 s old
    make(folder / "raw/heating.emd", RAPID, 3)
    assert main(["scan", "raw", "--append", "--role", "series"]) == 0
    assert set(read_sheet("acquisitions.tsv")) == {"area-1"}
    said = capsys.readouterr().err
    waits = "its slow scan may be raw/Fläche (2) $x_slow.emd, which cannot be used yet"
    assert f"raw/heating.emd: left: {waits}\n" in said
    monkeypatch.setattr("time.time", lambda: NOON + 85.0)
    assert main(["scan", "raw", "--append", "--role", "series"]) == 0
    assert set(read_sheet("acquisitions.tsv")) == {"area-1", "heating", "Flache-2-x"}


def test_a_truncated_file_is_left_and_so_is_its_partner(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = folder / "raw/area-1_5us.emd"
    bad.write_bytes(bad.read_bytes()[:-5000])
    os.utime(bad, (NOON, NOON))
    assert main(["scan", "raw", "--append", "--role", "series"]) == 0
    assert set(read_sheet("acquisitions.tsv")) == {"Flache-2-x"}
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("raw/area-1_5us.emd: left for the next scan: cannot be read")
    assert said[1] == (
        "raw/area-1_100ns.emd: left: its slow scan may be raw/area-1_5us.emd, which cannot be "
        "used yet"
    )


@pytest.mark.parametrize(
    ("images", "title", "cells"),
    [
        ([("BF", 9, 0.1), ("Slow BF", 1, 5.0), ("DCFI", 1, 0.1)], None, ("::BF", "::Slow BF")),
        ([("BF", 600, 0.1), ("HAADF", 600, 0.1)], "HAADF", ("::HAADF", "")),
        ([("BF", 600, 0.1)], "HAADF", ("", "")),
        ([("BF", 600, 0.1), ("HAADF", 600, 0.1)], None, None),
        ([("BF", 600, 0.1), ("BF", 1, 5.0)], None, ("::BF#1", "::BF#2")),
        ([("BF", 600, 0.1), ("dark", 600, 0.1)], None, ("::BF", "")),
        ([("DCFI", 1, 0.1)], None, None),
    ],
)
def test_a_file_may_hold_several_images(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    images: list[tuple[str, int, float]],
    title: str | None,
    cells: tuple[str, str] | None,
) -> None:
    make(tmp_path / "a.emd", RAPID, 1)
    (real,) = arrivals.read_images(tmp_path / "a.emd")
    several = [
        replace(real, title=name, frames=da.full((n, 8, 8), name != "dark"), dwell_us=dwell)
        for name, n, dwell in images
    ]
    monkeypatch.setattr("stemjax.io.raw.read_images", lambda path: several)
    monkeypatch.setattr(arrivals, "read_images", lambda path: several)
    found = describe([tmp_path / "a.emd"], tmp_path, now=0.0, title=title)
    rows, _ = propose(found, [], {})
    if cells is None:
        assert (rows, found.broken) == ([], [tmp_path / "a.emd"])
    else:
        slow = f"a.emd{cells[1]}" if cells[1] else ""
        assert [(row["rapid"], row["slow"]) for row in rows] == [(f"a.emd{cells[0]}", slow)]


@pytest.mark.parametrize(
    "name", ["a::b.emd", "a\nb.emd", "a\u2028b.emd", " a /b.emd", "\udcff.emd"]
)
def test_a_name_that_no_sheet_can_hold_is_left(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    found = describe([tmp_path / name], tmp_path, now=0.0)
    reason = "left for the next scan: its name cannot be written in a sheet; rename it"
    assert found.remarks == [f"{tmp_path / name}: {reason}"]


def test_raw_files_are_found_in_order_but_not_in_results(tmp_path: Path) -> None:
    wanted = ["a/2.emd", "a/10.TIFF", "b.zarr", "c.dm4"]
    for name in (*wanted, "d.csv", ".e.emd", ".f/g.emd", "results/h.emd", "b.zarr/i.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if name != "b.zarr":
            (tmp_path / name).touch()
    found = find(tmp_path, tmp_path / "results")
    assert [str(path.relative_to(tmp_path)) for path in found] == wanted


def test_cells_with_quotes_come_back_as_they_were(tmp_path: Path) -> None:
    cells = dict(acquisition="a", session="s", role="test", rapid='"x" \ty', slow="z")
    (tmp_path / "sheet.tsv").write_bytes(appended(b"", [cells]))
    assert read_sheet(tmp_path / "sheet.tsv")["a"].rapid == str(tmp_path / '"x" \ty')


@pytest.mark.parametrize(
    ("options", "spoil", "message"),
    [
        (["nowhere"], None, "nowhere: not a folder"),
        (["raw", "--role", "judge"], None, "argument --role: invalid choice: 'judge'"),
        (["raw", "--session", "a/b"], None, "session 'a/b': letters, digits"),
        ([], None, "the following arguments are required: RAW_DIR"),
        (["raw"], lambda p: p.write_text("id\n"), "acquisitions.tsv: no column 'acquisition'"),
        (["raw"], lambda p: p.write_bytes(b"\xff\n\xff"), "acquisitions.tsv: not a UTF-8 file"),
        (["raw"], lambda p: p.mkdir(), "acquisitions.tsv: cannot read the sheet"),
        (["raw", "--sheet", "raw/area-1_5us.emd/x", "--append"], None, "raw/area-1_5us.emd/x: "),
    ],
)
def test_a_mistake_is_told_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    spoil: Callable[[Path], object] | None,
    message: str,
) -> None:
    if spoil:
        spoil(folder / "acquisitions.tsv")
    assert main(["scan", *options]) == 1
    out, said = capsys.readouterr()
    assert (out, said.count("\n")) == ("", 1)
    assert said.startswith(f"error: {message}")


def test_the_command_is_installed_and_needs_no_jax(folder: Path) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["stemjax"].split(":")
    assert getattr(importlib.import_module(module), function) is main
    code = "import sys; from stemjax.cli import main; "
    code += "print(main(['scan', 'raw']), 'jax' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_a_file_that_hdf5_has_not_closed_is_left(tmp_path: Path) -> None:
    copy = tmp_path / "copy.emd"
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["Version"] = "x" * 9999
        copy.write_bytes((tmp_path / "whole.h5").read_bytes())
    found = describe([copy], tmp_path, now=0.0)
    assert (found.broken, found.scans) == ([copy], [])
