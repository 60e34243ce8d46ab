"""What frames are compared with: slow scan, integration and truth, moved onto each of them."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from stemjax.distortion.lag import Lag
from stemjax.distortion.map import DistortionMap
from stemjax.errors import Refused
from stemjax.evaluate.references import BORDER, References, chosen_frames, judged, load_references
from stemjax.sheet import Acquisition
from tests.handmade import PIXEL_NM, Handmade, canvas, straight, view
from tests.handmade import references as handmade_references

FIRST = 3  # frame of the final state
DRIFT = np.array([[0, 0], [2, -1], [-3, 4]])  # of the frames from there on
OFFSET = (2, -3)  # place of the integrated image in the slow scan
ROW = Acquisition("a", "s", "series", "a.emd")


def series(folder: Path, *, slow: bool = True) -> tuple[Path, Path, Path]:
    """Store six frames; the last three show the state that slow scan and integration show."""
    handmade, before, final = Handmade(folder), canvas(7), canvas(8)
    # Content moves by the drift, so the view moves against it; the map is off by two columns.
    rapid = [view(before)] * FIRST + [view(final, -y, -x - 2) for y, x in DRIFT]
    return (
        handmade.converted(
            "a", np.stack(rapid), view(final, *np.negative(OFFSET)) if slow else None
        ),
        handmade.dcfi("a", view(final, 0, -2), DRIFT, FIRST),
        handmade.map("s", straight(64, shift=2.0)),
    )


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> References:
    """Load all frames of the series."""
    return load_references(ROW, *series(tmp_path_factory.mktemp("series")), 6)


def error(image: np.ndarray | None, references: References, k: int) -> float:
    """Compare with a frame, as a share of its contrast."""
    assert image is not None
    frame = references.rapid[k][references.inside]
    return float(np.sqrt(np.mean((image[references.inside] - frame) ** 2)) / frame.std())


def test_the_slow_scan_lies_on_each_frame_of_the_final_state(references: References) -> None:
    assert references.index.tolist() == [0, 1, 2, 3, 4, 5]
    for k in range(FIRST, 6):
        assert error(references.slow[k], references, k) < 0.03
    assert error(references.slow[4], references, 5) > 0.5


def test_the_integration_lies_on_each_frame_of_the_final_state(references: References) -> None:
    for k in range(FIRST, 6):
        assert error(references.dcfi[k], references, k) < 1e-4
    assert error(references.dcfi[4], references, 5) > 0.5


def test_frames_before_the_final_state_have_neither(references: References) -> None:
    for k in range(FIRST):
        assert references.slow[k] is None
        assert references.dcfi[k] is None


def test_an_undistorted_frame_shows_a_column_where_the_map_says(references: References) -> None:
    rapid = view(canvas(8), 0, -2)
    left = (references.rapid[FIRST][:, :62] - rapid[:, 2:])[references.inside]
    # The lag's displacement, here none, is measured to a fiftieth of a pixel and taken off.
    assert left.std() < 0.03 * rapid.std()


def test_frames_and_integration_are_kept_as_recorded_too(references: References) -> None:
    for k in range(FIRST, 6):
        y, x = DRIFT[k - FIRST]
        np.testing.assert_array_equal(references.raw[k], view(canvas(8), -y, -x - 2))
        still = references.still[k]
        assert still is not None
        left = (still - references.raw[k])[references.inside]
        assert left.std() < 1e-4 * references.raw[k].std()
    assert references.still[0] is None
    assert references.integrated == len(DRIFT)
    assert references.pixel_size_nm == PIXEL_NM


def test_an_ideal_image_is_made_late_as_the_rapid_frame_is() -> None:
    """One decay of 3 px: each column is a moving average of those before it."""
    lag = Lag((3e-1, 3e-1 + 1e-9), (1.0, 0.0), 1e-6, 0.1)
    specimen = view(canvas(3)).astype(float)
    late = specimen @ handmade_references(specimen[None], lag=lag).as_rapid()
    expected = np.zeros_like(specimen)
    q = np.exp(-1 / 3)  # and a pixel's own electrons arrive evenly within it
    own, after = 1 - 3 * (1 - q), 3 * (1 - q) ** 2
    for x in range(64):
        shares = after * q ** np.arange(x)[::-1]
        expected[:, x] = own * specimen[:, x] + specimen[:, :x] @ shares
    np.testing.assert_allclose(late[:, 40:60], expected[:, 40:60], rtol=2e-3)


def test_without_a_map_the_lag_is_not_known() -> None:
    with pytest.raises(ValueError, match="lag is not known"):
        handmade_references(np.zeros((1, 64, 64)), mapped=False).as_rapid()


def test_without_slow_scan_and_truth_there_is_the_integration_alone(tmp_path: Path) -> None:
    references = load_references(ROW, *series(tmp_path, slow=False), 6)
    assert references.slow == references.truth == [None] * 6
    assert references.dcfi[5] is not None


def test_the_truth_is_that_of_each_frame(tmp_path: Path) -> None:
    clean = np.arange(6)[:, None, None] * np.ones((1, 64, 64), np.uint16)
    with h5py.File(tmp_path / "truth.h5", "w") as file:
        file["clean"] = clean
    row = Acquisition("a", "s", "series", "a.emd", truth=str(tmp_path / "truth.h5"))
    references = load_references(row, *series(tmp_path), 2)
    assert references.index.tolist() == [0, 3, 5]
    assert [None if t is None else t.mean() for t in references.truth] == [0, 3, 5]


def test_without_a_map_there_is_the_integration_alone_in_rapid_geometry(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "truth.h5", "w") as file:
        file["clean"] = np.ones((6, 64, 64), np.uint16)
    row = Acquisition("a", "s", "series", "a.emd", truth=str(tmp_path / "truth.h5"))
    paths = series(tmp_path)
    Handmade(tmp_path).refused("distortion/s.json", "no map")
    references = load_references(row, *paths, 6)
    assert references.geometry == "rapid"
    assert references.slow == references.truth == [None] * 6
    assert references.dcfi[:FIRST] == [None] * FIRST
    assert references.inside == (slice(BORDER, 64 - BORDER),) * 2
    for k in range(FIRST, 6):
        y, x = DRIFT[k - FIRST]
        raw = view(canvas(8), -y, -x - 2)
        np.testing.assert_array_equal(references.rapid[k], raw)
        np.testing.assert_allclose(
            references.dcfi[k][references.inside], raw[references.inside], rtol=1e-4
        )
        assert references.of_frame(k).keys() == {"dcfi"}
    assert references.of_frame(0) == {}


def test_with_a_map_the_slow_scan_comes_first_and_the_integration_is_no_reference(
    references: References,
) -> None:
    assert references.geometry == "slow"
    assert list(references.of_frame(5)) == ["slow"]
    assert list(replace(references, truth=references.slow).of_frame(5)) == ["slow", "truth"]
    assert references.of_frame(0) == {}


@pytest.mark.parametrize("stage", ["converted/a", "dcfi/a"])
def test_a_refusal_is_passed_on(tmp_path: Path, stage: str) -> None:
    paths = series(tmp_path)
    Handmade(tmp_path).refused(f"{stage}.json", "no good")
    with pytest.raises(Refused, match=r"^no good$"):
        load_references(ROW, *paths, 2)


def test_a_map_of_other_scan_settings_is_refused(tmp_path: Path) -> None:
    paths = series(tmp_path)
    Handmade(tmp_path).map("s", straight(64), height=48)
    with pytest.raises(Refused, match=r"a: its shape is \[64, 64\], that of the map of 's' \[48"):
        load_references(ROW, *paths, 2)


@pytest.mark.parametrize(
    ("count", "wanted", "final", "index"),
    [
        (11, 3, 0, [0, 5, 10]),
        (4, 10, 0, [0, 1, 2, 3]),
        (1, 5, 0, [0]),
        (10, 1, 0, [0]),
        (101, 3, 51, [0, 50, 51, 76, 100]),  # of all frames, and of the final state
        (6, 10, 3, [0, 1, 2, 3, 4, 5]),
        (60, 1, 10, [0, 10]),
    ],
)
def test_frames_are_chosen_evenly_and_once(
    count: int, wanted: int, final: int, index: list[int]
) -> None:
    assert chosen_frames(count, wanted, final).tolist() == index


@pytest.mark.parametrize("row_shift", [1.2, -1.2])
def test_what_the_rapid_scan_did_not_see_is_not_judged(row_shift: float) -> None:
    columns = np.arange(64.0)
    distortion = DistortionMap(columns, (columns >= 5) & (columns <= 50), row_shift, columns)
    edge = BORDER + 2
    assert judged(distortion, 48) == (slice(edge, 48 - edge), slice(5 + BORDER, 51 - BORDER))
