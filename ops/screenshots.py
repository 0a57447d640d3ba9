"""Pictures of the dashboard: `python -m ops.screenshots --out OUT --contract FILE FOLDER`.

They are what a browser shows of the page of a run's outputs. Each is brought down to 256
colours, which on a page as plain as this one nobody sees, and to a fifth of its bytes.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, sync_playwright

from medical_charges.contract import load_contract
from medical_charges.errors import MedicalChargesError
from ops.dashboard import save_page

CHROMIUM_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COLOURS = 256

_PIXELS = """async (png) => {
  const picture = await createImageBitmap(await (await fetch(png)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) {
    text += String.fromCharCode(...data.subarray(at, at + 32768));
  }
  return [picture.width, picture.height, btoa(text)];
}"""


def pictures(browser: Browser, page: Path) -> Iterator[tuple[str, bytes]]:
    """The page at each width, light and dark, with names."""
    blank = browser.new_page()
    for width in WIDTHS:
        for scheme in SCHEMES:
            view = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            view.goto(page.resolve().as_uri())
            view.wait_for_selector("html[data-ready]", state="attached")
            png = view.screenshot(full_page=True, animations="disabled")
            yield f"dashboard_{width}_{scheme}.png", _small(blank, png)
            view.close()
    blank.close()


def _small(blank: Page, png: bytes) -> bytes:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    width, height, data = blank.evaluate(_PIXELS, source)
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
    return with_palette(pixels[:, :, :3])


def with_palette(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of the picture in its most frequent colours, and of others in the nearest of those."""
    height, width, _ = pixels.shape
    wide = pixels.astype(np.uint32)
    packed = (wide[:, :, 0] << 16) | (wide[:, :, 1] << 8) | wide[:, :, 2]
    found, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    kept = found[np.argsort(-counts, kind="stable")[:COLOURS]]
    distance = np.zeros((len(found), len(kept)), np.int64)
    for shift in (16, 8, 0):
        channel = ((found >> shift) & 255).astype(np.int64)
        distance += (channel[:, None] - ((kept >> shift) & 255).astype(np.int64)) ** 2
    index = distance.argmin(axis=1)[places].astype(np.uint8).reshape(height, width)
    rows = np.hstack([np.zeros((height, 1), np.uint8), index])
    palette = b"".join(int(colour).to_bytes(3) for colour in kept)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + _chunk(b"PLTE", palette)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main(argv: list[str] | None = None) -> int:
    """Write the page of a folder and its pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder that mirrors the bucket"
    )
    parser.add_argument("--contract", type=Path, required=True, help="what describes the data")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(argv)
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    try:
        if chromium is None:
            raise MedicalChargesError("no Chromium is on the PATH: tests/browser/install")
        page = save_page(options.out, load_contract(options.contract))
    except MedicalChargesError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return error.exit_code
    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        for name, data in pictures(browser, page):
            (options.folder / name).write_bytes(data)
            print(f"{options.folder / name}: {len(data):,} bytes")  # noqa: T201 - as above
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
