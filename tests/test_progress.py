"""Progress lines on a clock of our own."""

from types import SimpleNamespace

import pytest

from stemjax.progress import duration, track


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (7.4, "7 s"),
        (59.6, "1 min 00 s"),
        (125.0, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (3725.0, "1 h 02 min"),
        (90_000.0, "25 h 00 min"),
    ],
)
def test_durations_are_rounded_to_what_people_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def clock(monkeypatch: pytest.MonkeyPatch, *times: float) -> None:
    """Let the progress lines see these times, one per look at the clock."""
    fake = SimpleNamespace(monotonic=iter(times).__next__)
    monkeypatch.setattr("stemjax.progress.time", fake)


def test_time_left_is_that_of_an_even_pace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The second item follows the first too soon for a line.
    clock(monkeypatch, 100.0, 110.0, 112.0, 130.0, 140.0, 140.0)
    assert list(track("abcd", 4, "convert")) == list("abcd")
    assert capsys.readouterr().err.splitlines() == [
        "convert: 1/4, about 30 s left",
        "convert: 3/4, about 10 s left",
        "convert: 4/4 in 40 s",
    ]


def test_nothing_to_do_is_told_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock(monkeypatch, 0.0, 0.0)
    assert list(track([], 0, "restore")) == []
    assert capsys.readouterr().err == "restore: 0/0 in 0 s\n"
