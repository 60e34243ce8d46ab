"""What a model learns from: split, steps and scale, told by hand."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.assemble import Source, assemble
from stemjax.dataset.pairs import BORDER, load_pairs
from stemjax.errors import Refused
from tests.handmade import Handmade, canvas, settings, straight, view


def sources(handmade: Handmade, *names: str, frames: int = 4) -> list[Source]:
    """Store still fields of view of one session."""
    distortion = handmade.map("s", straight(64), {name: (0, 0) for name in names})
    return [
        Source(name, *map(str, handmade.still(name, canvas(k), frames)), str(distortion))
        for k, name in enumerate(names)
    ]


def splits(record: dict) -> dict[str, list[str]]:
    """Name the fields of view of each split."""
    found: dict[str, list[str]] = {"train": [], "validation": []}
    for entry in record["pairs"]:
        found[entry["split"]].append(entry["acquisition"])
    return found


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> list[Source]:
    """Give five fields of view."""
    return sources(Handmade(tmp_path_factory.mktemp("five")), *"abcde")


@pytest.mark.parametrize(("share", "held"), [(0.0, 0), (0.01, 1), (0.2, 1), (0.4, 2), (0.95, 4)])
def test_fields_of_view_are_held_back_whole(five: list[Source], share: float, held: int) -> None:
    record = assemble(settings(validation=share), five)
    found = splits(record)
    assert len(found["validation"]) == held
    assert sorted(found["train"] + found["validation"]) == list("abcde")
    assert all(entry["rows"] == [0, 64] for entry in record["pairs"])


def test_the_seed_alone_decides_who_is_held_back(five: list[Source]) -> None:
    chosen = [assemble(settings(seed=seed), five) for seed in (0, 0, 1, 2, 3, 4)]
    assert chosen[0] == chosen[1]
    assert len({tuple(splits(record)["validation"]) for record in chosen}) > 1


@pytest.mark.parametrize(("patch", "share", "held"), [(16, 0.25, 16), (16, 0.4, 26), (21, 0.1, 21)])
def test_a_single_field_is_divided_by_rows_wider_than_a_patch_apart(
    tmp_path: Path, patch: int, share: float, held: int
) -> None:
    record = assemble(settings(patch, validation=share), sources(Handmade(tmp_path), "a"))
    rows = {entry["split"]: entry["rows"] for entry in record["pairs"]}
    assert rows["validation"] == [64 - held, 64]
    first, last = rows["train"]
    assert first == 0
    assert patch <= last < 64 - held - patch


@pytest.mark.parametrize("patch", [22, 32, 64])  # 21 + 1 + 21 + 21 rows would do
def test_a_single_field_too_small_to_divide_is_learned_from(tmp_path: Path, patch: int) -> None:
    record = assemble(settings(patch, validation=0.25), sources(Handmade(tmp_path), "a"))
    assert splits(record) == {"train": ["a"], "validation": []}


def test_an_epoch_has_as_many_steps_as_patches_cover_the_frames(tmp_path: Path) -> None:
    """5 fields of 4 frames of 64 x 64, validation included: 20 x 3 x 3 patches of 20 pixels."""
    several = sources(Handmade(tmp_path), *"abcde")
    assert assemble(settings(20, batch_size=7), several)["steps_per_epoch"] == 26  # 180 / 7
    assert assemble(settings(20, batch_size=9), several)["steps_per_epoch"] == 20
    first = assemble(settings(20, batch_size=7, frames=3), several)
    assert first["steps_per_epoch"] == 20  # 135 / 7
    assert {entry["frames"] for entry in first["pairs"]} == {3}
    more = assemble(settings(20, batch_size=7, frames=30), several)
    assert {entry["frames"] for entry in more["pairs"]} == {4}


def mixed(handmade: Handmade) -> list[Source]:
    """Store two sessions whose frames differ in size."""
    (large,) = sources(handmade, "a")
    distortion = str(handmade.map("t", straight(48), {"b": (0, 0)}))
    return [large, Source("b", *map(str, handmade.still("b", canvas(1, 48))), distortion)]


def test_each_field_counts_at_its_own_size(tmp_path: Path) -> None:
    """4 frames of 4 x 4 patches and 4 of 3 x 3."""
    record = assemble(settings(16, batch_size=7), mixed(Handmade(tmp_path)))
    assert record["steps_per_epoch"] == 15  # 100 / 7
    assert {entry["acquisition"]: entry["rows"] for entry in record["pairs"]} == {
        "a": [0, 64],
        "b": [0, 48],
    }


@pytest.mark.parametrize("stage", ["converted/b", "dcfi/b", "distortion/t"])
def test_what_an_earlier_stage_refused_is_left_out(
    tmp_path: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    handmade = Handmade(tmp_path)
    good, bad = sources(handmade, "a", "b")
    bad = Source("b", bad.converted, bad.dcfi, str(handmade.map("t", straight(64))))
    handmade.refused(f"{stage}.json", "no")
    record = assemble(settings(validation=0.0), [good, bad])
    assert splits(record)["train"] == ["a"]
    assert "left out: b: no\n" in capsys.readouterr().err


def test_nothing_usable_is_refused(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    (only,) = sources(handmade, "a")
    handmade.refused("distortion/s.json", "no map")
    for none in ([only], []):
        with pytest.raises(Refused, match="no usable acquisition with a distortion map to learn"):
            assemble(settings(), none)
    with pytest.raises(Refused, match="no usable acquisition to learn from"):
        assemble(settings(correct=False), [])


def test_in_rapid_geometry_a_refused_map_leaves_nothing_out(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    with_map = assemble(settings(correct=False, target="dcfi"), several)
    handmade.refused("distortion/s.json", "no map")
    record = assemble(settings(correct=False, target="dcfi"), several)
    assert {entry["acquisition"] for entry in record["pairs"]} == {"a", "b"}
    assert record["left_out"] == {}
    assert record == with_map  # in which the map had no part
    (field,) = load_pairs(record, "train").fields
    assert field.inside == (BORDER, 64 - BORDER, BORDER, 64 - BORDER)


def test_a_map_has_its_part_in_corrected_pairs_alone(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    kept = {c: assemble(settings(correct=c), several)["digest"] for c in (True, False)}
    assert kept[True] != kept[False]
    handmade.map("s", straight(64, 2.0), {"a": (0, 0), "b": (0, 0)})
    assert assemble(settings(), several)["digest"] != kept[True]
    assert assemble(settings(correct=False), several)["digest"] == kept[False]


@pytest.mark.parametrize("stage", ["converted/b", "dcfi/b"])
def test_in_rapid_geometry_frames_and_integration_are_needed_all_the_same(
    tmp_path: Path, stage: str
) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    handmade.refused(f"{stage}.json", "no")
    record = assemble(settings(correct=False), several)
    assert record["left_out"] == {"b": "no"}


@pytest.mark.parametrize("correct", [True, False])
def test_an_acquisition_of_other_scan_settings_than_its_map_is_left_out(
    tmp_path: Path, *, correct: bool
) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    handmade.still("b", canvas(1, 48))
    left_out = assemble(settings(correct=correct), several)["left_out"]
    assert left_out.keys() == {"b"}
    assert left_out["b"].startswith("b: its shape is [48, 48], that of the map of 's' [64, 64];")


def test_frames_smaller_than_a_patch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="b: frames of 48 x 48 are smaller than a patch of 50"):
        assemble(settings(50), mixed(Handmade(tmp_path)))


def test_constant_frames_are_refused(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    blank = np.full((64, 64), 7, np.uint16)
    source = Source(
        "a",
        str(handmade.converted("a", blank[None], blank)),
        str(handmade.dcfi("a", blank, np.zeros((1, 2)))),
        str(handmade.map("s", straight(64), {"a": (0, 0)})),
    )
    with pytest.raises(Refused, match="constant"):
        assemble(settings(), [source])


def test_the_scale_takes_percentiles_to_plus_and_minus_one(tmp_path: Path) -> None:
    """Of each field from its 1st to its 99th percentile, of all fields the median."""
    record = assemble(settings(), sources(Handmade(tmp_path), "a", "b", "c"))
    for kind, images in (("rapid", 2), ("target", 1)):  # the first frame and one half way
        fields = [np.stack([view(canvas(k))] * images) for k in range(3)]
        low, high = np.median([np.percentile(field, [1, 99]) for field in fields], axis=0)
        assert record["scale"][f"{kind}_offset"] == pytest.approx((low + high) / 2, abs=0.01)
        assert record["scale"][f"{kind}_scale"] == pytest.approx((high - low) / 2, abs=0.01)


def test_one_hot_pixel_does_not_move_the_scale(tmp_path: Path) -> None:
    scales = []
    for name, value in (("cold", None), ("hot", 65535)):
        handmade = Handmade(tmp_path / name)
        slow = view(canvas(0)).copy()
        rapid = np.stack([slow] * 4)
        if value:
            rapid[:, 30, 30] = slow[40, 40] = value
        source = Source(
            "a",
            str(handmade.converted("a", rapid, slow)),
            str(handmade.dcfi("a", rapid[0], np.zeros((4, 2)))),
            str(handmade.map("s", straight(64), {"a": (0, 0)})),
        )
        scales.append(assemble(settings(), [source])["scale"])
    cold, hot = scales
    assert hot == pytest.approx(cold, rel=0.01)


def test_the_digest_follows_the_arrays(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    before = assemble(settings(), several)["digest"]
    assert assemble(settings(), several)["digest"] == before
    handmade.still("b", canvas(9))
    assert assemble(settings(), several)["digest"] != before
    assert assemble(settings(target="dcfi"), several)["digest"] != before
