"""Formulas as MathML, which browsers draw without a script, in a font that goes with the site."""

from importlib.util import find_spec
from pathlib import Path

import latex2mathml.converter
from docutils import nodes
from fontTools import subset
from sphinx.util import logging

FONT = "STIXTwoMath.woff"
# Latin, Greek, punctuation, arrows, operators, brackets and mathematical letters.
CHARACTERS = "0020-007E,00A0-00FF,0370-03FF,2000-206F,2100-22FF,2308-230B,23DC-23E1,27E8-27EB"
LETTERS = "1D400-1D7FF"

logger = logging.getLogger(__name__)


def mathml(latex: str, display: str, place: nodes.Node | None = None) -> str:
    """LaTeX → a `math` element; warns of commands that are not known."""
    # A bare dot is a letter to the converter, and so stands without space around it.
    element = latex2mathml.converter.convert(latex.replace("·", r"\cdot "), display=display)
    if "\\" in element:
        logger.warning("a formula has an unknown command: %s", latex, location=place)
    return element


def _inline(translator, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), "inline", node))
    raise nodes.SkipNode


def _block(translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(mathml(node.astext(), "block", node) + "</div>\n")
    raise nodes.SkipNode


def write_font(app, error: Exception | None) -> None:
    """The font that the package ziamath brings (STIX Two Math, SIL Open Font License), without the
    characters that no formula has."""
    if error or app.builder.format != "html":
        return
    source = Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    target = Path(app.outdir) / "_static" / FONT
    kept = [f"--unicodes={CHARACTERS},{LETTERS}", "--name-IDs=*"]  # its licence stays in it
    subset.main([str(source), *kept, "--flavor=woff", f"--output-file={target}"])


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
