"""The picture of what a model learned."""

from pathlib import Path

import numpy as np
from PIL import Image

from stemjax.model.parameters import new_network
from stemjax.provenance import read_json
from stemjax.train.picture import GAP, HEAD, draw_validation
from tests.handmade import canvas, settings, view

MODEL = settings(16)


def panels(path: Path) -> list[np.ndarray]:
    """Take the picture apart."""
    with Image.open(path) as picture:
        grey = np.asarray(picture)[HEAD:]
    size = len(grey)
    assert grey.shape == (size, 3 * size + 2 * GAP)
    return [grey[:, k * (size + GAP) :][:, :size] for k in range(3)]


def test_it_shows_the_field_held_back_in_the_targets_contrast(
    dataset: Path, tmp_path: Path
) -> None:
    """The fresh network gives back the rapid frame, 0.1 of the network's range too bright."""
    graph, fresh = new_network(MODEL.unet, 0)
    about = draw_validation(graph, fresh, MODEL, read_json(dataset), tmp_path)
    assert about == {"acquisition": "b", "split": "validation"}
    rapid, prediction, target = panels(tmp_path / "validation.png")
    np.testing.assert_array_equal(rapid, target)  # the same but for brightness, stretched alike
    assert np.mean(prediction > target) > 0.9
    seen = view(canvas(1))[3:-3, 3:-3].astype(float)  # without what interpolation touches
    low, high = np.percentile(seen, [0.5, 99.5])
    expected = np.rint(255 * np.clip((seen - low) / (high - low), 0, 1))
    zoom = len(target) // len(seen)
    assert np.abs(target[::zoom, ::zoom].astype(float) - expected).max() <= 1


def test_without_held_back_fields_it_shows_one_that_was_learned_from(
    dataset: Path, tmp_path: Path
) -> None:
    record = read_json(dataset)
    record["pairs"] = [{**entry, "split": "train"} for entry in record["pairs"]]
    graph, fresh = new_network(MODEL.unet, 0)
    about = draw_validation(graph, fresh, MODEL, record, tmp_path)
    assert about == {"acquisition": "a", "split": "train"}


def test_frames_that_are_each_others_target_are_shown_with_their_mean(
    dataset: Path, tmp_path: Path
) -> None:
    graph, fresh = new_network(MODEL.unet, 0)
    draw_validation(graph, fresh, MODEL, {**read_json(dataset), "target": "rapid"}, tmp_path)
    rapid, prediction, mean = panels(tmp_path / "validation.png")
    np.testing.assert_array_equal(rapid, mean)  # still frames without noise
    np.testing.assert_array_equal(prediction, mean)
