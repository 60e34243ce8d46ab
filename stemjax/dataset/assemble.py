"""Decide what a model learns from: acquisitions, split, intensity scale."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stemjax.config import Model
from stemjax.dataset.geometry import read_session
from stemjax.dataset.pairs import load_field
from stemjax.errors import Refused
from stemjax.progress import say, track
from stemjax.provenance import digest, versions
from stemjax.records import read_record
from stemjax.typing import Json

PERCENTILES = (1.0, 99.0)


@dataclass(frozen=True)
class Scale:
    """Intensities of rapid frames and targets to the network's range and back.

    Constants of the data set, never of a frame or series: equal intensities stay equal.
    """

    rapid_offset: float
    rapid_scale: float
    target_offset: float
    target_scale: float


@dataclass(frozen=True)
class Source:
    """Records of one acquisition that the pairs come from; beside each lies its store.

    Where `distortion` is None, the pairs are those of rapid geometry, to which no map belongs.
    """

    acquisition: str
    converted: str
    dcfi: str
    distortion: str | None

    def checked(self, *, correct: bool) -> "Source":
        """Check that every stage before this one had a result that goes with the others.

        Args:
            correct: whether the frames are undistorted.

        Returns:
            The source, without its map where the frames are not undistorted.

        Raises:
            Refused: says which had not.
        """
        converted = read_record(self.converted)
        read_record(self.dcfi)
        read_session(self.acquisition, converted, Path(self.distortion), needed=correct)
        return self if correct else replace(self, distortion=None)


def assemble(model: Model, sources: Sequence[Source]) -> Json:
    """Describe a data set; frames stay where they are.

    Args:
        model: target, split and patches.
        sources: the acquisitions that the model's selection found, usable or not.

    Returns:
        The record: ``pairs`` (which frames, rows and split), ``left_out`` (acquisitions, and
        why), ``scale``, ``steps_per_epoch``.

    Raises:
        Refused: no acquisition is usable.
    """
    good, left_out = [], {}
    for source in sources:
        try:
            good.append(source.checked(correct=model.correct))
        except Refused as refusal:
            left_out[source.acquisition] = str(refusal)
            say(f"left out: {source.acquisition}: {refusal}")
    if not good:
        which = " with a distortion map" if model.correct else ""
        raise Refused(f"no usable acquisition{which} to learn from")
    counts = [_frames(source, model) for source in good]
    shapes = [read_record(source.converted)["shape"] for source in good]
    patch = model.train.patch
    for source, shape in zip(good, shapes, strict=True):
        if min(shape) < patch:
            raise Refused(
                f"{source.acquisition}: frames of {shape[0]} x {shape[1]} are smaller than a "
                f"patch of {patch}; lower train.patch"
            )
    entries = []
    for source, count, rows in zip(good, counts, _split(model, shapes), strict=True):
        for split, (first, last) in rows.items():
            entries.append(
                {**asdict(source), "frames": count, "split": split, "rows": [first, last]}
            )
    patches = sum(
        count * (shape[0] // patch) * (shape[1] // patch)
        for count, shape in zip(counts, shapes, strict=True)
    )
    scale = asdict(_scale(good, counts, model))
    content = [_content(source) for source in good]
    return {
        "pairs": entries,
        "left_out": left_out,
        "target": model.target,
        "scale": scale,
        "steps_per_epoch": math.ceil(patches / model.train.batch_size),
        "digest": digest(entries, content, model.target, scale),
        "versions": versions("numpy", "scipy"),
    }


def _frames(source: Source, model: Model) -> int:
    there = read_record(source.converted)["frames"]
    return min(there, model.frames or there)


def _content(source: Source) -> list[str]:
    records = (source.converted, source.dcfi, source.distortion)
    return [read_record(path)["digest"] for path in records if path]


def _split(model: Model, shapes: Sequence[list[int]]) -> list[dict[str, tuple[int, int]]]:
    """Share out fields of view; frames of one field share a target and must stay together.

    A single field is divided by rows instead, with a gap wider than a patch.
    """
    fields, height = len(shapes), shapes[0][0]
    share = model.train.validation
    if share > 0 and fields == 1:
        patch = model.train.patch
        cut = height - max(round(share * height), patch)
        if cut - patch - 1 >= patch:
            return [{"train": (0, cut - patch - 1), "validation": (cut, height)}]
    # At least one is held back, and at least one is left to learn from.
    held = min(max(1, round(share * fields)), fields - 1) if share > 0 else 0
    order = np.random.default_rng(model.train.seed).permutation(fields)
    chosen = set(order[:held].tolist())
    return [
        {"validation" if k in chosen else "train": (0, shape[0])} for k, shape in enumerate(shapes)
    ]


def _scale(sources: Sequence[Source], counts: Sequence[int], model: Model) -> Scale:
    rapid, target = [], []
    for source, count in track(
        list(zip(sources, counts, strict=True)), len(sources), "intensity scale"
    ):
        field = load_field(
            source.converted, source.dcfi, source.distortion, model.target, [0, count // 2]
        )
        rapid.append(_percentiles(field.rapid))
        target.append(_percentiles(field.target))
    return Scale(*_range(rapid), *_range(target))


def _percentiles(image: Float[np.ndarray, "..."]) -> Float[np.ndarray, " 2"]:
    return np.percentile(image, PERCENTILES)


def _range(of_fields: list[Float[np.ndarray, " 2"]]) -> tuple[float, float]:
    low, high = np.median(of_fields, axis=0)
    if not high > low:
        raise Refused("the frames to learn from are constant")
    return round(float(low + high) / 2, 3), round(float(high - low) / 2, 3)
