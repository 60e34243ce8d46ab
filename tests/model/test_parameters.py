"""Parameters on disk."""

from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file, save_file

from stemjax.config import UNet as Settings
from stemjax.errors import UserError
from stemjax.model.parameters import load_parameters, new_network, save_parameters

SETTINGS = Settings(features=2, depth=2)


def test_parameters_go_to_disk_and_back_bit_for_bit(tmp_path: Path) -> None:
    graph, parameters = new_network(SETTINGS, seed=3)
    written = save_parameters(tmp_path / "p.safetensors", parameters)
    graph_again, again = load_parameters(tmp_path / "p.safetensors", SETTINGS)
    assert graph_again == graph
    before, after = jax.tree.leaves(parameters), jax.tree.leaves(again)
    assert len(before) == len(after) == len(written)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert one.dtype == other.dtype == np.float32


def test_the_file_names_each_layer(tmp_path: Path) -> None:
    _, parameters = new_network(SETTINGS, seed=3)
    save_parameters(tmp_path / "p.safetensors", parameters)
    stored = load_file(tmp_path / "p.safetensors")
    assert stored["down.0.first.kernel"].shape == (3, 3, 1, 2)
    assert stored["up.1.expand.kernel"].shape == (4, 8)
    first = np.asarray(nnx.to_pure_dict(parameters)["down"][0]["first"]["kernel"])
    np.testing.assert_array_equal(stored["down.0.first.kernel"], first)


@pytest.mark.parametrize("change", ["a layer more", "other widths"])
def test_parameters_of_another_network_are_told(tmp_path: Path, change: str) -> None:
    _, parameters = new_network(SETTINGS, seed=3)
    path = tmp_path / "p.safetensors"
    stored = save_parameters(path, parameters)
    if change == "a layer more":
        save_file(stored | {"down.0.fourth.bias": np.zeros(2, np.float32)}, path)
    settings = SETTINGS if change == "a layer more" else Settings(features=3, depth=2)
    with pytest.raises(UserError, match=r"p\.safetensors holds parameters of another network"):
        load_parameters(path, settings)


def test_a_seed_gives_one_network() -> None:
    def first(seed: int) -> np.ndarray:
        return np.asarray(jax.tree.leaves(new_network(SETTINGS, seed)[1])[1])

    np.testing.assert_array_equal(first(3), first(3))
    assert not np.array_equal(first(3), first(4))
