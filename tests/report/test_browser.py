"""The report in Chromium: what a person moves, presses and sees. Run by ``make test-report``."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stemjax.provenance import write_json
from stemjax.report.glossary import METRICS
from stemjax.report.movie import render_movie
from tests.handmade import canvas, view
from tests.report.browser import CHROMIUM, Browser, browser
from tests.report.pages import SHEET, experiment, metrics, written

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]
FRAMES = 12  # of 50 ms, one by one in the movie
HEATING = "acquisitions/heating.html"
PAGES = ("index", "figures", "cost", HEATING[:-5])
PAGES += ("acquisitions/test-1", "models/dlf-a", "maps/mon")
WIDE, NARROW = 1280, 390
HEADS = """Math.max(0, ...[...document.querySelectorAll('th[scope=row]')].map(
  (head) => head.offsetWidth / head.closest('.scroll').clientWidth || 0))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report with a movie whose frames can be told apart, and a wide table."""
    folder = tmp_path_factory.mktemp("site")
    handmade = experiment(folder)
    slow = view(canvas(2))
    frames = np.stack([slow] * FRAMES)
    restored = np.zeros_like(frames)
    for k in range(FRAMES):  # brighter from frame to frame
        restored[k] = 1000 * k
        restored[k, :8], restored[k, -8:] = 0, 1000 * FRAMES
    handmade.converted("heating", frames, slow)
    handmade.dcfi("heating", slow, np.zeros((FRAMES, 2)))
    for model in ("dlf-a", "dlf-b"):
        handmade.restored(model, "heating", restored)
    names = [f"{method},{name}" for method in ("rapid", "dlf-a") for name in METRICS]
    metrics(handmade, *(f"test-1,0,{name},12.5" for name in names))
    benchmark = handmade.results / "benchmark/integrate_acquisition/heating.jsonl"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text('{"s": 5000.0, "cpu_time": 9000.0, "max_rss": 123456.0}\n')
    log = folder / "log.csv"
    log.write_text("time_s,temperature_C\n0,100\n10,1100\n")
    sheet = [replace(row, log=str(log) if row.role == "series" else "") for row in SHEET]
    record = handmade.results / "report/movies/dlf-a/heating.json"
    paths = [handmade.results / f"{part}/heating.json" for part in ("converted", "restored/dlf-a")]
    write_json(record, {"status": "ok", **render_movie(*paths, log, record)})
    return written(handmade, sheet=sheet)


def visit(scenario: Callable[[Browser], Awaitable[None]]) -> Browser:
    """Play a scenario in a fresh browser; nothing may fail, nothing be asked of elsewhere."""

    async def play() -> Browser:
        async with browser() as chromium:
            await scenario(chromium)
        return chromium

    done = asyncio.run(play())
    assert done.errors == []
    assert [url for url in done.asked if not url.startswith(("file:", "data:"))] == []
    return done


async def place(page: Browser, chosen: str) -> list[float]:
    """Tell where something is in the window: left, top, width, height."""
    box = f"document.querySelector('{chosen}').getBoundingClientRect()"
    return list(await page.value(f"(({{x, y, width, height}}) => [x, y, width, height])({box})"))


def test_the_slider_follows_mouse_and_keys_and_clips_the_picture(site: Path) -> None:
    """Of a black and a white picture so much is black as the slider says."""
    for name, level in (("rapid", 0), ("model.dlf-a", 255)):
        Image.new("L", (64, 64), level).save(site / f"images/test-1/{name}.png")

    async def scenario(page: Browser) -> None:
        await page.open(site / "acquisitions/test-1.html")
        await page.until("document.querySelector('.over').complete")
        box = await place(page, ".stage")

        async def black() -> float:
            left, top, width, height = box
            with Image.open(io.BytesIO(await page.screenshot())) as shot:
                row = np.asarray(shot.convert("L"), float)[int(top + height / 4)]
            return float(np.mean(row[int(left) : int(left + width)] < 128))

        assert await black() == pytest.approx(0.5, abs=0.02)
        left, top, width, height = box
        middle = top + height / 2
        await page.drag((left + width / 2, middle), (left + 0.8 * width, middle))
        moved = float(await page.value("document.querySelector('.stage input').value"))
        assert moved == pytest.approx(80, abs=4)
        assert await black() == pytest.approx(moved / 100, abs=0.02)
        await page.press("ArrowLeft", 10)  # the focus is there already
        value = await page.value("document.querySelector('.stage input').value")
        assert int(value) == round(moved) - 10
        assert await black() == pytest.approx(moved / 100 - 0.1, abs=0.02)
        await page.press("Home")
        assert await black() < 0.02

    visit(scenario)


def test_any_two_pictures_can_be_compared(site: Path) -> None:
    async def scenario(page: Browser) -> None:
        await page.open(site / "acquisitions/test-1.html")
        await page.value(
            "(() => { const choice = document.querySelector('.right');"
            "choice.value = [...choice.options].find((o) => o.text === 'slow scan').value;"
            "choice.dispatchEvent(new Event('change')); })()"
        )
        await page.until("document.querySelector('.under').complete")
        right = "(({src, alt}) => [src.slice(-23), alt])(document.querySelector('.under'))"
        assert await page.value(right) == ["/images/test-1/slow.png", "test-1, slow scan"]
        told = await page.value("document.querySelector('.stage input').ariaValueText")
        assert told == "50 percent rapid frame, undistorted, the rest slow scan"

    visit(scenario)


def test_a_movie_is_seen_frame_by_frame_with_its_moments(site: Path) -> None:
    """The restored side is as bright as its frame's number says."""
    text = "document.querySelector('output').value"

    async def scenario(page: Browser) -> None:
        await page.open(site / HEATING)
        ready = "!document.querySelector('video').seeking"
        ready += " && document.querySelector('video').readyState > 1"
        await page.until(ready)
        await page.value("document.querySelector('video').scrollIntoView()")
        box = await place(page, "video")

        async def number() -> float:
            left, top, width, height = box
            spot = (round(left + 0.75 * width), round(top + 0.5 * height))
            with Image.open(io.BytesIO(await page.screenshot())) as shot:
                return float(FRAMES * shot.convert("L").getpixel(spot) / 255)

        assert await number() == pytest.approx(0, abs=0.3)
        assert await page.value(text) == "frame 0 · 0.000 s · 100 °C"
        await page.value("document.querySelector('.controls input').focus()")
        await page.press("ArrowRight", 3)
        await page.until(ready)
        assert await number() == pytest.approx(3, abs=0.3)
        assert await page.value(text) == "frame 3 · 0.150 s · 115 °C"
        assert await page.value("document.querySelector('video').currentTime * 20") == 3.5
        await page.value("document.querySelector('.on').click()")
        await page.value("document.querySelector('.on').click()")
        await page.value("document.querySelector('.back').click()")
        assert await page.value(text) == "frame 4 · 0.200 s · 120 °C"
        await page.press("End")
        await page.until(ready)
        assert await number() == pytest.approx(FRAMES - 1, abs=0.3)
        assert await page.value(text) == f"frame {FRAMES - 1} · 0.550 s · 155 °C"
        await page.value("document.querySelector('.on').click()")  # there is none
        assert await page.value(text) == f"frame {FRAMES - 1} · 0.550 s · 155 °C"
        await page.press("Home")
        await page.press(" ")
        await page.until("document.querySelector('.play').textContent === 'Pause'")
        await page.until("Number(document.querySelector('.controls input').value) > 1")
        await page.press(" ")
        await page.until("document.querySelector('.play').textContent === 'Play'")

    visit(scenario)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_pages_fit_their_window_in_the_light_and_in_the_dark(site: Path, width: int) -> None:
    async def scenario(page: Browser) -> None:
        for name in PAGES:
            grounds = {}
            for dark in (False, True):
                await page.open(site / f"{name}.html", width, dark=dark)
                room = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                assert await page.value(room) == 0, name
                assert await page.value(HEADS) < 0.6, name  # of a table is left for its numbers
                with Image.open(io.BytesIO(await page.screenshot())) as shot:
                    grey = np.asarray(shot.convert("L"))
                grounds[dark] = int(grey[5, 5])
                assert np.ptp(grey[:300]) > 150, name  # text can be told from its ground
            assert grounds[False] > 230, name
            assert grounds[True] < 50, name

    visit(scenario)


def test_who_has_no_mouse_reaches_everything_and_sees_where_he_is(site: Path) -> None:
    async def scenario(page: Browser) -> None:
        await page.open(site / HEATING)
        await page.press("Tab")
        assert await page.value("document.activeElement.className") == "skip"
        reached = []
        for _ in range(40):
            await page.press("Tab")
            reached.append(await page.value("document.activeElement.className"))
            if reached[-1] == "play":
                ring = "getComputedStyle(document.activeElement).outlineStyle"
                assert await page.value(ring) == "solid"
        assert {"left", "right", "play", "back", "on"} <= set(reached)

    visit(scenario)


def test_without_scripts_all_pictures_and_the_movie_are_there(site: Path) -> None:
    async def scenario(page: Browser) -> None:
        await page.send("Emulation.setScriptExecutionDisabled", value=True)
        await page.open(site / HEATING)
        await page.send("Emulation.setScriptExecutionDisabled", value=False)
        assert await page.value("document.querySelectorAll('.gallery img').length") == 6
        assert await page.value("document.querySelector('video').controls")
        assert await page.value("document.querySelector('.compare').hidden")

    visit(scenario)
