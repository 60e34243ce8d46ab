"""What a run measured, as claims look it up: means over fields of view with their intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import zarr
from jaxtyping import Float

from stemjax.distortion.map import from_json
from stemjax.errors import UserError
from stemjax.evaluate.interval import bootstrap_interval
from stemjax.evaluate.references import judged
from stemjax.evaluate.spectra import follows, horizontal_profile, streak_db
from stemjax.evaluate.statistics import RAPID, Summary, summarise
from stemjax.io.store import open_store
from stemjax.provenance import read_json
from stemjax.records import OK
from stemjax.report.glossary import number
from stemjax.report.paper.metrics import Means, field_means, field_scatter, metrics_path, table
from stemjax.report.paper.run import Run
from stemjax.typing import AnyImage

STREAK, FOLLOWS = "streak_db", "follows_per_um"
SCATTER = "psnr_truth_scatter"  # standard deviation between the frames of a field of view


@dataclass(frozen=True)
class Estimate:
    """A mean over fields of view.

    Attributes:
        mean: of one value for each field.
        low: lower end of its 95 % interval, None for a single field.
        high: upper end.
        fields: how many there are.
    """

    mean: float
    low: float | None
    high: float | None
    fields: int

    def says(self, digits: int, unit: str = "", *, signed: bool = False) -> str:
        """Write mean, unit and interval, as in ``+1.2 dB [+0.8, +1.6]``."""
        text = number(self.mean, digits, signed=signed) + (f" {unit}" if unit else "")
        if self.low is None or self.high is None:
            return text
        ends = [number(end, digits, signed=signed) for end in (self.low, self.high)]
        return f"{text} [{', '.join(ends)}]"


@dataclass(frozen=True)
class Measured:
    """All that was measured in a run.

    Attributes:
        summaries: by group (``test``, ``series``), method and metric.
        means: of test fields of view: by metric, method and acquisition. Of ``streak_db``, as
            methods, also the slow scan's own (``slow``) and that of the simulated specimen
            without noise (``truth``); of ``follows_per_um`` the latter's, beyond which there is
            nothing but noise to follow.
    """

    summaries: Mapping[tuple[str, str, str], Summary]
    means: Mapping[str, Means]


def measure_run(run: Run) -> Measured:
    """Read what a run measured.

    Raises:
        UserError: there is no table of measurements.
    """
    path = metrics_path(run)
    if not path.exists():
        raise UserError(f"{path}: there are no measurements; run the workflow to its end first")
    rows = table(run)
    summaries = summarise(rows, {row.acquisition: row.role for row in run.sheet})
    metrics = dict.fromkeys(row["metric"] for row in rows)
    means = {metric: field_means(rows, run, metric) for metric in metrics}
    for metric, own in own_values(run).items():
        if metric in means:
            means[metric] = {**means[metric], **own}
    means[SCATTER] = field_scatter(rows, run, "psnr_truth")
    return Measured({(s.group, s.method, s.metric): s for s in summaries}, means)


def mean_of(found: Measured, group: str, method: str, metric: str) -> Estimate | None:
    """Give a method's mean; of what was read off the slow scan or the truth likewise."""
    each = found.summaries.get((group, method, metric))
    if each is not None:
        return Estimate(each.mean, each.low, each.high, each.fields)
    values = found.means.get(metric, {}).get(method, {}) if group == "test" else {}
    return _estimate(np.array([*values.values()], float))


def gain_of(found: Measured, group: str, method: str, metric: str) -> Estimate | None:
    """Give by how many percent a method's mean PSNR exceeds that of the rapid frames."""
    each = found.summaries.get((group, method, metric))
    if each is None or each.gain_percent is None:
        return None
    return Estimate(each.gain_percent, each.gain_low, each.gain_high, each.fields)


def over_rapid(found: Measured, group: str, method: str, metric: str) -> Estimate | None:
    """Give what a metric of a method has over that of the rapid frames."""
    each = found.summaries.get((group, method, metric))
    if each is None or each.difference is None:
        return None
    return Estimate(each.difference, each.difference_low, each.difference_high, each.fields)


def difference_of(found: Measured, metric: str, method: str, other: str) -> Estimate | None:
    """Give what a metric of a method has over another's, paired over test fields of view."""
    means = found.means.get(metric, {})
    mine, theirs = means.get(method, {}), means.get(other, {})
    pairs = [mine[name] - theirs[name] for name in mine if name in theirs]
    return _estimate(np.array(pairs, float))


def gain_contrast(found: Measured, method: str, metrics: tuple[str, str]) -> Estimate | None:
    """Give by how many percent more one PSNR of a method gains over rapid frames than another."""
    gains = []
    for metric in metrics:
        of_all = found.means.get(metric, {})
        mine, theirs = of_all.get(method, {}), of_all.get(RAPID, {})
        gains.append({n: 100 * (mine[n] / theirs[n] - 1) for n in mine if n in theirs})
    more, less = gains
    return _estimate(np.array([more[name] - less[name] for name in more if name in less], float))


def _estimate(values: Float[np.ndarray, " n"]) -> Estimate | None:
    if not len(values):
        return None
    return Estimate(
        float(values.mean()), *(bootstrap_interval(values) or (None, None)), len(values)
    )


def own_values(run: Run) -> dict[str, dict[str, dict[str, float]]]:
    """Measure the slow scans and the simulated specimen themselves, in the judged region.

    The slow scan is taken as recorded: moving it would smooth its noise.

    Returns:
        By metric: ``streak_db`` of ``slow`` and ``truth``, ``follows_per_um`` of ``truth``, each
        by test field of view, as far as there are any.
    """
    found: dict[str, dict[str, dict[str, float]]] = {STREAK: {}, FOLLOWS: {}}
    for row in run.rows("test"):
        records = [run.results / f"converted/{row.acquisition}.json"]
        records.append(run.results / f"distortion/{row.session}.json")
        if any(not path.exists() or read_json(path)["status"] != OK for path in records):
            continue
        source, about = open_store(records[0].with_suffix(".zarr"))
        one = from_json(read_json(records[1]))
        images = {
            name: image[judged(one, image.shape[0])]
            for name, image in _clean_images(source, row.truth)
        }
        values = [(STREAK, name, streak_db(image)) for name, image in images.items()]
        if len(images) == 2:
            (per_um, slow), (_, truth) = (
                horizontal_profile(images[name], about["pixel_size_nm"])
                for name in ("slow", "truth")
            )
            values.append((FOLLOWS, "truth", follows(per_um, truth, slow)))
        for metric, name, value in values:
            if np.isfinite(value):
                found[metric].setdefault(name, {})[row.acquisition] = value
    return found


def _clean_images(source: zarr.Group, truth: str) -> Iterator[tuple[str, AnyImage]]:
    """Yield what is not restored: the slow scan, and the last ideal frame."""
    if "slow" in source:
        yield "slow", np.asarray(source["slow"])
    if truth and Path(truth).is_file():
        with h5py.File(truth) as file:
            yield "truth", np.asarray(file["clean"][-1])
