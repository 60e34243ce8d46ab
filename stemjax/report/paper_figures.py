"""Draw the figures for a paper from the results of a run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context

from stemjax.errors import Refused
from stemjax.progress import say, track
from stemjax.provenance import write_json
from stemjax.report.paper.distortion import distortion_figure
from stemjax.report.paper.network import network_figure
from stemjax.report.paper.quality import lines_figure, psnr_figure
from stemjax.report.paper.restored import restored_figure
from stemjax.report.paper.run import Run
from stemjax.report.paper.scans import scans_figure
from stemjax.report.paper.series import series_figure
from stemjax.report.paper.spectra import spectra_figure
from stemjax.report.paper.straightness import straightness_figure
from stemjax.report.paper.style import STYLE, Drawn, save
from stemjax.report.paper.workflow import workflow_figure
from stemjax.sheet import Acquisition

FIGURES: dict[str, Callable[[Run], Drawn]] = {
    "1-scans": scans_figure,
    "2-workflow": workflow_figure,
    "3-restored": restored_figure,
    "4-psnr": psnr_figure,
    "5-spectra": spectra_figure,
    "6-series": series_figure,
    "7-distortion": distortion_figure,
    "8-network": network_figure,
    "a-straightness": straightness_figure,
    "b-lines": lines_figure,
}


def plot_figures(
    results: Path,
    sheet: Sequence[Acquisition],
    models: Mapping[str, Sequence[str]],
    simulated: bool,
    folder: Path,
) -> None:
    """Draw the figures of Ihara et al., Sci. Rep. 12, 13462 (2022), from a run's own results.

    Each is written as SVG, PDF and PNG. Beside them, ``figures.json`` has ``figures``, a list of
    name, title, caption, alt and files, and ``left_out``, a list of name and reason.

    Args:
        results: folder of all results.
        sheet: rows.
        models: acquisitions that each restores, in the order in which they are shown.
        simulated: whether raw files were made by the simulated microscope.
        folder: of the figures; replaced as a whole.
    """
    run = Run(results, tuple(sheet), models, simulated)
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    figures, left_out = [], []
    for name, draw in track(FIGURES.items(), len(FIGURES), "figures"):
        try:
            with rc_context(STYLE):
                drawn = draw(run)
                files = save(drawn.figure, aside / name)
        except Refused as refusal:
            say(f"figure {name} is left out: {refusal}")
            left_out.append({"name": name, "reason": str(refusal)})
            continue
        said = {"title": drawn.title, "caption": drawn.caption, "alt": drawn.alt}
        figures.append({"name": name, **said, "files": files})
    write_json(aside / "figures.json", {"figures": figures, "left_out": left_out})
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
