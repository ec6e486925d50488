"""Makes sure there is a Chromium for the browser tests: an installed one, Debian's package, or Playwright's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ["chromium", "fonts-dejavu-core"]
HELP = (
    "No Chromium was found and none could be installed. Install one by hand (Debian: apt-get install chromium; "
    "elsewhere: .venv/bin/playwright install chromium), or set CHROMIUM_PATH to one, then run make test again."
)


def chromium() -> str | None:
    """The path of a Chromium on this machine, or None."""
    given = os.environ.get("CHROMIUM_PATH")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
        ):
            subprocess.run([*root, *command], stdout=subprocess.DEVNULL, check=False)
    if chromium() is None:
        print("Installing Chromium for the browser tests (Playwright's download) …", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


if __name__ == "__main__":
    if chromium() is None:
        install()
    if chromium() is None:
        sys.exit(HELP)
