"""Which fields of view a map rests on, and when it is refused."""

import numpy as np
import pytest

from stemjax.distortion.fit import Fit
from stemjax.distortion.judge import fit_agreeing
from stemjax.distortion.noise import LagFit
from stemjax.distortion.scans import Field
from stemjax.errors import Refused
from tests.distortion.sessions import KNOTS, LAG, SIZE, SLOW_DWELL_US, fitted, session

UNLIKE = "its rapid frames do not show what its slow scan shows"
REMEDY = "give the session a field of view with structure across the scan, or borrow a map"


def judge(fields: dict[str, Field]) -> tuple[Fit, list[str], dict[str, str]]:
    return fit_agreeing(fields, LagFit(LAG, (0.0, 0.0), ()), KNOTS, SLOW_DWELL_US)


def good(seed: int = 0) -> dict[str, Field]:
    return dict(zip(("a", "b", "c"), session(seed).fields, strict=True))


def mixed(rapid: int, slow: int) -> Field:
    """Pair the rapid image of one session with the slow scan of another."""
    return Field(session(rapid).fields[2].rapid, session(slow).fields[1].slow)


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_fields_that_agree_are_all_used(seed: int) -> None:
    fit, used, left_out = judge(good(seed))
    assert (used, left_out) == (["a", "b", "c"], {})
    np.testing.assert_array_equal(fit.distortion.columns, fitted(seed).distortion.columns)


@pytest.mark.parametrize("seed", [0, 2])
def test_a_wrong_pair_is_named_and_left_out(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    fit, used, left_out = judge({"x": mixed(seed, 10), **good(seed)})
    assert used == ["a", "b", "c"]
    assert list(left_out) == ["x"]
    assert left_out["x"].startswith(f"x: {UNLIKE}; it is a wrong pair")
    assert f"left out: x: {UNLIKE}" in "".join(capsys.readouterr())
    np.testing.assert_array_equal(fit.distortion.columns, fitted(seed).distortion.columns)
    np.testing.assert_array_equal(fit.distortion.sigma, fitted(seed).distortion.sigma)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_good_fields_outvote_a_wrong_pair(seed: int) -> None:
    # It is no way out for the wrong one to leave the slow scan, where nothing is compared.
    fields = {**good(seed), "c": mixed(seed, seed + 10)}
    fit, used, left_out = judge(fields)
    assert (used, list(left_out)) == (["a", "b"], ["c"])
    assert (fit.match > 50).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_field_of_another_session_is_left_out(seed: int) -> None:
    fit, used, left_out = judge({**good(seed), "o": session(seed + 10).fields[0]})
    assert used == ["a", "b", "c"]
    assert list(left_out) == ["o"]
    assert left_out["o"].startswith("o: asks for a map that is 1.")
    assert "it belongs to another session" in left_out["o"]
    np.testing.assert_array_equal(fit.distortion.columns, fitted(seed).distortion.columns)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_fields_that_disagree_are_refused(seed: int) -> None:
    fields = {"first": session(seed).fields[0], "second": session(seed + 10).fields[0]}
    with pytest.raises(Refused, match=r"first, second do not agree on a map, by up to 1\.\d px"):
        judge(fields)
    with pytest.raises(Refused, match="give those of other scan settings a session of their own"):
        judge(fields)


def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(20_000, 500, (SIZE, SIZE))


def lines(rng: np.random.Generator, level: np.ndarray) -> np.ndarray:
    """Draw lines along the scan, which are everywhere the same."""
    return level[:, None] + rng.normal(0, 100, (SIZE, SIZE))


def wrong_pair(seed: int) -> Field:
    first, second, _ = session(seed).fields
    return Field(first.rapid, second.slow)


def only_noise(seed: int) -> Field:
    rng = np.random.default_rng(seed)
    return Field(noise(rng), noise(rng))


def only_lines(seed: int) -> Field:
    rng = np.random.default_rng(seed)
    level = 20_000 + 3000 * rng.standard_normal(SIZE)
    return Field(lines(rng, level), lines(rng, level))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make", [wrong_pair, only_noise, only_lines])
def test_a_field_that_tells_nothing_is_refused(make: object, seed: int) -> None:
    with pytest.raises(Refused) as refusal:
        judge({"alone": make(seed)})
    message = str(refusal.value)
    assert message.startswith(f"no field of view tells the map: alone: {UNLIKE}")
    assert message.endswith(REMEDY)


def test_columns_that_little_tells_apart_are_refused() -> None:
    # There is structure in a few columns of the middle only, and noise elsewhere.
    rng = np.random.default_rng(3)
    veil = np.exp(-(((np.arange(SIZE) - 64) / 8) ** 4))
    first = session(3).fields[0]
    shown = [(image - image.mean()) * veil for image in (first.rapid, first.slow)]
    veiled = Field(*(image + rng.normal(0, 300, image.shape) for image in shown))
    with pytest.raises(Refused, match=r"columns' places to \d\.\d px only, and 0\.5 px are asked"):
        judge({"alone": veiled})


def test_no_number_of_wrong_pairs_makes_a_map() -> None:
    first, second, third = session(0).fields
    turned = {"a": Field(first.rapid, second.slow), "b": Field(second.rapid, third.slow)}
    with pytest.raises(Refused, match=f"no field of view tells the map: .: {UNLIKE}"):
        judge(turned)
