"""What the report tells of models."""

from pathlib import Path

import numpy as np
from PIL import Image

from stemjax.report.models import learning_curves, show_models
from tests.handmade import settings
from tests.report.pages import JUDGED, SCALE, SHEET, Page, experiment, written


def test_a_model_is_shown_with_where_it_started_and_what_it_did_not_use(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    about = {"acquisition": "held", "split": "validation"}
    start = {"model": "dlf-a", "digest": "d", "seen": ["held"]}
    pairs = [{"acquisition": "gone", "split": "train", "frames": [2, 9]}]
    handmade.model("dlf-b", settings(), SCALE, pairs=pairs, steps=12, picture=about, start=start)
    picture = handmade.results / "models/dlf-b/validation.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(picture)
    folder = written(handmade)
    page = Page(folder / "models/dlf-b.html")
    said = page.said()
    assert "dlf-b started from the parameters of dlf-a, which had already learned from held" in said
    assert "Not used by dlf-b, because they came after its training: field-1." in said
    assert "gone (7 frames)" in said
    assert "dlf-b on a part of held that it did not learn from." in said
    shown = page.pictures()["dlf-b: rapid frame, prediction and target of held"]
    assert (page.path.parent / shown).read_bytes() == picture.read_bytes()
    assert "Not used" not in Page(folder / "models/dlf-a.html").said()
    assert "not field-1, which came later" in Page(folder / "index.html").said()

    handmade.record("dataset/dlf-b.json", left_out={"field-1": "1.emd: cut off"})
    (found,) = show_models(handmade.results, SHEET, {"dlf-b": JUDGED}, tmp_path)
    assert found["unused"] == []


def test_a_loaded_model_needs_neither_data_set_nor_curves(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    pairs = [{"acquisition": "of-last-year", "split": "train"}]
    handmade.model("dlf-b", settings(), SCALE, pairs=pairs, steps=12, loaded="../last-year/dlf")
    (handmade.results / "dataset/dlf-b.json").unlink()
    (handmade.results / "models/dlf-b/metrics.csv").unlink()
    folder = written(handmade)
    for name in ("index", "models/dlf-b"):
        said = Page(folder / f"{name}.html").said()
        assert "dlf-b, loaded from ../last-year/dlf" in said
        assert "of-last-year" in said
        assert "Not used by" not in said
    assert Page(folder / "models/dlf-b.html").charts() == []


def test_fields_are_told_apart_by_what_they_were_used_for(tmp_path: Path) -> None:
    handmade = experiment(tmp_path)
    splits = {"field-1": "train", "field-2": "validation"}
    pairs = [{"acquisition": k, "split": v, "frames": [0, 4]} for k, v in splits.items()]
    handmade.model("dlf-a", settings(), SCALE, pairs=pairs, steps=12)
    (found,) = show_models(handmade.results, SHEET, {"dlf-a": JUDGED}, tmp_path)
    assert (found["learned"], found["validated"]) == ({"field-1": 4}, {"field-2": 4})


def test_learning_curves_are_drawn_with_and_without_validation() -> None:
    losses = {"train": np.array([0.5, 0.1]), "validation": np.array([0.6, 0.2])}
    assert [path[0] for path in learning_curves("a", losses).paths] == ["training", "validation"]
    losses["validation"] = np.full(2, np.nan)
    assert [path[0] for path in learning_curves("a", losses).paths] == ["training"]
