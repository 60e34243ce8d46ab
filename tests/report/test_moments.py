"""When and how hot each frame was."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.report.moments import frame_seconds, frame_temperatures

VELOX = {"rapid": {"Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1700000000"}}}}
DATED = "time_s,temperature_C\n1700000000,200\n1700000002,240\n"


def test_times_begin_with_the_first_frame() -> None:
    np.testing.assert_allclose(frame_seconds(4, {"frame_time_s": 0.05}), [0, 0.05, 0.1, 0.15])


def test_temperatures_are_joined_by_when_the_acquisition_began(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(DATED)
    celsius, warnings = frame_temperatures(str(log), np.array([0.0, 1.0, 2.0]), {"vendor": VELOX})
    assert warnings == []
    np.testing.assert_allclose(celsius, [200, 220, 240])


@pytest.mark.parametrize("vendor", [{}, {"rapid": {"Acquisition": {}}}, {"rapid": {}}])
def test_a_log_that_cannot_be_joined_is_told_and_no_temperature_invented(
    tmp_path: Path, vendor: dict[str, object]
) -> None:
    log = tmp_path / "log.csv"
    log.write_text(DATED)
    celsius, warnings = frame_temperatures(str(log), np.zeros(1), {"vendor": vendor})
    assert celsius is None
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{log}: gives dates")


def test_without_a_log_there_is_nothing_to_tell() -> None:
    assert frame_temperatures("", np.zeros(2), {}) == (None, [])
