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
import yaml

from stemjax.config import Config, parse_config
from stemjax.errors import UserError
from stemjax.progress import say
from stemjax.provenance import read_json, written_aside
from stemjax.report.paper.claims import CLAIMS
from stemjax.report.paper.measured import measure_run
from stemjax.report.paper.run import Run
from stemjax.report.paper.sections import (
    adds_section,
    claims_section,
    examined_section,
    head_section,
    made_section,
    measures_section,
    tables_section,
)
from stemjax.report.paper.verdicts import judge
from stemjax.sheet import read_sheet
from stemjax.typing import Json

SHOWN = ("3-restored", "5-spectra", "6-series")
QUALITY = 88  # of a JPEG: a fifth of the PNG, for what is kept in a repository


def read_run(experiment: Path) -> tuple[Run, Config]:
    """Read what an experiment is of; models that have not been trained are left out.

    Raises:
        UserError: config or sheet cannot be read; one line that names the file.
    """
    path = experiment / "config.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot read the config: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    config = parse_config(content or {}, path)
    results = experiment / "results"
    inside = f"{experiment}/"  # as the sheet has raw files, by which simulated ones are known
    rows = [
        replace(row, rapid=row.rapid.removeprefix(inside), log=row.log.removeprefix(inside))
        for row in read_sheet(experiment / config.acquisitions).values()
    ]
    models = {
        model: [r.acquisition for r in rows if r.role in _restored_roles(entry.restore)]
        for model, entry in config.models.items()
        if (results / "models" / model / "model.json").exists()
    }
    return Run(results, tuple(rows), models, config.simulate is not None), config


def _restored_roles(restore: str) -> tuple[str, ...]:
    return ("test", "series") if restore == "all" else (restore,)


def shown_figures(run: Run) -> list[Json]:
    """Give those of a run's figures that the page shows, as ``figures.json`` tells of them."""
    path = run.results / "report" / "figures" / "figures.json"
    figures = read_json(path)["figures"] if path.exists() else []
    return [figure for figure in figures if figure["name"] in SHOWN]


def _pictures_section(run: Run, folder: str) -> list[str]:
    lines = []
    for figure in shown_figures(run):
        picture = f"![{figure['alt']}]({folder}/{figure['name']}.jpg)"
        lines += ["", picture, "", f"*{figure['title']}.* {figure['caption']}"]
    return ["## What it looks like", *lines] if lines else []


def results_page(experiment: Path, scale: float, pictures: str) -> str:
    """Write the page, in Markdown.

    Args:
        experiment: folder of ``config.yaml``, sheet and ``results``.
        scale: share of the paper's fields of view, frames and epochs that the run has.
        pictures: folder of :func:`shown_figures` as JPEG, seen from the page.

    Raises:
        UserError: there is no run, or it has no measurements.
    """
    run, config = read_run(experiment)
    found = measure_run(run)
    judged = judge(found, CLAIMS, scale)
    sections = (
        head_section(run, scale),
        claims_section(judged),
        examined_section(judged, scale),
        measures_section(judged),
        _pictures_section(run, pictures),
        tables_section(found),
        adds_section(run, found),
        made_section(run, config),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; gives the exit status."""
    parser = argparse.ArgumentParser(prog="stemjax.report.paper.results")
    parser.add_argument("experiment", type=Path, help="folder of config, sheet and results")
    parser.add_argument("scale", type=float, help="share of the paper's size that the run has")
    parser.add_argument("output", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    pictures = options.output.with_name(f"{options.output.stem}-pictures")
    try:
        page = results_page(options.experiment, options.scale, pictures.name)
        run, _ = read_run(options.experiment)
    except UserError as error:
        say(f"error: {error}")
        return 1
    for figure in shown_figures(run):
        pictures.mkdir(parents=True, exist_ok=True)
        with PIL.Image.open(run.results / "report/figures" / f"{figure['name']}.png") as drawn:
            drawn.convert("RGB").save(pictures / f"{figure['name']}.jpg", quality=QUALITY)
    with written_aside(options.output) as aside:
        aside.write_text(page, encoding="utf-8")
    say(f"results: {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
