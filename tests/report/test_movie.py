"""Movies and contact sheets: what a player shows of a series, and how large the file is."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import zarr
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from stemjax.errors import Refused
from stemjax.io.store import open_store
from stemjax.report import video
from stemjax.report.movie import render_movie
from stemjax.report.panels import captions, make_panel, picture, scale_bar, strip, zoom
from stemjax.report.video import choose_pace, write_video
from tests.handmade import PIXEL_NM, Handmade

GAP, STRIP = 8, 32  # the layout, pixels


def ffmpeg(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the encoder's own decoder."""
    return subprocess.run([get_ffmpeg_exe(), *map(str, arguments)], capture_output=True)


def decoded(path: Path) -> tuple[str, np.ndarray]:
    """Decode a movie: what its head says, and its frames (t, y, x)."""
    head = ffmpeg("-i", path).stderr.decode()
    width, height = map(int, re.findall(r" (\d+)x(\d+)[ ,]", head)[0])
    content = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-").stdout
    return head, np.frombuffer(content, np.uint8).reshape(-1, height, width)


def steps(levels: list[int], height: int = 40, width: int = 40) -> np.ndarray:
    """Make frames whose upper half is of one level each; the lower half is 0 and 1000 always."""
    frames = np.zeros((len(levels), height, width), np.uint16)
    frames[:, : height // 2] = np.array(levels)[:, None, None]
    frames[:, height // 2 :, width // 2 :] = 1000
    return frames


def experiment(folder: Path, rapid: np.ndarray, restored: np.ndarray) -> list[Path]:
    """Store a series as the stages before leave it; give converted and restored record."""
    handmade = Handmade(folder)
    return [handmade.converted("heat", rapid), handmade.restored("dlf", "heat", restored)]


def test_each_frame_is_shown_beside_its_restoration_in_one_contrast(tmp_path: Path) -> None:
    """20 frames of 50 ms at 20 a second; 40 px wide frames are shown 16 times as large."""
    rapid = [0, 1000, 250, 750] * 5
    restored = [500] * 10 + [200] * 10
    inputs = experiment(tmp_path, steps(rapid), 10 * steps(restored))
    made = render_movie(*inputs, None, tmp_path / "movies/heat.json")
    head, frames = decoded(tmp_path / "movies/heat.mp4")
    assert re.search(r"Video: h264 .*yuv420p.* 20 fps", head)
    assert "Duration: 00:00:01.00" in head
    assert frames.shape == (20, 640 + 2 * STRIP, 2 * 640 + 3 * GAP)
    assert (made["frames"], made["seconds"], made["fps"], made["speed"]) == (20, 1.0, 20.0, 1.0)
    left, right = (
        frames[:, STRIP:-STRIP, GAP:][..., :640],
        frames[:, STRIP:-STRIP, -GAP - 640 : -GAP],
    )
    for panel, levels in ((left, rapid), (right, restored)):
        upper = panel[:, 20:300, 20:620].mean(axis=(1, 2))
        np.testing.assert_allclose(upper, 255 * np.array(levels) / 1000, atol=4)
        assert panel[:, 340:620, 340:620].mean(axis=(1, 2)) == pytest.approx(255, abs=4)
        assert panel[:, 340:620, 20:300].mean(axis=(1, 2)) == pytest.approx(0, abs=4)
    assert made["bytes"] == (tmp_path / "movies/heat.mp4").stat().st_size
    assert sorted(path.name for path in (tmp_path / "movies").iterdir()) == ["heat.mp4", "heat.png"]


def test_a_movie_starts_to_play_while_it_is_loaded(tmp_path: Path) -> None:
    inputs = experiment(tmp_path, steps([0, 500]), steps([0, 500]))
    render_movie(*inputs, None, tmp_path / "heat.json")
    content = (tmp_path / "heat.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("shape", [(33, 47), (400, 321), (1301, 1287), (3, 641), (700, 60)])
def test_any_size_of_frame_is_shown_whole(shape: tuple[int, int], tmp_path: Path) -> None:
    frames = steps([700, 300, 500], *shape)
    inputs = experiment(tmp_path, frames, frames)
    render_movie(*inputs, None, tmp_path / "heat.json")
    _, shown = decoded(tmp_path / "heat.mp4")
    scale = zoom(shape, 640)
    height, width = (int(np.ceil(n * scale)) for n in shape)
    assert max(height, width) <= 640
    assert shown.shape[1] == height + height % 2 + 2 * STRIP
    assert shown.shape[2] >= 2 * width + 3 * GAP
    left = shown[:, STRIP : STRIP + height, GAP : GAP + width]
    last = left[:, -max(1, height // 8) :, -max(1, width // 8) :].mean(axis=(1, 2))
    assert last == pytest.approx(255, abs=30)  # the corner at the lower right


def test_large_frames_are_averaged_and_small_ones_enlarged() -> None:
    checks = np.indices((1282, 1281)).sum(axis=0) % 2 * 200.0
    shown = picture(checks, (0.0, 200.0), 640)
    assert shown.shape == (428, 427)  # by three
    assert set(np.unique(shown[:-1, :-1])) <= {113, 142}  # 4 or 5 of 9
    np.testing.assert_array_equal(
        picture(np.array([[0.0, 1.0], [2.0, 4.0]]), (0.0, 2.0), 5),
        np.array([[0, 0, 128, 128]] * 2 + [[255] * 4] * 2),
    )


def test_contrast_comes_from_frames_of_the_whole_series() -> None:
    """Half a percent of the darkest and brightest pixels are left out."""
    frames = np.zeros((1000, 10, 20))
    frames[:] = np.linspace(0, 999, 1000)[:, None, None]
    frames[500:, 0, 0] = 1e6  # single pixels
    low, high = make_panel("a", frames, 640).grey
    assert (low, high) == (0.0, 999.0)


@pytest.mark.parametrize(
    ("frames", "frame_time_s", "pace"),
    [
        (100, 0.05, (1, 20.0, 1.0)),
        (2500, 1 / 30, (1, 30.0, 1.0)),
        (100, 0.02, (2, 25.0, 1.0)),
        (100, 0.001, (34, 29.412, 1.0)),
        (100, 0.2, (1, 5.0, 1.0)),
        (100, 2.0, (1, 5.0, 10.0)),
        (30_000, 0.05, (10, 20.0, 10.0)),
    ],
)
def test_a_movie_is_in_real_time_where_that_can_be_watched(
    frames: int, frame_time_s: float, pace: tuple[int, float, float]
) -> None:
    chosen = choose_pace(frames, frame_time_s)
    assert (chosen.step, chosen.fps, chosen.speed) == pace


def test_frames_too_fast_for_a_screen_are_left_out_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 frames at 12 ms: every third one, across the shards that they are read by."""
    monkeypatch.setattr("tests.handmade.FRAME_S", 0.012)
    levels = (np.arange(120) * 8 % 1000).tolist()
    inputs = experiment(tmp_path, steps(levels), steps(levels))
    made = render_movie(*inputs, None, tmp_path / "heat.json")
    head, frames = decoded(tmp_path / "heat.mp4")
    assert " 27.78 fps" in head
    assert (len(frames), made["frames"], made["speed"]) == (40, 40, 1.0)
    upper = frames[:, STRIP + 20 : STRIP + 300, -600:-20].mean(axis=(1, 2))
    np.testing.assert_allclose(upper, 255 * np.array(levels[::3]) / 1000, atol=6)


@pytest.mark.parametrize("frames", [60, 300])
def test_pure_noise_stays_below_the_limit(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As hard as 3,000 frames of two panels of 640 pixels are for 20 MB."""
    shape = (160, 304)
    limit = int(20e6 * frames / 3000 * np.prod(shape) / (704 * 1304))
    monkeypatch.setattr(video, "LARGEST_FILE", limit)
    rng = np.random.default_rng(0)
    noise = (rng.integers(0, 256, shape, np.uint8) for _ in range(frames))
    noisy = (GAP, STRIP, 140, 96)
    write_video(tmp_path / "a.mp4", noise, shape, frames, 20.0, noisy=noisy, threads=2)
    assert 0.3 * limit < (tmp_path / "a.mp4").stat().st_size <= limit
    assert len(decoded(tmp_path / "a.mp4")[1]) == frames


def test_the_limit_is_what_was_asked_for() -> None:
    assert video.LARGEST_FILE == 20_000_000


def test_a_movie_that_was_not_finished_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("earlier")

    def broken():
        yield np.zeros((32, 32), np.uint8)
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        write_video(path, broken(), (32, 32), 9, 20.0, noisy=(0, 0, 16, 16), threads=1)
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_text() == "earlier"


def test_an_encoder_that_fails_is_noticed(tmp_path: Path) -> None:
    """Half a picture is none: it finishes a file in which nothing is."""
    half = [np.zeros((16, 32), np.uint8)]
    with pytest.raises(OSError, match="the encoder left no movie"):
        write_video(tmp_path / "a.mp4", half, (32, 32), 9, 20.0, noisy=(0, 0, 16, 16), threads=1)
    assert list(tmp_path.iterdir()) == []


def test_time_and_temperature_are_written_in_units_that_suit() -> None:
    def plain(seconds: list[float], celsius: list[float] | None = None) -> list[list[str]]:
        degrees = None if celsius is None else np.array(celsius)
        return [text.split() for text in captions(np.array(seconds), degrees)]

    assert plain([0.0, 0.0366, 0.5]) == [["0", "ms"], ["37", "ms"], ["500", "ms"]]
    assert plain([0.0, 4.126]) == [["0.00", "s"], ["4.13", "s"]]
    assert plain([9.96, 12.3], [99.6, np.nan]) == [["10.0", "s", "100", "°C"], ["12.3", "s"]]
    aligned = captions(np.array([0.0, 9.9, 123.4]), np.array([5.0, 90.0, 1215.0]))
    assert len({len(text) for text in aligned}) == 1


def test_texts_fit_their_place_and_the_degree_sign_is_drawn() -> None:
    assert strip(200, "12.3 s 215 °C").any()
    assert (strip(200, "°") != strip(200, "\uffff")).any()
    long = strip(120, "a-model-with-a-name-that-nobody-wants-to-read-to-its-end")
    assert long.shape == (STRIP, 120)
    assert not long[:, -6:].any()
    assert long[:, 60:110].any()


@pytest.mark.parametrize(
    ("shape", "nm"), [((512, 512), 200), ((100, 100), 50), ((2000, 1999), 1000)]
)
def test_the_scale_bar_is_as_long_as_it_says(shape: tuple[int, int], nm: int) -> None:
    line = scale_bar(640, shape, 640, PIXEL_NM)
    shown = nm / PIXEL_NM * float(zoom(shape, 640))
    middle = line[STRIP // 2]
    assert int(np.argmin(middle)) == pytest.approx(shown, abs=0.5)
    np.testing.assert_array_equal(line[:, round(shown) + GAP :][:, :200], strip(200, f"{nm} nm"))


def test_the_contact_sheet_shows_first_and_last_frame(tmp_path: Path) -> None:
    """Six tiles of 320 px, frames 0, 4 ... 19 of 20; rapid above restored."""
    rapid, restored = [0] * 19 + [1000], [600] * 19 + [300]
    inputs = experiment(tmp_path, steps(rapid), steps(restored))
    render_movie(*inputs, None, tmp_path / "heat.json")
    with Image.open(tmp_path / "heat.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape == (2 * 320 + 4 * STRIP, 6 * 320 + 7 * GAP)
    for top, levels in ((STRIP, [0] * 5 + [1000]), (320 + 2 * STRIP, [600] * 5 + [300])):
        for k, level in enumerate(levels):
            left = GAP + k * (320 + GAP)
            tile = sheet[top : top + 160, left : left + 320]
            assert np.unique(tile).tolist() == [round(255 * level / 1000)]
            assert sheet[-2 * STRIP : -STRIP, left : left + 320].any()


@pytest.mark.parametrize("frames", [1, 2])
def test_a_series_of_few_frames_has_movie_and_sheet(frames: int, tmp_path: Path) -> None:
    inputs = experiment(tmp_path, steps([500] * frames), steps([500] * frames))
    assert render_movie(*inputs, None, tmp_path / "heat.json")["frames"] == frames
    assert len(decoded(tmp_path / "heat.mp4")[1]) == frames
    with Image.open(tmp_path / "heat.png") as image:
        assert image.width >= 480


def captioned(folder: Path, log: Path | None, **about: object) -> tuple[np.ndarray, list[str]]:
    """Give the caption of the last picture (100 ms after the first) and the record's warnings."""
    inputs = experiment(folder, steps([0, 500, 0]), steps([0, 500, 0]))
    _, said = open_store(inputs[0].with_suffix(".zarr"))
    if about:
        store = zarr.open_group(inputs[0].with_suffix(".zarr"), mode="a")
        store.attrs["stemjax"] = {**said, **about}
    made = render_movie(*inputs, log, folder / "heat.json")
    _, frames = decoded(folder / "heat.mp4")
    return frames[-1, -STRIP:, GAP : GAP + 300], made["warnings"]


def test_the_caption_is_the_temperature_of_the_frame(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("time_s,temperature_C\n0,200\n0.2,230\n")
    shown, warnings = captioned(tmp_path, log)
    assert warnings == []
    texts = captions(np.array([0.0, 0.05, 0.1]), np.array([200.0, 207.5, 215.0]))
    assert texts[-1].split() == ["100", "ms", "215", "°C"]
    np.testing.assert_allclose(shown.astype(float), strip(300, texts[-1]), atol=60)


def test_absolute_times_count_from_what_the_microscope_wrote(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("time_s,temperature_C\n1700000000,200\n1700000000.2,230\n")
    velox = {"Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1700000000"}}}
    shown, warnings = captioned(tmp_path, log, vendor={"rapid": velox})
    assert warnings == []
    texts = captions(np.array([0.0, 0.05, 0.1]), np.array([200.0, 207.5, 215.0]))
    np.testing.assert_allclose(shown.astype(float), strip(300, texts[-1]), atol=60)


@pytest.mark.parametrize(
    "vendor",
    [{}, {"Acquisition": 3}, {"Acquisition": {"AcquisitionStartDatetime": {"DateTime": "0"}}}],
)
def test_a_log_that_cannot_be_read_costs_the_temperature_only(vendor: dict, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("time_s,temperature_C\n1700000000,200\n1700000000.2,230\n")
    shown, warnings = captioned(tmp_path, log, vendor={"rapid": vendor})
    assert [line.partition(": ")[0] for line in warnings] == [str(log)]
    assert "does not say when" in warnings[0]
    np.testing.assert_allclose(shown.astype(float), strip(300, "100 ms"), atol=60)


def test_a_refusal_is_handed_on(tmp_path: Path) -> None:
    inputs = experiment(tmp_path, steps([0, 500]), steps([0, 500]))
    handmade = Handmade(tmp_path)
    handmade.refused("restored/dlf/heat.json", "3.emd: cut off")
    with pytest.raises(Refused, match=r"3\.emd: cut off"):
        render_movie(*inputs, None, tmp_path / "heat.json")
    handmade.restored("dlf", "heat", steps([0, 500]))
    handmade.refused("converted/heat.json", "other")
    with pytest.raises(Refused, match="other"):
        render_movie(*inputs, None, tmp_path / "heat.json")
