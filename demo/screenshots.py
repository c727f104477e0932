"""`make screenshots`: pictures of the demo's report, taken in a real browser, for the docs."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "out/cases/demo/report.html"
PICTURE = ROOT / "docs/pictures/report.png"


def main() -> int:
    """Take the first screen of the report as a desktop shows it; 2 says what is missing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("error: found no chromium; install it (apt-get install chromium)", file=sys.stderr)
        return 2
    if not REPORT.exists():
        print("error: found no report of the demo; run `make run` first", file=sys.stderr)
        return 2
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = running.new_page(viewport={"width": 1280, "height": 1040})
        page.goto(REPORT.as_uri())
        page.screenshot(path=str(PICTURE))
        running.close()
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
