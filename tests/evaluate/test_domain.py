"""What lies outside the training data is told, what lies inside is not."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemjax.config import Simulate
from stemjax.dataset.statistics import measure_statistics
from stemjax.evaluate.domain import outside_training
from stemjax.simulate.acquire import rapid_frame
from stemjax.simulate.experiment import seeded, session_microscope
from stemjax.simulate.motion import coefficients_of
from stemjax.simulate.specimen import draw_specimen
from stemjax.typing import Json
from tests.handmade import PIXEL_NM, Handmade

FIELD = {
    "pixel_size_nm": 2.1,
    "dwell_us": 0.1,
    "level": 20_000.0,
    "noise": 1000.0,
    "contrast": 2000.0,
    "structure_nm": 18.0,
}
LEARNED = {
    "a": FIELD,
    "b": {**FIELD, "level": 21_000.0, "noise": 1200.0, "contrast": 3000.0, "structure_nm": 20.0},
    "c": {**FIELD, "noise": 1100.0, "contrast": 2500.0, "structure_nm": 19.0},
}


def warnings_about(learned: dict[str, Any] = LEARNED, **other: float | None) -> list[str]:
    """Warn about an acquisition that differs from a training field in some statistics."""
    return outside_training({**FIELD, **other}, learned)


def test_what_was_learned_from_is_inside() -> None:
    assert [outside_training(each, LEARNED) for each in LEARNED.values()] == [[], [], []]


def test_a_model_that_does_not_say_what_it_learned_from_gives_no_warning() -> None:
    assert warnings_about({}, pixel_size_nm=0.1, noise=9e9, level=-5.0) == []


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("pixel_size_nm", 2.1 / 1.1, 2.1 * 1.1),
        ("dwell_us", 0.1 / 1.1, 0.1 * 1.1),
        ("noise", 800.0, 1500.0),
        ("contrast", 1000.0, 6000.0),
        ("structure_nm", 14.4, 25.0),
        ("level", 15_000.0, 26_000.0),  # two medians of the contrast beyond
    ],
)
def test_the_range_is_that_of_all_training_fields_widened(
    key: str, low: float, high: float
) -> None:
    for inside in (low * 1.01, high * 0.99):
        assert warnings_about(**{key: inside}) == []
    for outside in (low * 0.99, high * 1.01):
        assert len(warnings_about(**{key: outside})) == 1


@pytest.mark.parametrize(
    ("other", "warning"),
    [
        ({"pixel_size_nm": 3.2}, "pixel size 3.2 nm; trained on 2.1 nm"),
        ({"dwell_us": 0.05}, "dwell time 0.05 us; trained on 0.1 us"),
        (
            {"noise": 2640.0},  # of the median
            "noise 2.4 times that of the training data: lower dose or other detector settings",
        ),
        (
            {"noise": 550.0},
            "noise 0.5 times that of the training data: higher dose or other detector settings",
        ),
        (
            {"contrast": 250.0},
            "contrast 0.1 times that of the training data: hardly any structure, other "
            "diffraction condition or detector settings",
        ),
        (
            {"structure_nm": 39.9},
            "structures are 2.1 times as wide as in the training data: other material or "
            "magnification",
        ),
        (
            {"level": 31_000.0},
            "frames are brighter than the training data by 4 times their contrast: other "
            "thickness or detector settings",
        ),
        (
            {"level": -1250.0},
            "frames are darker than the training data by 8.5 times their contrast: other "
            "thickness or detector settings",
        ),
    ],
)
def test_a_warning_says_by_how_much_and_what_it_may_mean(
    other: dict[str, float], warning: str
) -> None:
    assert warnings_about(**other) == [warning]


def test_a_range_of_settings_is_told_with_both_its_ends() -> None:
    learned = {"a": FIELD, "b": {**FIELD, "pixel_size_nm": 3.0}}
    assert warnings_about(learned, pixel_size_nm=2.5) == []
    assert warnings_about(learned, pixel_size_nm=4.0) == ["pixel size 4 nm; trained on 2.1 to 3 nm"]


def test_each_respect_has_a_line_of_its_own() -> None:
    assert len(warnings_about(pixel_size_nm=1.4, noise=5000.0, structure_nm=50.0)) == 3


def test_fields_without_structure_or_noise_give_no_factor() -> None:
    """A blank field among the training fields, or to restore, has no width to compare."""
    blank = {**FIELD, "noise": 0.0, "contrast": 0.0, "structure_nm": None}
    assert warnings_about({"blank": blank}) == []
    assert warnings_about({"blank": blank, **LEARNED}, noise=5000.0) != []
    (noise, contrast) = outside_training(blank, LEARNED)
    assert noise.startswith("noise 0 times")
    assert contrast.startswith("contrast 0 times")


def simulated(handmade: Handmade, field: str, session: str = "day-1", **other: Any) -> Json:
    """Give the statistics of a field of view, of which one rapid frame was recorded."""
    settings = Simulate(pixel_size_nm=PIXEL_NM, size=192, **other)
    rng = seeded(settings, "acquisition", field)
    specimen = draw_specimen(rng, settings.specimen, settings.size, 36, settings.pixel_size_nm)
    scene = coefficients_of(specimen.transmission())
    frame = rapid_frame(rng, session_microscope(settings, session), scene, np.zeros((2, 2)))
    return measure_statistics(handmade.converted(field, frame[None]))


@pytest.fixture(scope="module")
def steel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """Give the statistics of three fields of view that a model was trained on."""
    handmade = Handmade(tmp_path_factory.mktemp("steel"))
    return {name: simulated(handmade, name) for name in "abc"}


@pytest.mark.parametrize(
    ("other", "about", "ratio"),
    [
        ({"specimen": "aluminium"}, "structures", 1.6),
        ({"current_pa": 12.5}, "noise", 2.0),
        ({"current_pa": 25.0}, "noise", 2**0.5),
        ({"current_pa": 100.0}, "noise", 0.5**0.5),
        ({"current_pa": 0.0}, "noise", 0.015),  # read noise alone
    ],
)
def test_simulated_frames_of_other_material_or_dose_give_warning(
    tmp_path: Path, steel: dict[str, Json], other: dict[str, Any], about: str, ratio: float
) -> None:
    first = outside_training(simulated(Handmade(tmp_path), "d", **other), steel)[0]
    assert first.startswith(about)
    assert float(re.findall(r"[\d.]+", first)[0]) == pytest.approx(ratio, rel=0.15)


@pytest.mark.parametrize("other", [{}, {"session": "day-2"}, {"seed": 1}])
def test_simulated_frames_of_another_field_or_session_do_not(
    tmp_path: Path, steel: dict[str, Json], other: dict[str, Any]
) -> None:
    assert outside_training(simulated(Handmade(tmp_path), "d", **other), steel) == []
