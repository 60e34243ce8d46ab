"""What claims look up, from tables made by hand and from images."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from stemjax.errors import UserError
from stemjax.evaluate.spectra import follows, horizontal_profile, streak_db
from stemjax.evaluate.table import COLUMNS
from stemjax.report.paper.measured import (
    SCATTER,
    Estimate,
    Measured,
    difference_of,
    gain_contrast,
    measure_run,
    over_rapid,
    own_values,
)
from stemjax.report.paper.run import Run
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, straight


def test_a_run_without_a_table_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.csv: there are no measurements"):
        measure_run(Run(tmp_path, (), {}, False))


def test_frames_count_where_every_method_has_them_and_scatter_within_their_field(
    tmp_path: Path,
) -> None:
    of_method = {"rapid": (9.0, 5.0), "dcfi": (6.0, 4.0), "bm3d": (8.0,)}
    lines = [
        f"field-{k},{frame},{method},{metric},{value + 10 * k}"
        for k in range(2)
        for metric in ("streak_db", "psnr_truth")
        for method, values in of_method.items()
        for frame, value in enumerate(values)
    ]
    path = tmp_path / "results" / "evaluation" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    sheet = tuple(Acquisition(f"field-{k}", "mon", "test", "r", "s") for k in range(2))
    found = measure_run(Run(tmp_path / "results", sheet, {}, False))
    less = over_rapid(found, "test", "bm3d", "streak_db")
    assert less == Estimate(-1.0, -1.0, -1.0, 2)  # 8 - 9, not 8 - 7
    assert found.means[SCATTER] == {
        "rapid": dict.fromkeys(("field-0", "field-1"), pytest.approx(8**0.5)),
        "dcfi": dict.fromkeys(("field-0", "field-1"), pytest.approx(2**0.5)),
        "bm3d": {},  # of a single frame
    }


def test_differences_are_of_the_fields_that_both_have() -> None:
    means = {"psnr_truth": {"x": {"a": 5.0, "b": 9.0, "c": 90.0}, "y": {"b": 7.0, "a": 4.0}}}
    found = difference_of(Measured({}, means), "psnr_truth", "x", "y")
    assert found == Estimate(1.5, 1.0, 2.0, 2)
    assert difference_of(Measured({}, means), "psnr_truth", "x", "z") is None


def test_gains_of_two_kinds_are_compared_field_by_field() -> None:
    means = {
        "mid": {"rapid": {"a": 20.0, "b": 10.0}, "net": {"a": 25.0, "b": 11.0, "c": 9.0}},
        "rest": {"rapid": {"a": 10.0, "b": 20.0}, "net": {"a": 11.0, "b": 21.0}},
    }
    found = gain_contrast(Measured({}, means), "net", ("mid", "rest"))
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((10.0, 5.0, 15.0))
    assert gain_contrast(Measured({}, means), "none", ("mid", "rest")) is None


def test_own_values_are_of_the_region_that_is_judged(tmp_path: Path) -> None:
    handmade, rng = Handmade(tmp_path), np.random.default_rng(0)
    slow = rng.normal(1000, 20, (96, 96)).astype(np.uint16)
    clean = rng.normal(1000, 20, (3, 96, 96)).astype(np.uint16)
    slow[:8] += (3000 * np.arange(8))[:, None].astype(np.uint16)  # not judged
    handmade.converted("a", np.stack([slow] * 2), slow)
    handmade.converted("b", np.stack([slow] * 2), slow)
    handmade.map("mon", straight(96, 2.0))
    handmade.refused("distortion/tue.json", "no slow scan")
    path = tmp_path / "truth.h5"
    with h5py.File(path, "w") as file:
        file["clean"] = clean
    sheet = (
        Acquisition("a", "mon", "test", "r", "s", truth=str(path)),
        Acquisition("b", "tue", "test", "r", "s"),
        Acquisition("c", "mon", "test", "r", "s"),
        Acquisition("d", "mon", "train", "r", "s"),
    )
    inside = np.s_[8:-8, 8:-10]  # the last two columns are beyond the rapid frame
    run = Run(handmade.results, sheet, {}, False)
    own = {"slow": {"a": streak_db(slow[inside])}}
    (per_um, profile), (_, truth) = (
        horizontal_profile(image[inside], 2.0) for image in (slow, clean[-1])
    )
    assert own_values(run) == {
        "streak_db": {**own, "truth": {"a": streak_db(clean[-1][inside])}},
        "follows_per_um": {"truth": {"a": follows(per_um, truth, profile)}},
    }
    path.unlink()  # large, and the first to go
    assert own_values(run) == {"streak_db": own, "follows_per_um": {}}
