"""A cell that draws methods takes their colours from `plots`, and types none."""

import ast

import matplotlib
import pytest

from fermodels.plots.style import METHOD_COLORS, method_of
from tests.notebooks import cells as notebooks


def is_gray(color):
    red, green, blue = matplotlib.colors.to_rgb(color)
    return max(red, green, blue) - min(red, green, blue) < 0.02


def typed(source):
    """(methods, colours other than grey) that stand as strings in the code of a cell."""
    nodes = ast.walk(ast.parse(notebooks.plain_python(source)))
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    methods = {text for text in texts if method_of(text)[0]}
    colors = {text for text in texts if text.startswith(("#", "tab:"))}
    colors = {text for text in colors if matplotlib.colors.is_color_like(text)}
    return methods, {color for color in colors if not is_gray(color)}


@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda path: path.stem)
def test_no_color_of_a_method_is_typed(path):
    for cell in notebooks.read(path).cells:
        if cell.cell_type != "code":
            continue
        methods, colors = typed(cell.source)
        assert not (methods and colors), f"{methods} and {colors} in\n{cell.source}"


@pytest.mark.parametrize("method", METHOD_COLORS)
def test_a_typed_color_is_found(method):
    assert typed(f"plt.plot(x, color='#0060B0', label='{method}, mine')")[1] == {"#0060B0"}
    assert typed(f"plt.plot(x, label='{method}, mine')")[0] == {f"{method}, mine"}
    assert typed("plt.axhline(0, color='#666666')") == (set(), set())
