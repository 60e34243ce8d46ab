"""Restoring a series in units: what is computed, when, and that the result is the same."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05.image import Image

from stemjax.errors import Refused
from stemjax.restore import unit
from stemjax.restore.frames import bind, load_network
from stemjax.restore.series import Inputs, Means, restore_acquisition
from tests.handmade import FRAME_S, PIXEL_NM, Handmade, settings, straight

SIZE = 16
UNIT = 50
SCALE = {
    "rapid_offset": 30_000.0,
    "rapid_scale": 8_000.0,
    "target_offset": 25_000.0,
    "target_scale": 6_000.0,
}
FRAMES = np.random.default_rng(3).integers(20_000, 40_000, (130, SIZE, SIZE)).astype(np.uint16)
MAP = straight(SIZE, shift=2.0)


class Series:
    """A series to restore, how often it is done, and which units that took."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.handmade = Handmade(folder)
        self.store = self.handmade.results / "restored/m/a.zarr"
        self.computed: list[int] = []
        self.fault: Callable[[], None] | None = None
        made_ready = unit._restore

        def counted(*made_for: Any) -> Callable[..., np.ndarray]:
            restore = made_ready(*made_for)

            def count(raw: np.ndarray, inside: slice) -> np.ndarray:
                if self.fault is not None and len(self.computed) == 2:
                    self.fault()
                self.computed.append(inside.stop - inside.start)
                return restore(raw, inside)

            return count

        monkeypatch.setattr(unit, "_restore", counted)
        self.inputs = Inputs(
            converted=self.record(FRAMES),
            distortion=self.handmade.map("s", MAP),
            model=self.model(correct=True),
        )

    def model(self, *, correct: bool) -> Path:
        """Write a network for undistorted frames, or for frames as recorded."""
        return self.handmade.model("m", settings(correct=correct), SCALE, last=0.1)

    def record(self, frames: np.ndarray) -> Path:
        """Convert these frames, in the place of earlier ones."""
        return self.handmade.converted("a", frames)

    def run(self, code: str = "code") -> tuple[dict[str, Any], list[int]]:
        """Restore; gives the record and how many frames each computed unit had, longest first."""
        self.computed.clear()
        record = restore_acquisition(self.inputs, self.store, code)
        return record, sorted(self.computed, reverse=True)

    def array(self) -> np.ndarray:
        """Read the restored frames."""
        return zarr.open_group(self.store, mode="r")["0"][...]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Series:
    """Give a series of 130 frames: two whole units and one of 30."""
    return Series(tmp_path, monkeypatch)


@pytest.fixture
def restored(recorded: Series) -> Series:
    """Give a series that was restored once."""
    _, computed = recorded.run()
    assert computed == [50, 50, 30]
    return recorded


def expected(recorded: Series, frames: np.ndarray = FRAMES) -> np.ndarray:
    """Restore frame by frame, without units and stores."""
    restore = bind(load_network(recorded.inputs.model.parent), MAP, SIZE)
    return np.concatenate([restore(frame[None]) for frame in frames])


def test_all_frames_are_restored_as_each_would_be_alone(restored: Series) -> None:
    np.testing.assert_array_equal(restored.array(), expected(restored))


def test_the_record_vouches_for_the_arrays(restored: Series) -> None:
    record, computed = restored.run()
    assert computed == []
    assert (record["frames"], record["shape"]) == (130, [SIZE, SIZE])
    assert restored.run()[0] == record
    restored.inputs = Inputs(
        restored.inputs.converted,
        restored.handmade.map("s", straight(SIZE, shift=-2.0)),
        restored.inputs.model,
    )
    assert restored.run()[0]["digest"] != record["digest"]


def test_a_killed_job_goes_on_where_it_was(recorded: Series) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    recorded.fault = stop
    with pytest.raises(KeyboardInterrupt):
        recorded.run()
    recorded.fault = None
    assert len(recorded.run()[1]) == 1  # of three, of which two were done
    np.testing.assert_array_equal(recorded.array(), expected(recorded))


def test_appended_frames_compute_new_and_touched_units_only(recorded: Series) -> None:
    for count, units in ((60, [50, 10]), (70, [20]), (130, [50, 30])):
        recorded.record(FRAMES[:count])
        assert recorded.run()[1] == units
        assert recorded.array().shape == (count, SIZE, SIZE)
    np.testing.assert_array_equal(recorded.array(), expected(recorded))


def test_frames_that_were_taken_away_and_came_back_are_there_again(restored: Series) -> None:
    restored.record(FRAMES[:50])
    assert restored.run()[1] == []
    assert len(restored.array()) == 50
    restored.record(FRAMES)
    restored.run()
    np.testing.assert_array_equal(restored.array(), expected(restored))


def test_a_changed_frame_computes_its_unit_only(restored: Series) -> None:
    before, _ = restored.run()
    changed = FRAMES.copy()
    changed[77, 3, 3] += 1000
    restored.record(changed)
    after, computed = restored.run()
    assert computed == [50]
    assert after["digest"] != before["digest"]
    np.testing.assert_array_equal(restored.array(), expected(restored, changed))


@pytest.mark.parametrize("change", ["model", "map", "code", "correct"])
def test_what_frames_are_restored_with_computes_all_units(restored: Series, change: str) -> None:
    if change == "model":
        brighter = {**SCALE, "target_offset": 26_000.0}
        restored.handmade.model("m", settings(), brighter, last=0.1)
    elif change == "map":
        restored.handmade.map("s", straight(SIZE, shift=-2.0))
    elif change == "correct":
        restored.model(correct=False)
    assert restored.run("new" if change == "code" else "code")[1] == [50, 50, 30]


@pytest.mark.parametrize("lost", ["shard", "store", "contents"])
def test_a_label_does_not_vouch_for_frames_that_are_gone(restored: Series, lost: str) -> None:
    shards = sorted(path for path in (restored.store / "0/c").rglob("*") if path.is_file())
    assert len(shards) == 3
    if lost == "shard":
        shards[1].unlink()
    elif lost == "store":
        shutil.rmtree(restored.store)
    else:
        zarr.open_group(restored.store, mode="a")["0"][60] = 0
    assert restored.run()[1] == ([50, 50, 30] if lost == "store" else [50])
    np.testing.assert_array_equal(restored.array(), expected(restored))


def test_frames_of_another_size_start_the_store_anew(restored: Series) -> None:
    restored.record(FRAMES[:3, :13])
    with pytest.raises(Refused, match=r"a: its shape is \[13, 16\], that of the map of 's'"):
        restored.run()
    restored.handmade.map("s", MAP, height=13)
    assert restored.run()[1] == [3]
    assert restored.array().shape == (3, 13, SIZE)
    assert zarr.open_group(restored.store, mode="r")["mask"].shape == (13, SIZE)


def test_the_mask_is_true_where_the_map_is_extrapolated(restored: Series) -> None:
    """Column x is found at x + 2: the last two of 16 were not seen."""
    mask = zarr.open_group(restored.store, mode="r")["mask"][...]
    assert mask.dtype == bool
    assert mask.shape == (SIZE, SIZE)
    assert mask[:, 14:].all()
    assert not mask[:, :14].any()
    restored.handmade.map("s", straight(SIZE, shift=-1.0))
    restored.run()
    mask = zarr.open_group(restored.store, mode="r")["mask"][...]
    np.testing.assert_array_equal(mask, [[True] + [False] * 15] * SIZE)


def test_the_store_is_ome_zarr_with_its_origin(restored: Series) -> None:
    group = zarr.open_group(restored.store, mode="r")
    image = Image.from_zarr(group)
    (multiscale,) = image.attributes.ome.multiscales
    assert [axis.name for axis in multiscale.axes] == ["t", "y", "x"]
    (dataset,) = multiscale.datasets
    assert dataset.path == "0"
    assert list(dataset.coordinateTransformations[0].scale) == [FRAME_S, PIXEL_NM, PIXEL_NM]
    assert group.attrs["stemjax"]["acquisition"] == "a"
    assert group.attrs["stemjax"]["code"] == "code"


def origin(recorded: Series) -> dict[str, Any]:
    """Read what the store says of itself."""
    return dict(zarr.open_group(recorded.store, mode="r").attrs["stemjax"])


def test_frames_that_went_through_a_map_lie_on_the_slow_grid(recorded: Series) -> None:
    for correct in (True, False):
        recorded.model(correct=correct)
        record, _ = recorded.run()
        assert record["geometry"] == origin(recorded)["geometry"] == "slow"
        assert origin(recorded)["correct"] == correct
        mask = zarr.open_group(recorded.store, mode="r")["mask"][...]
        np.testing.assert_array_equal(mask, [[False] * 14 + [True] * 2] * SIZE)


def test_without_a_map_frames_stay_in_rapid_geometry(recorded: Series) -> None:
    """As a map that changes nothing would leave what the network makes of them."""
    recorded.model(correct=False)
    with_map = recorded.run()[0]
    recorded.handmade.refused("distortion/s.json", "no map")
    record, computed = recorded.run()
    assert computed == [50, 50, 30]
    assert record["digest"] != with_map["digest"]
    assert record["geometry"] == origin(recorded)["geometry"] == "rapid"
    assert origin(recorded)["map"] is None
    alone = bind(load_network(recorded.inputs.model.parent), straight(SIZE), SIZE)
    np.testing.assert_array_equal(
        recorded.array(), np.concatenate([alone(frame[None]) for frame in FRAMES])
    )
    assert not zarr.open_group(recorded.store, mode="r")["mask"][...].any()
    assert recorded.run()[1] == []

    recorded.handmade.map("s", straight(SIZE))  # there is a map after all
    assert recorded.run()[1] == [50, 50, 30]
    assert origin(recorded)["geometry"] == "slow"


@pytest.mark.parametrize("which", ["converted/a", "distortion/s", "models/m/model"])
def test_a_refused_input_is_passed_on_and_nothing_written(recorded: Series, which: str) -> None:
    recorded.handmade.refused(f"{which}.json", "no good")
    with pytest.raises(Refused, match=r"^no good$"):
        recorded.run()
    assert not recorded.store.exists()


def test_parts_of_a_series_are_shared_out_and_the_last_job_finds_them_done(
    recorded: Series,
) -> None:
    computed = {}
    for part in (1, 0):
        recorded.computed.clear()
        means = Means(part=(part, 2))
        restore_acquisition(recorded.inputs, recorded.store, "code", means)
        computed[part] = sorted(recorded.computed, reverse=True)
    assert computed == {0: [50, 30], 1: [50]}  # units 0 and 2, and unit 1
    assert recorded.run()[1] == []
    np.testing.assert_array_equal(recorded.array(), expected(recorded))


CONTEXT = 5


@pytest.fixture
def with_context(recorded: Series) -> Series:
    """Give a series to be restored by a network that sees two frames on either side."""
    chosen = settings()
    unet = chosen.unet.model_copy(update={"context": CONTEXT})
    chosen = chosen.model_copy(update={"unet": unet})
    recorded.handmade.model("m", chosen, SCALE, last=0.1)
    return recorded


def test_units_with_context_see_their_neighbours(with_context: Series) -> None:
    """As the whole series at once, which knows no units; not as each unit alone."""
    with_context.run()
    restore = bind(load_network(with_context.inputs.model.parent), MAP, SIZE)
    np.testing.assert_array_equal(with_context.array(), restore(FRAMES))
    assert np.any(with_context.array()[48:50] != restore(FRAMES[:50])[48:])


def test_with_context_a_changed_frame_computes_the_units_that_see_it(with_context: Series) -> None:
    with_context.run()
    for frame, units in ((77, [50]), (98, [50, 30]), (97, [50])):
        changed = FRAMES.copy()
        changed[frame, 3, 3] += 1000
        with_context.record(changed)
        assert with_context.run()[1] == units
        with_context.record(FRAMES)
        assert with_context.run()[1] == units
    with_context.record(FRAMES[:100])
    assert with_context.run()[1] == [50]  # its last frames have lost neighbours
