"""The report: a folder of pages that opens from disk and asks for nothing from elsewhere."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stemjax.evaluate.statistics import summarise, write_summary
from stemjax.evaluate.table import read_metrics
from stemjax.progress import say, track
from stemjax.provenance import read_json, written_aside
from stemjax.report import charts
from stemjax.report.acquisition import method_table, show_acquisition
from stemjax.report.cost import show_cost
from stemjax.report.glossary import METHODS, METRICS, number
from stemjax.report.index import refusals, result_groups, run_facts, warnings_of_training
from stemjax.report.maps import show_maps
from stemjax.report.models import show_models
from stemjax.sheet import Acquisition
from stemjax.typing import Json

OURS = ("acquisitions", "images", "maps", "models")  # folders that hold nothing but this report's


def write_report(
    results: Path,
    sheet: Sequence[Acquisition],
    models: Mapping[str, Sequence[str]],
    frames: int,
    index: Path,
    summary: Path,
) -> None:
    """Write all pages from the records and stores below `results`.

    Pages of rows and models that are no longer there go. ``movies`` and ``figures``, beside them,
    are shown and left alone.

    Args:
        results: folder of all results.
        sheet: rows, in the order in which they are shown.
        models: acquisitions that each restores, in the order in which they are shown.
        frames: of an acquisition that are measured.
        index: path of the first page, which holds all that it shows; the others lie beside it.
        summary: path of the table of statistics.
    """
    judged = [row for row in sheet if row.role != "train"]
    rows = read_metrics(results / "evaluation" / "metrics.csv")
    environment = _environment()
    figures, left_out = _figures(index.parent)

    def page(path: Path, template: str, **content: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = environment.get_template(f"{template}.html.j2").render(figures=figures, **content)
        with written_aside(path) as aside:
            aside.write_text(text, encoding="utf-8")

    with _folders_aside(index.parent) as folder:
        acquisitions = []
        for row in track(judged, len(judged), "report: acquisitions"):
            restoring = [m for m in models if row.acquisition in models[m]]
            about = show_acquisition(results, row, restoring, frames, folder)
            about["table"] = method_table(rows, row.acquisition)
            page(folder / f"acquisitions/{row.acquisition}.html", "acquisition", up="../", **about)
            acquisitions.append(about)
        described = show_models(results, sheet, models, folder)
        for model in described:
            page(folder / f"models/{model['name']}.html", "model", up="../", model=model)
        maps = show_maps(results, sheet, folder)
        for each in maps:
            page(folder / f"maps/{each['session']}.html", "map", up="../", map=each)
    page(index.with_name("figures.html"), "figures", up="", left_out=left_out)
    cost = show_cost(results, sheet, models)
    page(index.with_name("cost.html"), "cost", up="", cost=cost)
    statistics = summarise(rows, {row.acquisition: row.role for row in sheet})
    write_summary(statistics, summary)
    page(
        index,
        "index",
        up="",
        refused=refusals(results, sheet, models),
        run=run_facts(results, sheet, models),
        warnings=[
            *warnings_of_training(results, sheet),
            *((each["name"], w) for each in acquisitions for w in each["warnings"]),
        ],
        groups=result_groups(statistics, list(models)),
        metrics=[METRICS[name] for name in METRICS if any(r["metric"] == name for r in rows)],
        methods=[METHODS[name] for name in METHODS if any(r["method"] == name for r in rows)],
        acquisitions=acquisitions,
        models=described,
        maps=maps,
        cost=cost,
    )
    say(f"report: {index}")


@contextmanager
def _folders_aside(report: Path) -> Iterator[Path]:
    """Give a folder in which to make the report's folders anew; then put them in their places."""
    aside = report / ".partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        for name in OURS:
            shutil.rmtree(report / name, ignore_errors=True)
            if (aside / name).exists():
                (aside / name).rename(report / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@cache
def _environment() -> Environment:
    """Prepare the templates: all that is filled in is escaped."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("stemjax.report"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["layout"] = vars(charts)
    environment.globals["number"] = number
    return environment


def _figures(report: Path) -> tuple[list[Json], list[Json]]:
    """Read which figures there are for a paper, with the file that a page shows, and which not."""
    path = report / "figures" / "figures.json"
    if not path.exists():
        return [], []
    made = read_json(path)
    for figure in made["figures"]:
        kinds = {Path(file).suffix: file for file in figure["files"]}
        figure["shown"] = kinds.get(".svg") or kinds.get(".png")
    return made["figures"], made["left_out"]
