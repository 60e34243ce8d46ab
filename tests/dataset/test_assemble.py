"""What a model learns from: split, steps and scale, told by hand."""

from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.assemble import Source, assemble
from stemjax.dataset.field import BORDER
from stemjax.dataset.pairs import load_pairs
from stemjax.dataset.statistics import measure_statistics
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


@pytest.mark.parametrize(("patch", "share", "held"), [(16, 0.25, 16), (16, 0.4, 23), (19, 0.1, 19)])
def test_a_single_field_is_divided_by_rows_wider_than_a_patch_apart(
    tmp_path: Path, patch: int, share: float, held: int
) -> None:
    record = assemble(settings(patch, validation=share), sources(Handmade(tmp_path), "a"))
    rows = {entry["split"]: entry["rows"] for entry in record["pairs"]}
    top, bottom = BORDER, 64 - BORDER  # the 58 rows that both scans saw
    assert rows["validation"] == [bottom - held, bottom]
    first, last = rows["train"]
    assert first == top
    assert top + patch <= last < bottom - held - patch


def drifting(handmade: Handmade, drift: list[tuple[int, int]]) -> Source:
    """Store the only field of view, whose frames drift by so many whole pixels."""
    specimen = canvas(0)
    rapid = np.stack([view(specimen, -y, -x) for y, x in drift])
    return Source(
        "a",
        str(handmade.converted("a", rapid, view(specimen))),
        str(handmade.dcfi("a", rapid[0], np.array(drift))),
        str(handmade.map("s", straight(64), {"a": (0, 0)})),
    )


DRIFT = [(0, 0), (-2, 1), (4, 0), (0, 30)]


@pytest.mark.parametrize(("frames", "farthest"), [(1, 0), (2, 2), (3, 4)])
def test_only_rows_that_the_chosen_frames_saw_are_divided(
    tmp_path: Path, frames: int, farthest: int
) -> None:
    """Drawn from their rows, patches of training and validation have no pixel in common."""
    source = drifting(Handmade(tmp_path), DRIFT)
    patch = 16
    record = assemble(settings(patch, frames=frames, validation=0.25), [source])
    border = BORDER + farthest
    rows = {entry["split"]: entry["rows"] for entry in record["pairs"]}
    assert rows["train"] == [border, 64 - border - 2 * patch - 1]
    assert rows["validation"] == [64 - border - patch, 64 - border]
    assert all(entry["frames"] == [0, frames] for entry in record["pairs"])
    for split, (first, last) in rows.items():
        ((top, bottom, _, _),) = (field.inside for field in load_pairs(record, split).fields)
        assert (top, bottom) == (first, last)


def test_frames_beyond_the_first_n_have_no_say_in_the_rows(tmp_path: Path) -> None:
    """The fourth one moved so far that no two patches would be left beside each other."""
    source = drifting(Handmade(tmp_path), DRIFT)
    assert splits(assemble(settings(16, frames=2), [source]))["validation"] == ["a"]
    assert splits(assemble(settings(16, frames=4), [source]))["validation"] == []


@pytest.mark.parametrize("patch", [20, 32, 64])  # 19 + 1 + 19 + 19 of 58 rows would do
def test_a_single_field_too_small_to_divide_is_learned_from(tmp_path: Path, patch: int) -> None:
    record = assemble(settings(patch, validation=0.25), sources(Handmade(tmp_path), "a"))
    assert splits(record) == {"train": ["a"], "validation": []}


@pytest.mark.parametrize(("share", "held"), [(0.0, 0), (0.01, 1), (0.2, 2), (0.5, 4), (0.95, 7)])
def test_by_frames_every_field_is_both_learned_from_and_held_back(
    tmp_path: Path, share: float, held: int
) -> None:
    """The last of 8 frames, never one of them in both splits, and all rows of each."""
    several = sources(Handmade(tmp_path), "a", "b", frames=8)
    record = assemble(settings(validation=share, split="frames"), several)
    found = splits(record)
    assert found == {"train": ["a", "b"], "validation": ["a", "b"] if held else []}
    for name in "ab":
        spans = [entry["frames"] for entry in record["pairs"] if entry["acquisition"] == name]
        used = [frame for span in spans for frame in range(*span)]
        assert sorted(used) == list(range(8))
        assert spans[0] == [0, 8 - held]
    assert all(entry["rows"] == [0, 64] for entry in record["pairs"])
    assert load_pairs(record, "validation").frames == 2 * held
    assert load_pairs(record, "train").frames == 2 * (8 - held)


def test_by_frames_only_the_first_n_are_shared_out(tmp_path: Path) -> None:
    (only,) = sources(Handmade(tmp_path), "a", frames=8)
    record = assemble(settings(split="frames", validation=0.2, frames=5), [only])
    assert [entry["frames"] for entry in record["pairs"]] == [[0, 4], [4, 5]]
    alone = assemble(settings(split="frames", validation=0.2, frames=1), [only])
    assert [(entry["split"], entry["frames"]) for entry in alone["pairs"]] == [("train", [0, 1])]


@pytest.mark.parametrize(
    ("frames", "spans"),
    [(2, [[0, 2]]), (3, [[0, 3]]), (4, [[0, 2], [2, 4]]), (9, [[0, 7], [7, 9]])],
)
def test_noise_to_noise_each_part_has_two_frames_at_least(
    tmp_path: Path, frames: int, spans: list[list[int]]
) -> None:
    (only,) = sources(Handmade(tmp_path), "a", frames=frames)
    record = assemble(settings(target="rapid", split="frames", validation=0.1), [only])
    assert [entry["frames"] for entry in record["pairs"]] == spans


def test_noise_to_noise_a_single_frame_is_left_out(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    handmade.still("b", canvas(1), 1)
    left_out = assemble(settings(target="rapid"), several)["left_out"]
    assert left_out == {"b": "b: too few frames for one to be the others' target"}
    assert assemble(settings(target="slow"), several)["left_out"] == {}
    with pytest.raises(Refused, match=r"to learn from \(a: too few frames for one to be"):
        assemble(settings(target="rapid", frames=1), several)


def test_noise_to_noise_with_context_a_frame_is_left_that_the_network_does_not_see(
    tmp_path: Path,
) -> None:
    model = settings(target="rapid", split="frames", validation=0.1)
    model = model.model_copy(update={"unet": model.unet.model_copy(update={"context": 3})})
    few, enough = sources(Handmade(tmp_path), "a", frames=3), sources(Handmade(tmp_path), "b")
    with pytest.raises(Refused, match="a: too few frames for one to be the others' target"):
        assemble(model, few)
    (entry,) = assemble(model, enough)["pairs"]  # of four, all are needed to learn from
    assert entry["frames"] == [0, 4]


@pytest.mark.parametrize("correct", [True, False])
def test_without_a_slow_scan_there_are_other_targets(tmp_path: Path, *, correct: bool) -> None:
    """The map has no offset for such a field, and there is nothing to measure one against."""
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    handmade.map("s", straight(64), {"a": (0, 0)})
    raw = view(canvas(1))
    handmade.converted("b", np.stack([raw] * 4))
    left_out = assemble(settings(correct=correct), several)["left_out"]
    assert left_out == {"b": "b: there is no slow scan to learn"}
    for target in ("rapid", "dcfi"):
        record = assemble(settings(target=target, correct=correct, validation=0.0), several)
        assert splits(record)["train"] == ["a", "b"]
        scale, frame = record["scale"], load_pairs(record, "train").fields[1].rapid[2]
        levels = frame * scale["rapid_scale"] + scale["rapid_offset"]
        np.testing.assert_allclose(levels, raw, rtol=1e-5)


def test_an_epoch_has_as_many_steps_as_patches_cover_the_frames(tmp_path: Path) -> None:
    """5 fields of 4 frames of 64 x 64, validation included: 20 x 3 x 3 patches of 20 pixels."""
    several = sources(Handmade(tmp_path), *"abcde")
    assert assemble(settings(20, batch_size=7), several)["steps_per_epoch"] == 26  # 180 / 7
    assert assemble(settings(20, batch_size=9), several)["steps_per_epoch"] == 20
    first = assemble(settings(20, batch_size=7, frames=3), several)
    assert first["steps_per_epoch"] == 20  # 135 / 7
    assert all(entry["frames"] == [0, 3] for entry in first["pairs"])
    more = assemble(settings(20, batch_size=7, frames=30), several)
    assert all(entry["frames"] == [0, 4] for entry in more["pairs"])


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


def test_noise_to_noise_the_targets_scale_is_that_of_the_frames(five: list[Source]) -> None:
    slow, noise = (assemble(settings(target=t), five)["scale"] for t in ("slow", "rapid"))
    assert (noise["target_offset"], noise["target_scale"]) == (
        noise["rapid_offset"],
        noise["rapid_scale"],
    )
    assert noise["rapid_offset"] == slow["rapid_offset"]


@pytest.mark.parametrize("target", ["slow", "dcfi", "rapid"])
def test_by_extremes_targets_come_back_between_their_median_minimum_and_maximum(
    tmp_path: Path, target: str
) -> None:
    """Of what was recorded: on the slow grid half a pixel aside, single pixels are tamed."""
    handmade = Handmade(tmp_path)
    rng = np.random.default_rng(0)
    distortion = handmade.map("s", straight(64, 0.5), {name: (0, 0) for name in "abc"})
    several, recorded = [], []
    for name in "abc":
        rapid = rng.integers(0, 60_000, (4, 64, 64)).astype(np.uint16)
        slow, mean = rng.integers(9_000, 50_000, (2, 64, 64)).astype(np.uint16)
        paths = handmade.converted(name, rapid, slow), handmade.dcfi(name, mean, np.zeros((4, 2)))
        several.append(Source(name, *map(str, paths), str(distortion)))
        recorded += {"slow": [slow], "dcfi": [mean], "rapid": [rapid[0], rapid[2]]}[target]
    scale = assemble(settings(target=target, scale="minmax"), several)["scale"]
    low, high = (np.median([f(image) for image in recorded]) for f in (np.min, np.max))
    assert scale == {
        "rapid_offset": None,
        "rapid_scale": None,
        "target_offset": (low + high) / 2,
        "target_scale": (high - low) / 2,
    }


@pytest.mark.parametrize(("kind", "factor"), [("robust", 1.0), ("minmax", 1.5)])
def test_one_hot_pixel_moves_the_papers_scale_alone(
    tmp_path: Path, kind: str, factor: float
) -> None:
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
        scales.append(assemble(settings(scale=kind), [source])["scale"]["target_scale"])
    cold, hot = scales
    assert hot == pytest.approx(cold, rel=0.01) if factor == 1 else hot > factor * cold


def test_statistics_are_those_of_the_frames_used_and_go_along(tmp_path: Path) -> None:
    """They are told of learned and held-back fields alike, and change nothing else."""
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b", "c")
    handmade.refused("dcfi/c.json", "no")
    rapid = np.stack([view(canvas(0))] * 2 + [np.full((64, 64), 7, np.uint16)] * 4)
    handmade.converted("a", rapid, rapid[0])
    record = assemble(settings(frames=2), several)
    assert record["statistics"] == {
        "a": measure_statistics(several[0].converted, 2),
        "b": measure_statistics(several[1].converted),
    }
    assert record["statistics"]["a"]["level"] == pytest.approx(rapid[0].mean(), rel=1e-4)


def test_the_digest_follows_the_arrays(tmp_path: Path) -> None:
    handmade = Handmade(tmp_path)
    several = sources(handmade, "a", "b")
    before = assemble(settings(), several)["digest"]
    assert assemble(settings(), several)["digest"] == before
    handmade.still("b", canvas(9))
    assert assemble(settings(), several)["digest"] != before
    for other in ({"target": "dcfi"}, {"split": "frames"}, {"scale": "minmax"}):
        assert assemble(settings(**other), several)["digest"] != before
