"""A headless Chromium that tests look through: Debian's, spoken to over its own protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

_START_S = 30.0
_ANSWER_S = 30.0
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--force-device-scale-factor=1",
    "--remote-debugging-port=0",
)


def chromium() -> str:
    """Where it is; installed by apt where that may be done, else the test is skipped."""
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(
            ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            timeout=600,
            check=False,
        )
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("there is no chromium: on Debian, apt-get install chromium")
    return found


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self.faults: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Send one command and give its result; what else is heard is kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        until = time.monotonic() + _ANSWER_S
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.1, until - time.monotonic())))
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["method"], message["params"]:
            case "Runtime.exceptionThrown", {"exceptionDetails": about}:
                text = about.get("exception", {}).get("description") or about["text"]
                self.faults.append(text)
            case "Log.entryAdded", {"entry": entry} if entry["level"] == "error":
                self.faults.append(f"{entry['text']} {entry.get('url', '')}")
            case "Runtime.consoleAPICalled", {"type": "error", "args": said}:
                self.faults.append(" ".join(str(each.get("value", each)) for each in said))

    def open(self, link: str) -> None:
        self.send("Page.navigate", url=link)

    def run(self, script: str) -> Any:  # noqa: ANN401
        """What an expression is; a promise is waited for."""
        found = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    @property
    def text(self) -> str:
        """What a reader of the page sees."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def wait(self, script: str, *, seconds: float = 15.0) -> Any:  # noqa: ANN401
        """Wait until an expression is true, and give it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := self.run(script):
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {script}\n{self.text[:3000]}\n{self.faults}")

    def wait_text(self, text: str, *, seconds: float = 15.0) -> None:
        self.wait(f"document.body?.innerText.includes({json.dumps(text)})", seconds=seconds)

    def look(self, width: int, height: int, *, dark: bool = False, touch: bool = False) -> None:
        """As wide and high as this, light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )
        scheme = "dark" if dark else "light"
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def press(self, key: str) -> None:
        """One key."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27}
        about = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        text = {"text": "\r"} if key == "Enter" else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        self.send("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Where the middle of an element is seen, as a finger would."""
        at = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2, innerWidth, innerHeight]; })()"
        )
        x, y, width, height = at
        assert 0 <= x <= width, f"{selector} is not on the screen"
        assert 0 <= y <= height, f"{selector} is not on the screen"
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def heap_bytes(self) -> int:
        """What the page's own objects take after everything that is free was let go."""
        self.send("HeapProfiler.enable")
        self.send("HeapProfiler.collectGarbage")
        found = self.send("Runtime.getHeapUsage")
        return int(found["usedSize"])


@contextmanager
def browser(width: int = 1280, height: int = 900) -> Iterator[Page]:
    """A tab in a browser of its own, which is gone afterwards."""
    path = chromium()
    with tempfile.TemporaryDirectory(prefix="flyball-browser-") as profile:
        process = subprocess.Popen(
            [path, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_address(Path(profile), process), max_size=None, proxy=None) as socket:
                page = Page(socket)
                page.look(width, height)
                yield page
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _settled(Path(profile))


def _address(profile: Path, process: "subprocess.Popen[bytes]") -> str:
    told = profile / "DevToolsActivePort"
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        assert process.poll() is None, "chromium did not start"
        lines = told.read_text().split() if told.exists() else []
        if len(lines) == 2:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{lines[0]}/json", timeout=5) as answer:
                tabs = [each for each in json.loads(answer.read()) if each["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError(f"chromium did not listen within {_START_S} s")


def _settled(profile: Path) -> None:
    """Its children write a moment longer than it lives."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        shutil.rmtree(profile / "Default", ignore_errors=True)
        if not (profile / "Default").exists():
            return
        time.sleep(0.1)
