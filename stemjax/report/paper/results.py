"""The page that sets what a run measured beside what Ihara et al. (2022) report.

    python -m stemjax.report.paper.results EXPERIMENT SCALE OUTPUT

EXPERIMENT is the folder of config, sheet and results, SCALE that of ``make paper``.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import PIL.Image

from stemjax.config import Config, parse_config, read_content
from stemjax.errors import UserError
from stemjax.progress import say
from stemjax.provenance import read_json, written_aside
from stemjax.report.paper.claims import CLAIMS
from stemjax.report.paper.measured import measure_run
from stemjax.report.paper.run import Run
from stemjax.report.paper.sections import (
    beware_section,
    claims_section,
    examined_section,
    head_section,
    measures_section,
)
from stemjax.report.paper.tables import adds_section, made_section, tables_section
from stemjax.report.paper.verdicts import judge
from stemjax.selection import restored_rows
from stemjax.sheet import read_sheet
from stemjax.typing import Json

SHOWN = ("3-restored", "4-psnr", "5-spectra", "6-series")
QUALITY = 88  # of a JPEG: a fifth of the PNG, for what is kept in a repository


def read_run(experiment: Path) -> tuple[Run, Config]:
    """Read what an experiment is of; models that have not been trained are left out.

    Raises:
        UserError: config or sheet cannot be read; one line that names the file.
    """
    path = experiment / "config.yaml"
    config = parse_config(read_content(path), path)
    results = experiment / "results"
    inside = f"{experiment}/"  # as the sheet has raw files, by which simulated ones are known
    sheet = read_sheet(experiment / config.acquisitions)
    rows = [
        replace(row, rapid=row.rapid.removeprefix(inside), log=row.log.removeprefix(inside))
        for row in sheet.values()
    ]
    models = {
        model: restored_rows(sheet, entry.restore)
        for model, entry in config.models.items()
        if (results / "models" / model / "model.json").exists()
    }
    return Run(results, tuple(rows), models, config.simulate is not None), config


def shown_figures(run: Run) -> tuple[list[Json], list[Json]]:
    """Give those of a run's figures that the page shows, and name all that could not be drawn.

    Returns:
        As ``figures.json`` has them: figures, and names with the reason.
    """
    path = run.results / "report" / "figures" / "figures.json"
    made = read_json(path) if path.exists() else {"figures": [], "left_out": []}
    return [figure for figure in made["figures"] if figure["name"] in SHOWN], made["left_out"]


def _pictures_section(run: Run, folder: str) -> list[str]:
    lines, (figures, left_out) = [], shown_figures(run)
    for figure in figures:
        picture = f"![{figure['alt']}]({folder}/{figure['name']}.jpg)"
        lines += ["", picture, "", f"*{figure['title']}.* {figure['caption']}"]
    if left_out:
        lines += ["", *(f"- {f['name']} could not be drawn: {f['reason']}" for f in left_out)]
    return ["## What it looks like", *lines] if figures or left_out else []


def results_page(run: Run, config: Config, scale: float, pictures: str) -> str:
    """Write the page, in Markdown.

    Args:
        run: the results.
        config: that they were made by.
        scale: share of the paper's fields of view, frames and epochs that the run has.
        pictures: folder of :func:`shown_figures` as JPEG, seen from the page.

    Raises:
        UserError: there are no measurements.
    """
    found = measure_run(run)
    judged = judge(found, CLAIMS, scale)
    sections = (
        head_section(run, scale),
        claims_section(judged, run),
        examined_section(judged, found),
        beware_section(found, run),
        measures_section(judged),
        _pictures_section(run, pictures),
        tables_section(found),
        adds_section(run, found),
        made_section(run, config),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _write_pictures(run: Run, folder: Path) -> None:
    """Write the figures that the page shows as JPEG, and remove what it showed before."""
    figures, _ = shown_figures(run)
    for figure in figures:
        drawn = run.results / "report" / "figures" / f"{figure['name']}.png"
        with (
            written_aside(folder / f"{figure['name']}.jpg") as aside,
            PIL.Image.open(drawn) as image,
        ):
            image.convert("RGB").save(aside, "JPEG", quality=QUALITY)
    names = {f"{figure['name']}.jpg" for figure in figures}
    for old in folder.glob("*.jpg"):
        if old.name not in names:
            old.unlink()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit status."""
    parser = argparse.ArgumentParser(prog="stemjax.report.paper.results")
    parser.add_argument("experiment", type=Path, help="folder of config, sheet and results")
    parser.add_argument("scale", type=float, help="share of the paper's size that the run has")
    parser.add_argument("output", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    pictures = options.output.with_name(f"{options.output.stem}-pictures")
    try:
        run, config = read_run(options.experiment)
        page = results_page(run, config, options.scale, pictures.name)
    except UserError as error:
        say(f"error: {error}")
        return 1
    _write_pictures(run, pictures)
    with written_aside(options.output) as aside:
        aside.write_text(page, encoding="utf-8")
    say(f"results: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
