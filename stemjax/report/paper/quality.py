"""What was measured, as bars and points over fields of view."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

import numpy as np
from matplotlib.axes import Axes

from stemjax.errors import Refused
from stemjax.report.glossary import number
from stemjax.report.paper.metrics import Means, Table, field_means, field_values, table
from stemjax.report.paper.run import Run, caption, counted, said_of_models
from stemjax.report.paper.style import PAPER, Drawn, colour, label, letter, new_figure

PSNR = {
    "psnr_paper": "whole image",
    "psnr_paper_mid": "slow scan 20,000 to 40,000",
    "psnr_paper_rest": "slow scan outside",
}
LINES = {
    "line_offset_px": "position error (px)",
    "line_width": "width, ratio to slow scan",
    "line_contrast": "contrast, ratio to slow scan",
}
MANY = 8  # methods beside each other, of which percentages no longer fit if written across
ANGLES = {"_0_30": "0 to 30°", "_30_60": "30 to 60°", "_60_90": "60 to 90°"}


def psnr_figure(run: Run) -> Drawn:
    """Show the mean PSNR of every method, as the paper defines it.

    Raises:
        Refused: it was not measured on any test field of view.
    """
    rows = table(run)
    measured = {name: field_means(rows, run, metric) for metric, name in PSNR.items()}
    measured = {name: means for name, means in measured.items() if means}
    if not measured:
        raise Refused("metrics.csv has no psnr_paper of a test row with a slow scan")
    figure = new_figure(72.0)
    panels = figure.subplots(1, len(measured), squeeze=False, sharey=True)[0]
    for axes, text, (name, means) in zip(panels, "abc", measured.items(), strict=False):
        bars(axes, means, run)
        axes.set_title(name)
        letter(axes, text)
    panels[0].set_ylabel("PSNR to the slow scan (dB)")
    whole = next(iter(measured.values()))
    names = {name for of_field in whole.values() for name in of_field}
    metric = next(metric for metric, name in PSNR.items() if name in measured)
    values = field_values(rows, run, metric).values()
    frames = [len(of_frames) for of_field in values for of_frames in of_field.values()]
    most = "up to " if min(frames) < max(frames) else ""
    parts = {
        "whole image": "over the whole image",
        "slow scan 20,000 to 40,000": "where the slow scan lies within 20,000 and 40,000",
        "slow scan outside": "elsewhere",
    }
    told = ", ".join(f"({text}) {parts[name]}" for text, name in zip("abc", measured, strict=False))
    spread = "lines: standard deviation over them; " if len(names) > 1 else ""
    return Drawn(
        figure,
        "PSNR of every method, as the paper defines it",
        caption(
            run,
            f"After Fig. 4 of {PAPER}. PSNR to the slow scan, both images stretched from minimum "
            f"and maximum to 0 and 65,535: {told}. Bars: mean over "
            f"{counted(len(names), 'test field')} of view, each the mean of "
            f"{most}{counted(max(frames), 'frame')}; {spread}dots: single fields; percentages: "
            "gain over the rapid frame.",
            said_of_models(run, list(whole)),
        ),
        "; ".join(
            f"{name}: "
            + ", ".join(f"{label(m)} {mean(v.values()):.1f} dB" for m, v in means.items())
            for name, means in measured.items()
        ),
    )


def bars(axes: Axes, means: Means, run: Run) -> None:
    """Draw the mean over fields of view of each method, their deviation, and each field."""
    base = mean(means["rapid"].values()) if "rapid" in means else None
    upright = 90 if len(means) > MANY else 0
    for k, (method, of_field) in enumerate(means.items()):
        values = list(of_field.values())
        middle = mean(values)
        tone = colour(method, list(run.models))
        axes.bar(k, middle, 0.72, color=tone, alpha=0.75, lw=0)
        deviation = stdev(values) if len(values) > 1 else 0.0
        if len(values) > 1:
            axes.errorbar(k, middle, deviation, color="black", lw=0.8, capsize=2, capthick=0.8)
        places = k + np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else [k]
        axes.plot(places, values, "o", ms=2.2, mfc="white", mec="black", mew=0.5)
        if base and method != "rapid":
            top = max([*values, middle + deviation])
            text = f"{number(100 * (middle / base - 1), 0, signed=True)} %"
            place = {"xytext": (0, 2), "textcoords": "offset points", "rotation": upright}
            axes.annotate(text, (k, top), ha="center", va="bottom", fontsize=6, **place)
    slanted = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(means)), [label(method) for method in means], **slanted)
    axes.margins(y=0.25 if upright else 0.12)
    axes.set_ylim(0, None)


def lines_figure(run: Run) -> Drawn:
    """Show place, width and contrast of dislocations by their angle to the scan.

    Raises:
        Refused: they were not measured on any test field of view.
    """
    rows = table(run)
    measured = {metric: _by_angle(rows, run, metric) for metric in LINES}
    measured = {metric: by_angle for metric, by_angle in measured.items() if by_angle}
    if not measured:
        names = ", ".join(f"{metric}{angle}" for metric in LINES for angle in list(ANGLES)[:1])
        raise Refused(f"metrics.csv has none of {names} ... of a test row")
    figure = new_figure(66.0)
    panels = figure.subplots(1, len(measured), squeeze=False)[0]
    fields: set[str] = set()
    methods: list[str] = []
    for axes, text, (metric, by_angle) in zip(panels, "abc", measured.items(), strict=False):
        here = [m for m in run.methods if any(m in means for means in by_angle.values())]
        methods += [method for method in here if method not in methods]
        _points(axes, by_angle, here, run)
        axes.set(ylabel=LINES[metric], xlabel="angle to the scan")
        if metric == "line_offset_px":
            axes.set_ylim(0, None)
        else:
            axes.axhline(1, color="black", lw=0.6, zorder=0)
        letter(axes, text)
        fields |= {n for means in by_angle.values() for m in means.values() for n in m}
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6))
    spread = ", lines: standard deviation over them" if len(fields) > 1 else ""
    told = ", ".join(
        f"({text}) {LINES[metric]}" for text, metric in zip("abc", measured, strict=False)
    )
    return Drawn(
        figure,
        "Dislocations by their angle to the scan",
        caption(
            run,
            "Dislocations found in the slow scan, as each method shows them, by their angle to the "
            f"scan: {told}. Points: mean over {counted(len(fields), 'test field')} of view{spread}."
            " The lag displaces and widens what runs across the scan (60 to 90°).",
            said_of_models(run, methods),
        ),
        f"Place, width and contrast of dislocations for {', '.join(map(label, methods))}.",
    )


def _by_angle(rows: Table, run: Run, metric: str) -> dict[str, Means]:
    found = {name: field_means(rows, run, metric + suffix) for suffix, name in ANGLES.items()}
    return found if any(found.values()) else {}


def _points(axes: Axes, by_angle: Mapping[str, Means], methods: Sequence[str], run: Run) -> None:
    spread = np.linspace(-0.3, 0.3, len(methods)) if len(methods) > 1 else np.zeros(1)
    for place, method in zip(spread, methods, strict=True):
        here = [(k, [*m[method].values()]) for k, m in enumerate(by_angle.values()) if method in m]
        axes.errorbar(
            [k + place for k, _ in here],
            [mean(values) for _, values in here],
            [stdev(values) if len(values) > 1 else 0.0 for _, values in here],
            fmt="o",
            ms=3.5,
            color=colour(method, list(run.models)),
            lw=0.8,
            label=label(method),
        )
    axes.set_xticks(range(len(by_angle)), list(by_angle))
    axes.set_xlim(-0.5, len(by_angle) - 0.5)
