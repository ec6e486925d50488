"""Makes sure there is a Chromium for the browser tests: an installed one, Debian's package, or Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = "chromium-headless-shell"  # without windows, tabs and toolbars of its own: half the work of the whole browser
HELP = (
    "No Chromium was found and none could be installed. Install one by hand (Debian: apt-get install chromium; "
    "elsewhere: .venv/bin/playwright install chromium), or set CHROMIUM_PATH to one, then run make test again."
)


def chromium() -> str | None:
    """The path of a Chromium on this machine, or None."""
    given = os.environ.get("CHROMIUM_PATH")
    names = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = given or next((path for name in names if (path := shutil.which(name))), None)
    return found or playwright_chromium()


def playwright_chromium() -> str | None:
    """The path of the Chromium that Playwright has downloaded, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Debian's package where there is apt-get and the right to use it; else Playwright's download."""
    if shutil.which("apt-get") and (os.geteuid() == 0 or shutil.which("sudo")):
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        print("Installing Chromium for the browser tests (Debian package) …", flush=True)
        _quietly([*root, "apt-get", "update", "-qq"])
        asked = [*root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "fonts-dejavu-core"]
        if not _quietly([*asked, SHELL]) and chromium() is None:  # older distributions have the whole browser only
            _quietly([*asked, "chromium"])
    if chromium() is None:
        print("Installing Chromium for the browser tests (Playwright's download) …", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def _quietly(command: list[str]) -> bool:
    """Whether it worked."""
    nowhere = subprocess.DEVNULL
    try:
        return subprocess.run(command, stdout=nowhere, stderr=nowhere, check=False, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:  # no network
        return False


if __name__ == "__main__":
    if not os.environ.get("CHROMIUM_PATH") and not shutil.which(SHELL):
        install()
    if chromium() is None:
        sys.exit(HELP)
