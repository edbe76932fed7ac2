"""Chromium without a head, driven by its DevTools protocol over two pipes; no library needed."""

import base64
import json
import os
import select
import shutil
import subprocess
from contextlib import contextmanager
from time import monotonic

CHROMIUM = shutil.which("chromium") or ""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe", "about:blank",
]  # fmt: skip
SETTLED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
PATIENCE = 60.0  # seconds for an answer


class Tab:
    """A page in the browser; ``events`` holds what it told unasked."""

    def __init__(self, write, read):
        self.write, self.read = write, read
        self.session = None
        self.events = []
        self.number = 0
        self.rest = b""

    def ask(self, method, **params):
        """Call a method of the protocol and return its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        return self._until(lambda answer: answer.get("id") == self.number)["result"]

    def wait_for(self, event):
        """Wait until an event has been told since the last time that events were cleared."""
        if not any(each["method"] == event for each in self.events):
            self._until(lambda told: told.get("method") == event)

    def run(self, script):
        """The JSON value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, address, width=1280, height=900, scheme="light", media=""):
        """Open a page on a screen of that size and theme."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=features)
        self.ask("Page.navigate", url=address)
        self.wait_for("Page.loadEventFired")
        self.run(SETTLED)

    def press(self, key, text=""):
        """Press a key, as ``Tab`` or ``Enter``."""
        code = {"Tab": 9, "Enter": 13}[key]
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                     windowsVirtualKeyCode=code, **typed)  # fmt: skip

    def picture(self, path, whole=False):
        """Write a picture of the page."""
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=whole, **self._clip(whole))
        path.write_bytes(base64.b64decode(found["data"]))

    def _clip(self, whole):
        if not whole:
            return {}
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"],
                         "scale": 1}}  # fmt: skip

    def _until(self, is_wanted):
        end = monotonic() + PATIENCE
        while True:
            while b"\0" in self.rest:
                line, _, self.rest = self.rest.partition(b"\0")
                told = json.loads(line)
                assert "error" not in told, told
                if "method" in told:
                    self.events.append(told)
                if is_wanted(told):
                    return told
            ready, _, _ = select.select([self.read], [], [], max(0, end - monotonic()))
            assert ready, "the browser does not answer"
            self.rest += os.read(self.read, 1 << 20)


@contextmanager
def browser(folder):
    """A tab of a fresh browser, whose profile lies in ``folder``."""
    from_us, to_it = os.pipe()
    from_it, to_us = os.pipe()
    command = f'exec "$@" 3<&{from_us} 4>&{to_us}'
    # Bash, since a plain sh knows file descriptors of one digit only.
    with subprocess.Popen(
        ["bash", "-c", command, "bash", CHROMIUM, f"--user-data-dir={folder}", *FLAGS],
        pass_fds=(from_us, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(from_us)
        os.close(to_us)
        tab = Tab(to_it, from_it)
        try:
            (page,) = [
                target
                for target in tab.ask("Target.getTargets")["targetInfos"]
                if target["type"] == "page"
            ]
            attached = tab.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
            tab.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                tab.ask(f"{domain}.enable")
            yield tab
        finally:
            tab.session = None
            tab.ask("Browser.close")
            process.wait(PATIENCE)
            os.close(to_it)
            os.close(from_it)
