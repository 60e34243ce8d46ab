"""Diagram of the U-Net as it was trained."""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from stemjax.errors import Refused
from stemjax.report.paper.run import Run, caption, counted, model_records, paper_models
from stemjax.report.paper.style import PAPER, TIMES, WIDE, Drawn, new_figure
from stemjax.typing import Json

BLOCK, JOINED, OUTER = "#7aa6c9", "#d9e4ee", "#9a9a9a"
DOWN, UP, SKIP = "#d55e00", "#009e73", "#777777"
TALLEST, SHORTEST, NARROWEST, WIDEST = 26.0, 5.0, 3.0, 11.0  # mm


@dataclass(frozen=True)
class Block:
    """A block of the network: its level, what goes in and out, in channels, and its side."""

    level: int
    inputs: int
    outputs: int
    side: int


def network_blocks(unet: Json, patch: int) -> tuple[list[Block], list[Block]]:
    """Give the blocks on the way down and on the way up, as :class:`~stemjax.model.unet.UNet`.

    Args:
        unet: its settings.
        patch: side in pixels of what goes in.
    """
    widths = [unet["features"] * 2**level for level in range(unet["depth"] + 1)]
    inputs = [unet["context"], *widths[:-1]]
    down = [Block(k, inputs[k], widths[k], patch // 2**k) for k in range(len(widths))]
    up = [Block(k, 2 * widths[k], widths[k], patch // 2**k) for k in range(len(widths) - 1)]
    return down, up[::-1]


def parameter_count(path: Path) -> int:
    """Count the parameters of a network: a safetensors file tells their shapes in its header."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def network_figure(run: Run) -> Drawn:
    """Draw the network of the paper's models, or of the first one.

    Raises:
        Refused: there is no model.
    """
    records = model_records(run)
    if not records:
        raise Refused("there is no trained model")
    name = [*paper_models(run)[::-1], *records][0]
    config = records[name]["config"]
    alike = [each for each, record in records.items() if record["config"]["unet"] == config["unet"]]
    unet, patch = config["unet"], config["train"]["patch"]
    down, up = network_blocks(unet, patch)
    count = parameter_count(run.results / "models" / name / "parameters.safetensors")
    figure = new_figure(_middles(unet["depth"])[1])
    axes = figure.subplots()
    _draw(axes, down, up, unet["context"])
    inputs = counted(unet["context"], "rapid frame")
    return Drawn(
        figure,
        "The network",
        caption(
            run,
            f"After Fig. 8 of {PAPER}. The U-Net of {', '.join(alike)}, with "
            f"{counted(count, 'parameter')}: {inputs} in, one restored frame out. Numbers above "
            "boxes are channels, below them the side in pixels of a training patch of "
            f"{patch} {TIMES} {patch}; whole frames go through the same network. Each box is a "
            f"residual block: a 3 {TIMES} 3 convolution, and two more behind rectifiers whose "
            f"result is added to it. On the way down, the maximum of 2 {TIMES} 2 pixels halves the "
            f"resolution ({unet['depth']} times); on the way up, a learned product per pixel "
            "doubles it, and what the way down kept is joined (light: the channels of both). A "
            f"1 {TIMES} 1 convolution gives the change that is added to the rapid frame.",
        ),
        f"A U of {len(down)} blocks down and {len(up)} up, of {down[0].outputs} to "
        f"{down[-1].outputs} channels, joined level by level.",
    )


def _draw(axes: Axes, down: list[Block], up: list[Block], context: int) -> None:
    depth = len(down) - 1
    step = (WIDE - 8) / (2 * depth + 2)
    lefts = {("down", k): 4 + (k + 1) * step for k in range(depth + 1)}
    lefts |= {("up", k): 4 + (2 * depth + 1 - k) * step for k in range(depth)}
    middle, bottom = _middles(depth)
    axes.set(xlim=(0, WIDE), ylim=(bottom, 0), aspect="equal")
    axes.set_axis_off()
    for side, blocks in (("down", down), ("up", up)):
        for block in blocks:
            x, y = lefts[side, block.level], middle[block.level]
            wide, tall = _wide(block, depth), _tall(block.level)
            _box(axes, x, y, (wide, tall), BLOCK)
            axes.text(x + wide / 2, y - tall / 2 - 1, str(block.outputs), ha="center")
            edge, towards = (x - 0.8, "right") if side == "down" else (x + wide + 0.8, "left")
            axes.text(edge, y + tall / 2, f"{block.side}²", ha=towards, va="bottom")
            if side == "up":
                _box(axes, x - wide, y, (wide, tall), JOINED)
                axes.text(x - wide / 2, y - tall / 2 - 1, str(block.inputs), ha="center")
                _arrow(axes, [(lefts["down", block.level] + wide, y), (x - wide, y)], SKIP)
    for k in range(depth):
        below, wide = down[k + 1], _wide(down[k], depth)
        x, y = lefts["down", k] + wide / 2, middle[k] + _tall(k) / 2
        turn = [(x, y), (x, middle[k + 1]), (lefts["down", k + 1], middle[k + 1])]
        _arrow(axes, turn, DOWN)
        side = "down" if k + 1 == depth else "up"
        start = lefts[side, k + 1] + _wide(below, depth)
        x = lefts["up", k] - wide / 2
        turn = [(start, middle[k + 1]), (x, middle[k + 1]), (x, middle[k] + _tall(k) / 2)]
        _arrow(axes, turn, UP)
    _ends(axes, lefts["down", 0], lefts["up", 0] + _wide(down[0], depth), middle[0], context)
    legend = {"residual block": BLOCK, "joined channels": JOINED}
    for k, (name, tone) in enumerate(legend.items()):
        y = bottom - 20 + 4 * k
        axes.add_patch(Rectangle((8, y - 1.2), 4, 2.4, fc=tone, ec="none"))
        axes.text(14, y, name, va="center")
    for k, (name, tone) in enumerate(
        ((f"maximum of 2 {TIMES} 2", DOWN), ("learned doubling", UP), ("kept and joined", SKIP))
    ):
        y = bottom - 11 + 4 * k
        _arrow(axes, [(4.0, y), (12.0, y)], tone)
        axes.text(14, y, name, va="center")


def _ends(axes: Axes, first: float, last: float, y: float, context: int) -> None:
    """Draw what goes in and comes out, and the way around the network."""
    tall, x, end = TALLEST, 8.0, WIDE - 8.0
    for place, text in ((x, f"{context}"), (end, "1")):
        axes.add_patch(Rectangle((place - 1, y - tall / 2), 2, tall, fc=OUTER, ec="none"))
        axes.text(place, y - tall / 2 - 1, text, ha="center")
    axes.text(x, y + tall / 2 + 1, "rapid", ha="center", va="top")
    axes.text(end, y + tall / 2 + 1, "restored", ha="center", va="top")
    _arrow(axes, [(x + 1, y), (first, y)], SKIP)
    _arrow(axes, [(last, y), (end - 1, y)], SKIP)
    axes.text((last + end - 1) / 2, y - 1, f"1 {TIMES} 1", ha="center")
    top = y - tall / 2 - 7
    around = [(x, y - tall / 2 - 4), (x, top), (end, top), (end, y - tall / 2 - 4)]
    _arrow(axes, around, SKIP, "--")
    axes.text(WIDE / 2, top - 1, "+ rapid frame", ha="center")


def _middles(depth: int) -> tuple[list[float], float]:
    """Give the height at which each level lies, and that of the whole, in millimetres."""
    middle = [12 + TALLEST / 2]
    for k in range(depth):
        middle.append(middle[-1] + (_tall(k) + _tall(k + 1)) / 2 + 9)
    return middle, middle[-1] + _tall(depth) / 2 + 3


def _tall(level: int) -> float:
    return max(TALLEST / 1.6**level, SHORTEST)


def _wide(block: Block, depth: int) -> float:
    return NARROWEST + (WIDEST - NARROWEST) * block.level / depth


def _box(axes: Axes, left: float, y: float, size: tuple[float, float], tone: str) -> None:
    axes.add_patch(Rectangle((left, y - size[1] / 2), *size, fc=tone, ec="white", lw=0.5))


def _arrow(axes: Axes, points: list[tuple[float, float]], tone: str, line: str = "-") -> None:
    """Draw a line through points with an arrow's head at its end."""
    axes.plot(*zip(*points, strict=True), color=tone, lw=0.9, ls=line, solid_joinstyle="miter")
    style = {"arrowstyle": "-|>", "color": tone, "lw": 0, "mutation_scale": 7, "shrinkA": 0}
    axes.annotate("", points[-1], points[-2], arrowprops={**style, "shrinkB": 0})
