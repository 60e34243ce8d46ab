"""Decide what a model learns from: acquisitions, split, intensity scale."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil, prod
from pathlib import Path

from stemjax.config import Model, Train
from stemjax.dataset.field import Paths, place_field
from stemjax.dataset.geometry import read_session
from stemjax.dataset.intensity import measure_scale
from stemjax.dataset.split import Span, by_fields, by_frames, by_rows
from stemjax.dataset.statistics import measure_statistics
from stemjax.errors import Refused
from stemjax.progress import say
from stemjax.provenance import digest, versions
from stemjax.records import read_record
from stemjax.typing import Json


@dataclass(frozen=True)
class Source:
    """Records of one acquisition that the pairs come from; beside each lies its store.

    Where `distortion` is None, the pairs are those of rapid geometry, to which no map belongs.
    """

    acquisition: str
    converted: str
    dcfi: str
    distortion: str | None

    def checked(self, model: Model) -> "Source":
        """Check that every stage before this one had a result that goes with the others.

        Args:
            model: tells whether the frames are undistorted, and what the target takes.

        Returns:
            The source, without its map where the frames are not undistorted.

        Raises:
            Refused: says which had not, or why there is no target.
        """
        converted = read_record(self.converted)
        read_record(self.dcfi)
        read_session(self.acquisition, converted, Path(self.distortion), needed=model.correct)
        if model.target == "slow" and not converted["slow"]:
            raise Refused(f"{self.acquisition}: there is no slow scan to learn")
        if self.frames(model) < _least_frames(model):
            raise Refused(f"{self.acquisition}: too few frames for one to be the others' target")
        return self if model.correct else replace(self, distortion=None)

    def frames(self, model: Model) -> int:
        """Count the frames that the model may use."""
        there = read_record(self.converted)["frames"]
        return min(there, model.frames or there)

    def paths(self) -> Paths:
        """Give the records, in the order in which a field of view is loaded from them."""
        return self.converted, self.dcfi, self.distortion


def assemble(model: Model, sources: Sequence[Source]) -> Json:
    """Describe a data set; frames stay where they are.

    Args:
        model: target, split and patches.
        sources: the acquisitions that the model's selection found, usable or not.

    Returns:
        The record: ``pairs`` (which frames, rows and split), ``left_out`` (acquisitions, and
        why), ``scale``, ``statistics`` of each acquisition, ``steps_per_epoch``.

    Raises:
        Refused: no acquisition is usable.
    """
    good, left_out = [], {}
    for source in sources:
        try:
            good.append(source.checked(model))
        except Refused as refusal:
            left_out[source.acquisition] = str(refusal)
            say(f"left out: {source.acquisition}: {refusal}")
    if not good:
        which = " with a distortion map" if model.correct else ""
        why = f" ({next(iter(left_out.values()))})" if left_out else ""
        raise Refused(f"no usable acquisition{which} to learn from{why}")
    counts = [source.frames(model) for source in good]
    shapes = [read_record(source.converted)["shape"] for source in good]
    patch = model.train.patch
    for source, shape in zip(good, shapes, strict=True):
        if min(shape) < patch:
            raise Refused(
                f"{source.acquisition}: frames of {shape[0]} x {shape[1]} are smaller than a "
                f"patch of {patch}; lower train.patch"
            )
    entries = []
    heights = [shape[0] for shape in shapes]
    for source, parts in zip(good, _parts(model, good, counts, heights), strict=True):
        for split, (frames, rows) in parts.items():
            part = {"split": split, "frames": list(frames), "rows": list(rows)}
            entries.append({**asdict(source), **part})
    fields = [source.paths() for source in good]
    scale = asdict(measure_scale(fields, counts, model.target, model.train.scale))
    statistics = {
        source.acquisition: measure_statistics(source.converted, count)
        for source, count in zip(good, counts, strict=True)
    }
    content = [_content(source) for source in good]
    return {
        "pairs": entries,
        "left_out": left_out,
        "target": model.target,
        "scale": scale,
        "statistics": statistics,
        "steps_per_epoch": steps_per_epoch(model.train, zip(counts, shapes, strict=True)),
        "digest": digest(entries, content, model.target, scale),
        "versions": versions("numpy", "scipy"),
    }


def steps_per_epoch(train: Train, frames: Iterable[tuple[int, Sequence[int]]]) -> int:
    """Count the steps of a pass over frames, given how many there are of which shape (y, x)."""
    patches = sum(n * prod(side // train.patch for side in shape) for n, shape in frames)
    return ceil(patches / train.batch_size)


def _least_frames(model: Model) -> int:
    """Count the frames that a part of a field needs, so that each has a target."""
    return 1 + model.unet.context if model.target == "rapid" else 1


def _content(source: Source) -> list[str]:
    return [read_record(path)["digest"] for path in source.paths() if path]


def _parts(
    model: Model, sources: Sequence[Source], counts: Sequence[int], heights: Sequence[int]
) -> list[dict[str, tuple[Span, Span]]]:
    """Share out each source; gives its frames and rows by split."""
    share, patch = model.train.validation, model.train.patch
    if model.train.split == "frames":
        least = _least_frames(model)
        return [
            {split: (frames, (0, height)) for split, frames in by_frames(n, share, least).items()}
            for n, height in zip(counts, heights, strict=True)
        ]
    if share > 0 and len(sources) == 1:
        seen = place_field(*sources[0].paths(), range(counts[0])).inside[:2]
        rows_of = by_rows(seen, share, patch)
        return [{split: ((0, counts[0]), rows) for split, rows in rows_of.items()}]
    splits = by_fields(len(sources), share, model.train.seed)
    return [
        {split: ((0, count), (0, height))}
        for split, count, height in zip(splits, counts, heights, strict=True)
    ]
