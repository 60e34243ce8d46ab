"""A Chromium without a window, driven through its debugging protocol."""

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
PATIENCE = 60  # seconds, for whatever Chromium is asked
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-port=0",
)


class Browser:
    """One page of Chromium, and all that it did.

    Attributes:
        asked: addresses that pages asked for.
        errors: messages of the console and exceptions.
    """

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.count = 0

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and give its result, noting all events that come before."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        await self.connection.write_message(json.dumps(message))
        while True:
            answer = await self._next()
            if answer.get("id") == self.count:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    async def event(self, method: str) -> None:
        """Wait for an event."""
        while (await self._next()).get("method") != method:
            pass

    async def _next(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.connection.read_message(), PATIENCE)
        assert text is not None, "Chromium ended"
        message: dict[str, Any] = json.loads(text)
        about = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(about["request"]["url"])
            case "Network.loadingFailed" if not about.get("canceled"):
                self.errors.append(f"not loaded: {about['errorText']}")
            case "Runtime.exceptionThrown":
                self.errors.append(about["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled":
                self.errors.append(f"console: {about['args']}")
            case "Log.entryAdded":
                self.errors.append(about["entry"]["text"])
        return message

    async def open(self, page: Path, width: int = 1280, *, dark: bool = False) -> None:
        """Load a page at a width of the window, in the light or the dark."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme, still])
        await self.send("Page.navigate", url=page.resolve().as_uri())
        await self.event("Page.loadEventFired")

    async def value(self, script: str) -> Any:
        """Evaluate a script, which may be a promise."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until a script is true."""
        waiting = f"""new Promise((done, late) => {{
          const end = Date.now() + {1000 * PATIENCE // 2};
          const look = () => ({script}) ? done(true)
            : Date.now() < end ? setTimeout(look, 20) : late(Error("never"));
          look();
        }})"""
        assert await self.value(waiting), script

    async def press(self, key: str, times: int = 1) -> None:
        """Press a key as a person does."""
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, " ": 32}
        about: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes[key]}
        about["code"] = "Space" if key == " " else key
        for _ in range(times):
            await self.send("Input.dispatchKeyEvent", type="keyDown", **about)
            await self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    async def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place of the window and let go at another."""
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            about = {"button": "left", "buttons": 1, "clickCount": 1}
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, **about)

    async def screenshot(self, *, whole: bool = False) -> bytes:
        """Take a picture (PNG) of the window, or of the whole page."""
        answer = await self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium, which finds no computer by name, and end it."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [*OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([CHROMIUM, *options], start_new_session=True, **silent)
        try:
            async with asyncio.timeout(PATIENCE):
                told = Path(profile) / "DevToolsActivePort"
                while not (told.exists() and told.read_text().count("\n") > 0):
                    assert process.poll() is None, "Chromium did not start"
                    await asyncio.sleep(0.05)
            port = told.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as got:
                (page,) = (each for each in json.load(got) if each["type"] == "page")
            url = page["webSocketDebuggerUrl"]
            connection = await websocket_connect(url, max_message_size=2**28)
            found = Browser(connection)
            try:
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await found.send(f"{domain}.enable")
                yield found
            finally:
                connection.close()
                while await connection.read_message() is not None:  # until it is closed
                    pass
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
