"""Intervals of means over few fields of view, beside closed forms."""

import numpy as np
import pytest
from scipy.stats import binom, norm
from scipy.stats import t as student

from stemjax.evaluate.interval import bootstrap_interval


@pytest.mark.parametrize(("fields", "ones"), [(10, 5), (20, 4), (20, 16)])
def test_means_of_resampled_zeros_and_ones_are_binomial(fields: int, ones: int) -> None:
    values = np.repeat([0.0, 1.0], [fields - ones, ones])
    tail = norm.cdf(student.ppf(0.025, fields - 1) * np.sqrt(fields / (fields - 1)))
    quantiles = binom.ppf([tail, 1 - tail], fields, ones / fields) / fields
    assert bootstrap_interval(values) == pytest.approx(tuple(quantiles))


def test_of_two_fields_the_interval_is_from_one_to_the_other() -> None:
    """Each is drawn twice in a quarter of all resamples."""
    assert bootstrap_interval(np.array([3.0, 8.0])) == (3.0, 8.0)
    assert bootstrap_interval(np.array([3.0])) is None


@pytest.mark.parametrize("fields", [6, 16, 30])
def test_the_interval_holds_the_true_mean_nearly_as_often_as_student_s(fields: int) -> None:
    """Of six normal values a little less, as it cannot leave their range; Efron's in 87 %."""
    rng = np.random.default_rng(1)
    samples = rng.normal(7.0, 2.0, (2000, fields))
    held = np.mean([low <= 7.0 <= high for low, high in map(bootstrap_interval, samples)])
    middle, width = samples.mean(axis=1), student.isf(0.025, fields - 1)
    exact = np.abs(middle - 7.0) <= width * samples.std(axis=1, ddof=1) / np.sqrt(fields)
    assert exact.mean() - 0.03 <= held <= exact.mean() + 0.01


def test_methods_are_compared_within_resamples() -> None:
    """Fields differ far more than methods do; drawn apart, the ratio would scatter."""
    rapid = np.array([10.0, 20.0, 40.0, 80.0])
    assert bootstrap_interval(1.5 * rapid, rapid) == pytest.approx((1.5, 1.5))
