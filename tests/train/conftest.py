"""A data set in which there is one thing to learn, known in advance."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from stemjax.dataset.assemble import Source
from tests.handmade import Handmade, canvas, straight, view

STEPS = 3  # of an epoch
BRIGHTER = 400  # grey levels that a rapid frame is above its target, of 4,000 to the unit
START_LOSS = 0.01  # hence


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Describe two fields of view, one held back, in which rapid frames are merely too bright."""
    handmade = Handmade(tmp_path_factory.mktemp("data"))
    distortion = str(handmade.map("s", straight(64), {"a": (0, 0), "b": (0, 0)}))
    pairs = []
    for k, (name, split) in enumerate((("a", "train"), ("b", "validation"))):
        slow = view(canvas(k))
        converted = handmade.converted(name, np.stack([slow + np.uint16(BRIGHTER)] * 2), slow)
        source = Source(
            name, str(converted), str(handmade.dcfi(name, slow, np.zeros((2, 2)))), distortion
        )
        pairs.append({**asdict(source), "frames": [0, 2], "split": split, "rows": [0, 64]})
    offsets = {"rapid_offset": 20_000.0, "target_offset": 20_000.0}
    return handmade.record(
        "dataset/m.json",
        pairs=pairs,
        target="slow",
        scale={**offsets, "rapid_scale": 4_000.0, "target_scale": 4_000.0},
        steps_per_epoch=STEPS,
        statistics={"a": {"noise": 1.0}, "b": {"noise": 2.0}},
        digest="d",
    )
