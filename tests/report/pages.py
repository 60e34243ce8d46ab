"""A small experiment by hand, and its report as a browser reads it."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from stemjax.evaluate.table import COLUMNS
from stemjax.report.site import write_report
from stemjax.sheet import Acquisition
from tests.handmade import Handmade, canvas, settings, straight

SHEET = [
    Acquisition("field-1", "mon", "train", "1.emd", "1_slow.emd"),
    Acquisition("test-1", "mon", "test", "2.emd", "2_slow.emd"),
    Acquisition("heating", "mon", "series", "3.emd"),
    Acquisition("other", "tue", "test", "4.emd", "4_slow.emd"),
]
JUDGED = [row.acquisition for row in SHEET if row.role != "train"]
SCALE = dict.fromkeys(("rapid_offset", "rapid_scale", "target_offset", "target_scale"), 1.0)


class Page(HTMLParser):
    """A page's text, and its tags with their attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.hidden = ""  # the tag, style or script, that the parser is in
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag in ("style", "script"):
            self.hidden = tag
        if tag not in ("strong", "code", "a"):  # which stand within a line
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        if tag == self.hidden:
            self.hidden = ""

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of all tags of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def pictures(self) -> dict[str, str]:
        """Give the pictures by what they show."""
        return {str(each["alt"]): str(each["src"]) for each in self.of("img") if each.get("src")}

    def charts(self) -> list[str]:
        """Tell what the charts show."""
        return [str(each["aria-label"]) for each in self.of("svg") if "aria-label" in each]

    def said(self) -> str:
        """Give the text as it is read, in one line."""
        return " ".join(self.text.split())


def experiment(folder: Path) -> Handmade:
    """Leave the results of a sheet of which everything worked."""
    handmade = Handmade(folder)
    for k, row in enumerate(SHEET):
        handmade.still(row.acquisition, canvas(k))
        if row.role != "train":
            for model in ("dlf-a", "dlf-b"):
                frames = np.full((4, 64, 64), k, np.uint16)
                handmade.restored(model, row.acquisition, frames)
    for session in ("mon", "tue"):
        handmade.map(session, straight(64, 2.0), {"field-1": (0, 0)})
    for model in ("dlf-a", "dlf-b"):
        handmade.record(f"dataset/{model}.json")
        pairs = [{"acquisition": "field-1", "split": "train"}]
        handmade.model(model, settings(), SCALE, pairs=pairs, steps=12)
        losses = handmade.results / f"models/{model}/metrics.csv"
        losses.write_text("epoch,train_loss,validation_loss\n1,0.5,\n2,0.25,\n")
    metrics(handmade, "test-1,0,rapid,psnr_slow,20.0", "test-1,0,dlf-a,psnr_slow,30.0")
    return handmade


def metrics(handmade: Handmade, *rows: str) -> None:
    """Write the table of measurements."""
    path = handmade.results / "evaluation" / "metrics.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")


def written(
    handmade: Handmade,
    models: tuple[str, ...] = ("dlf-a", "dlf-b"),
    sheet: list[Acquisition] = SHEET,
) -> Path:
    """Write the report; give its folder."""
    folder = handmade.results / "report"
    judged = [row.acquisition for row in sheet if row.role != "train"]
    restored = {model: judged for model in models}
    index, summary = folder / "index.html", folder / "summary.csv"
    write_report(handmade.results, sheet, restored, 10, index, summary)
    return folder


def report(handmade: Handmade, models: tuple[str, ...] = ("dlf-a", "dlf-b")) -> Page:
    """Write the report and read its first page."""
    return Page(written(handmade, models) / "index.html")
