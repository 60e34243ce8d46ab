"""Logs of experiments: what temperature belongs to which frame."""

import time
from pathlib import Path

import numpy as np
import pytest

from stemjax.errors import Refused
from stemjax.report.log import temperatures

SECONDS = np.array([-1.0, 0.0, 0.5, 3.0, 4.0, 4.5])
DEGREES = [np.nan, 100.0, 110.0, 150.0, 150.0, np.nan]  # from 100 to 140, then to 150 in 1 s
BEGAN = 1_700_000_000.0  # 2023-11-14T22:13:20Z

LOGS = {
    "simulated": "time_s,temperature_C\n0,100\n2,140\n3,150\n4,150\n",
    "brackets": "Time (s),Power,Temperature [°C]\n0,1,100\n2,1,140\n3,1,150\n4,1,150\n",
    "semicolons": "t / s;T / K\n0,0;373,15\n2,0;413,15\n3;423,15\n4;423,15\n",
    "tabs": "Temp (°F)\tTime (min)\n212\t0\n284\t0.0333333333\n302\t0.05\n302\t0.0666666667\n",
    "preamble": "Heating holder 5\n\nTime,Temperature\ns,C\n0,100\n2,140\n3,150\n4,150\n\n",
    "milliseconds": "time_ms,temp_c\n0,100\n2000,140\n3000,150\n4000,150\n",
    "set point": "time_s,setpoint temperature,temperature\n0,9,100\n2,9,140\n3,9,150\n4,9,150\n",
    "room": "Time;Ambient Temp (C);Temp (C)\n0;20;100\n2;20;140\n3;20;150\n4;20;150\n",
    "empty column": "time_s,temperature_A,temperature_B\n0,,100\n2,,140\n3,,150\n4,,150\n",
    "unsorted": "time_s,temperature_C\n3,150\n0,100\n4,150\n2,140\n1,nan\n,7\nend\n",
    "quoted": '"Time (s)","Temperature (°C)"\n"0","100"\n"2","140"\n"3","150"\n"4","150"\n',
    "epoch": "timestamp,temperature\n1700000000,100\n1700000002,140\n1700000003,150\n"
    "1700000004,150\n",
    "dates": "Date;T [°C]\n2023-11-14 22:13:20Z;100\n2023-11-14T22:13:22.000Z;140\n"
    "2023-11-14 23:13:23+01:00;150\n2023-11-14T22:13:24Z;150\n",
}


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a log."""
    path = folder / "log.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("kind", LOGS)
def test_the_temperature_is_interpolated_within_what_was_logged(kind: str, tmp_path: Path) -> None:
    found, warnings = temperatures(written(tmp_path, LOGS[kind]), SECONDS, BEGAN)
    np.testing.assert_allclose(found, DEGREES, atol=1e-4)
    assert warnings == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_the_degree_sign_is_read_as_instruments_write_it(encoding: str, tmp_path: Path) -> None:
    found, _ = temperatures(written(tmp_path, LOGS["brackets"], encoding), SECONDS, None)
    np.testing.assert_allclose(found, DEGREES)


def test_dates_without_a_zone_are_this_computers_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "date,temperature\n2023-11-15 07:13:20,100\n2023-11-15 07:13:22,140\n")
    with monkeypatch.context() as context:
        context.setenv("TZ", "UTC-9")  # nine hours east, as in Japan
        time.tzset()
        found, warnings = temperatures(path, SECONDS[1:3], BEGAN)
    time.tzset()
    np.testing.assert_allclose(found, DEGREES[1:3])
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{path}: names no time zone, so this computer's (+0900)")


def test_a_log_of_another_hour_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "time_s,temperature_C\n3600,100\n3700,200\n")
    found, warnings = temperatures(path, SECONDS, None)
    assert np.isnan(found).all()
    assert warnings[0].startswith(f"{path}: logs 3600 to 3700 s after the first frame, none of")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no line names a column"),
        (b"\x00\x01\x02\xff\xfe\r\x00", "no line names a column"),
        (b"0,100\n1,110\n", "no line names a column"),
        (b"time_s,pressure\n0,1\n", "no line names a column"),
        (b"time_s,temperature_C\n", "'time_s' holds neither seconds nor dates"),
        (b"time,temperature\n12:00:00,90\n", "'time' holds neither seconds nor dates"),
        (b"time_s,temperature\n0,cold\n", "'temperature' holds no numbers"),
        (b"time_s,temperature\n0,\n,90\n", "no line gives both"),
        (b"time (weeks),temperature\n0,90\n", "'time (weeks)' is of an unknown unit"),
        (b"time,temperature (V)\n0,90\n", "'temperature (V)' is of an unknown unit"),
        (b"time,temperature\n1700000000,90\n", "does not say when the acquisition began"),
        (b"time,temperature\n2023-11-14T22:13:20Z,90\n", "does not say when the acquisition"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        temperatures(path, SECONDS, None)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert reason in line
    assert "\n" not in line
    assert line.endswith("write columns time_s, seconds since the first frame, and temperature_C")


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"gone\.csv: cannot be read: No such file"):
        temperatures(tmp_path / "gone.csv", SECONDS, None)
