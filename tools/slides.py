"""The slides of docs/instructor/slides.md as one HTML file, and as PDF where Chromium is there.

python -m tools.slides [--out FOLDER] [--no-pdf]

Slides are parted by lines of `---`. Three comments are filled in from the notebooks, whose outputs
are found by the number of the notebook and the id of the cell::

    <!-- figure 02 c009: what it shows -->
    <!-- text 03 cell-058--b -->
    <!-- note: what you say -->

N shows the notes, arrow keys turn the pages. The file needs no network and nothing beside it.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path
from tools import lesson

SOURCE = lesson.ROOT / "docs/instructor/slides.md"
PAGE = Path(__file__).with_name("slides.html")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
COMMENT = re.compile(r"<!--\s*(figure|text|note)\b:?\s*(.*?)\s*-->", flags=re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$", flags=re.DOTALL)
# In pixels of slides.html: the room below a heading, and what the text takes of it.
ROOM, BESIDE, GAP = (1152, 574), 742, 28
LINE, LETTERS, FORMULA_LINES = 42, 75, 3


@cache
def outputs(number: str) -> dict[str, list[dict]]:
    """{id of a code cell: the data of its outputs} of a notebook."""
    (path,) = lesson.find([number])
    cells = [cell for cell in lesson.read(path).cells if cell.cell_type == "code"]
    return {cell.id: [output.get("data", {}) for output in cell.outputs] for cell in cells}


def output(number: str, cell: str, *kinds: str) -> tuple[str, str]:
    """The last output of one of these kinds, such as "image/png", of a cell, and its kind.

    Raises:
        ValueError: the notebook has no such cell, or the cell no such output.
    """
    made = outputs(number).get(cell, [])
    found = [(data[kind], kind) for data in made for kind in kinds if kind in data]
    if not found:
        said = " or ".join(kinds)
        raise ValueError(f"notebook {number} has no cell '{cell}' with an output of {said}")
    return found[-1]


def parts(source: str) -> list[str]:
    """The Markdown of each slide."""
    return [part.strip() for part in re.split(r"^---\s*$", source, flags=re.MULTILINE)]


def slide(markdown: str) -> str:
    """One slide as a `<section>`."""
    import mistune

    figures, texts, notes, shapes = [], [], [], []
    for kind, what in COMMENT.findall(markdown):
        if kind == "note":
            notes.append(mistune.html(what))
            continue
        address, _, alt = what.partition(":")
        number, cell = address.split()
        if kind == "text":
            texts.append(mistune.html(output(number, cell, "text/markdown")[0]))
            continue
        image, kind = output(number, cell, "image/png", "image/jpeg")
        shapes.append(_ratio(image))
        said = html.escape(alt.strip(), quote=True)
        figures.append(f'<img src="data:{kind};base64,{image.strip()}" alt="{said}">')
    body = COMMENT.sub("", markdown)
    formulas = [_formula(latex) for latex in FORMULA.findall(body)]
    body = mistune.html(FORMULA.sub("FORMULA-HERE", body))
    for svg in formulas:
        body = body.replace("FORMULA-HERE", svg, 1)
    heading, _, rest = body.partition("</h2>") if "</h2>" in body else ("", "", body)
    heading = f"{heading}</h2>" if heading else ""
    words = f'<div class="words">{rest}{"".join(texts)}</div>' if (rest + "".join(texts)) else ""
    layout = "title" if "<h1" in body else _layout(rest, min(shapes, default=0))
    shown = f'<div class="figures">{"".join(figures)}</div>' if figures else ""
    said = f"<aside>{''.join(notes)}</aside>" if notes else ""
    return (
        f'<section class="{layout}">{heading}<div class="body">{words}{shown}</div>{said}</section>'
    )


def document(source: str) -> str:
    """The whole HTML page.

    Raises:
        ValueError: a slide names an output that is not there; the slide is named.
    """
    found = []
    for count, part in enumerate(parts(source), start=1):
        try:
            found.append(slide(part))
        except ValueError as error:
            raise ValueError(f"slide {count}: {error}") from error
    title = re.search(r"^# (.+)$", source, flags=re.MULTILINE)
    page = PAGE.read_text(encoding="utf-8")
    page = page.replace("<!-- TITLE -->", html.escape(title[1] if title else "Slides"))
    return page.replace("<!-- SLIDES -->", "\n".join(found))


def print_pdf(page: Path, pdf: Path, browser: str) -> None:
    """Let a browser without a window print the page.

    Raises:
        OSError: it did not.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "slides.pdf"
        done = subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"),
                *(f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"),
                page.resolve().as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if not made.exists():
            raise OSError(f"{browser} has made no PDF: {done.stderr[-500:]}")
        replace_file(pdf, made.read_bytes())


def _layout(words: str, ratio: float) -> str:
    """Whether a figure of this ratio of width to height is larger "below" the text or "beside" it.

    Args: words: the text as HTML; ratio: 0 without a figure.
    """
    lines = FORMULA_LINES * words.count('class="formula"')
    for line in re.sub(r"<[^>]+>", "", words).splitlines():
        lines += -(-len(line.strip()) // LETTERS)
    width, height = ROOM
    below = min(width, (height - GAP - LINE * lines) * ratio)
    return "below" if below > min(BESIDE, height * ratio) else "beside"


def _ratio(image: str) -> float:
    from PIL import Image

    width, height = Image.open(io.BytesIO(base64.b64decode(image))).size
    return width / height


def _formula(latex: str) -> str:
    """A formula as an SVG picture, drawn by Matplotlib."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure()
    with matplotlib.rc_context({"mathtext.fontset": "stix", "svg.fonttype": "path"}):
        figure.text(0, 0, f"${' '.join(latex.split())}$", fontsize=26)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight", transparent=True)
    drawn = base64.b64encode(buffer.getvalue().encode()).decode()
    said = html.escape(latex.strip(), quote=True)
    return f'<img class="formula" src="data:image/svg+xml;base64,{drawn}" alt="{said}">'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=given_path, default=lesson.ROOT / "runs/slides")
    parser.add_argument("--no-pdf", action="store_true", help="only HTML")
    options = parser.parse_args()
    page, pdf = options.out / "slides.html", options.out / "slides.pdf"
    try:
        source = SOURCE.read_text(encoding="utf-8")
        text = document(source)
        options.out.mkdir(parents=True, exist_ok=True)
        replace_file(page, text.encode())
        print(f"{len(parts(source))} slides: {page}")
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser and not options.no_pdf:
            print_pdf(page, pdf, browser)
            print(f"the same to print: {pdf}")
        elif not options.no_pdf:
            print("no Chromium is installed: print the page to PDF from your browser")
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
