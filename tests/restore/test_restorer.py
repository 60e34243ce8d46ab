"""A model outside the workflow, against the restoration inside."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stemjax
from stemjax.distortion.map import from_json
from stemjax.errors import UserError
from stemjax.provenance import read_json
from stemjax.restore.frames import bind, load_network
from tests.handmade import Handmade, settings, straight

SCALE = {"rapid_offset": 900.0, "rapid_scale": 256.0, "target_offset": 5e3, "target_scale": 192.0}
FRAMES = np.random.default_rng(0).integers(0, 2_000, (5 + 2, 20, 32)).astype(np.uint16)


@pytest.fixture
def handmade(tmp_path: Path) -> Handmade:
    """Write a model that does change frames, and a map by 3 pixels."""
    handmade = Handmade(tmp_path)
    handmade.model("m", settings(), SCALE, last=0.2)
    handmade.map("monday", straight(32, 3.0))
    return handmade


def test_frames_are_restored_as_in_the_workflow(handmade: Handmade) -> None:
    folder, map_ = handmade.results / "models/m", handmade.results / "distortion/monday.json"
    session = from_json(read_json(map_))
    inside = bind(load_network(folder), session, 20)
    expected = np.concatenate([inside(FRAMES[:5]), inside(FRAMES[5:])])
    restore = stemjax.load(str(folder))
    for distortion in (session, map_, str(map_)):
        restored = restore(FRAMES, distortion=distortion)
        np.testing.assert_array_equal(restored, expected)
        assert restored.dtype == np.uint16
    np.testing.assert_array_equal(restore(FRAMES[5], map_), expected[5])
    assert restore(FRAMES[:0], map_).shape == (0, 20, 32)
    assert restore.record == read_json(folder / "model.json")


def test_without_a_map_frames_stay_where_they_are(handmade: Handmade) -> None:
    folder = handmade.results / "models/m"
    expected = bind(load_network(folder), straight(32), 20)(FRAMES[:5])
    np.testing.assert_array_equal(stemjax.load(folder)(FRAMES[:5]), expected)


def test_mistakes_are_told_in_one_line(handmade: Handmade) -> None:
    restore = stemjax.load(handmade.results / "models/m")
    with pytest.raises(UserError, match="map is for frames 32 pixels wide, not 16"):
        restore(FRAMES[..., :16], handmade.results / "distortion/monday.json")
    refused = handmade.refused("distortion/tuesday.json", "nothing to fit")
    for path in (refused, "nowhere.json", handmade.results / "models/m/model.json"):
        with pytest.raises(UserError, match="holds no distortion map"):
            restore(FRAMES, path)
    with pytest.raises(UserError, match=r"^stemjax\.load: 'nowhere' holds no finished model"):
        stemjax.load("nowhere")


def test_importing_stemjax_is_light() -> None:
    code = "import stemjax, sys; assert stemjax.load; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
