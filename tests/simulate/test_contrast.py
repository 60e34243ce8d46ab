"""Dislocation contrast against the textbook: rocking curve, Howie-Whelan equations, widths."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from stemjax.simulate.contrast import (
    ALUMINIUM,
    DEPTH,
    DISTANCE_NM,
    EDGE,
    STEEL,
    Material,
    _bright_field,
    contrast_table,
)

SCREW = 0
MIDDLE = len(DEPTH) // 2
PIXEL_NM = 2.1


def width_nm(profile: np.ndarray) -> float:
    """Full width at half maximum of the dark line in a profile over DISTANCE_NM."""
    dark = 1 - profile
    peak = int(dark.argmax())
    fine = np.linspace(DISTANCE_NM[0], DISTANCE_NM[-1], 20_001)
    above = np.interp(fine, DISTANCE_NM, dark) > dark[peak] / 2
    start = int(np.searchsorted(fine, DISTANCE_NM[peak]))
    left = start - int(np.argmin(above[start::-1]))
    right = start + int(np.argmin(above[start:]))
    return float(fine[right] - fine[left])


@pytest.mark.parametrize("deviation", [0.0, 0.003, 0.01, -0.02])
def test_a_foil_without_visible_strain_follows_the_two_beam_rocking_curve(
    deviation: float,
) -> None:
    foil = Material(extinction_nm=58.0, thickness_nm=250.0, absorption=0.0)
    bright = _bright_field(foil, 0, np.array([deviation]))
    w = deviation * 58.0
    expected = 1 - np.sin(np.pi * 250.0 * np.sqrt(deviation**2 + 58.0**-2)) ** 2 / (1 + w**2)
    np.testing.assert_allclose(bright, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("edge", "depth", "x_nm"), [(0, 6, -10.0), (0, 6, 10.0), (2, 4, -20.0), (1, 8, 30.0)]
)
def test_a_strained_column_solves_the_howie_whelan_equations(
    edge: int, depth: int, x_nm: float
) -> None:
    s = 0.2 / STEEL.extinction_nm
    line_z = DEPTH[depth] * STEEL.thickness_nm

    def phase(z: float) -> float:
        # 2 pi g.R of a straight line with g.b = 1: Hirsch et al. (1965), chapter 7
        turn = np.arctan(z / x_nm)
        return turn + EDGE[edge] * np.sin(2 * turn) / (4 * (1 - 0.3))

    def slope(z: float, wave: np.ndarray) -> list[complex]:
        beta = (phase(z - line_z + 1e-3) - phase(z - line_z - 1e-3)) / (2e-3 * 2 * np.pi)
        c = np.pi * (1j - STEEL.absorption) / STEEL.extinction_nm
        return [c * wave[1], c * wave[0] + 2j * np.pi * (s + beta) * wave[1]]

    solved = solve_ivp(
        slope, (0, STEEL.thickness_nm), np.array([1, 0], complex), rtol=1e-6, atol=1e-8
    )
    table = _bright_field(STEEL, 1, np.array([s]))
    place = int(np.flatnonzero(x_nm == DISTANCE_NM)[0])
    assert table[edge, depth, place] == pytest.approx(abs(solved.y[0, -1]) ** 2, abs=0.05)


def test_the_opposite_burgers_vector_mirrors_the_contrast() -> None:
    plus, minus = contrast_table(STEEL, 1), contrast_table(STEEL, -1)
    np.testing.assert_allclose(minus, plus[:, :, ::-1], atol=1e-9)
    assert np.abs(plus - minus).max() > 0.1


def test_far_from_a_line_the_foil_is_perfect() -> None:
    ends = contrast_table(STEEL, 1)[:, :, [0, -1]]
    np.testing.assert_allclose(ends, 1, atol=0.1)


def test_a_screw_at_the_bragg_condition_has_the_published_width() -> None:
    spread = np.linspace(-0.0094, 0.0094, 7)  # 1.2 mrad at 300 kV
    line = _bright_field(STEEL, 1, spread) / _bright_field(STEEL, 0, spread)
    profile = line[SCREW, MIDDLE]
    assert 11 < width_nm(profile) < 20  # xi_g/5 to xi_g/3 of 58 nm
    assert 0.7 < 1 - profile.min() < 0.85


@pytest.mark.parametrize("edge", range(len(EDGE)))
def test_strong_lines_in_steel_are_wider_than_four_pixels(edge: int) -> None:
    strong = [p for p in contrast_table(STEEL, 1)[edge] if p.min() < 0.35]
    assert strong
    for profile in strong:
        assert 4 * PIXEL_NM < width_nm(profile) < 30


@pytest.mark.parametrize("edge", range(len(EDGE)))
def test_lines_in_aluminium_are_wider_than_in_steel(edge: int) -> None:
    darkest = [
        min(contrast_table(material, 1)[edge], key=np.min) for material in (STEEL, ALUMINIUM)
    ]
    steel, aluminium = map(width_nm, darkest)
    assert aluminium > 1.5 * steel
