"""Each notebook is as it should be read: executed from top to bottom, clean, light, complete."""

import json
import re
from statistics import median

import pytest

from tests.notebooks import cells as notebooks

MAX_BYTES = 1.5e6
# To a heading of a notebook, as JupyterLab names it.
LINK = re.compile(r"\]\((\w*\.ipynb)?#((?:[^\s()]|\([^\s()]*\))+)\)")
# Absolute paths that tell of the machine where a notebook ran.
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|opt|usr|mnt|var|kaggle)/\w")
SECTIONS = ("what you will learn", "how long it takes", "what we saw", "exercises", "references")


@pytest.fixture(params=notebooks.PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return notebooks.read(path)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_executed_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run 'make notebooks'"


def test_no_errors_and_no_warnings_in_the_outputs(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.source}\n→ {output.text}"


def test_no_progress_bars_in_the_outputs(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert "%|" not in text, f"{cell.source}\n→ made by 'make course'; run 'make notebooks'"


def test_light_and_with_pictures_that_tests_can_compare(path, notebook):
    assert path.stat().st_size < MAX_BYTES
    for cell in code_cells(notebook):
        for output in cell.outputs:
            kinds = set(output.get("data", ()))
            assert not kinds & {"image/svg+xml", "application/pdf"}, cell.source
            assert "application/vnd.jupyter.widget-view+json" not in kinds, cell.source


def test_every_figure_says_what_it_shows(notebook):
    """In the place where Jupyter has it, see `fermodels.plots.show`."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            for kind in output.get("data", {}):
                if kind.startswith("image/"):
                    alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
                    assert len(alt.split()) >= 3, f"{cell.source}\n→ show it by plots.show(…)"


def test_no_paths_of_a_machine(notebook):
    for cell in notebook.cells:
        texts = [cell.source]
        for output in cell.get("outputs", ()):
            texts.append(output.get("text", ""))
            data = output.get("data", {})
            texts += [json.dumps(text) for kind, text in data.items() if "image" not in kind]
        for text in texts:
            assert not MACHINE_PATH.search(text), text


def test_no_metadata_of_a_machine(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_sections(notebook):
    headings = [
        line.strip("#* ").lower()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith(("#", "**"))
    ]
    assert notebook.cells[0].source.startswith("# ")
    order = []
    for section in SECTIONS:
        found = [i for i, heading in enumerate(headings) if heading.startswith(section)]
        assert found, f"no section '{section}' among {headings}"
        order.append(found[0])
    assert order == sorted(order)


def test_exercises(path, notebook):
    found = notebooks.exercises(notebook)
    assert len(found) >= 3
    assert found == [f"{path.name[:2]}.{k}" for k in range(1, len(found) + 1)]
    for name in found:
        assert notebooks.tagged(notebook, f"check-{name}").source.count("course.check(") == 1
        assert notebooks.solution(notebook, name)


def test_first_code_cell_is_the_imports(notebook):
    """After the cell that brings the course, see tools/first_cell.py."""
    code = [cell for cell in code_cells(notebook) if "setup" not in cell.metadata.get("tags", ())]
    assert code[0].metadata.tags == ["imports"]


def test_short_cells(notebook):
    lines = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    assert median(lines) <= 6


def test_links_lead_to_headings(path, notebook):
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for name, anchor in LINK.findall(cell.source):
            assert anchor in anchors(path.parent / (name or path.name)), f"{name}#{anchor}"


def anchors(path):
    """What JupyterLab makes of a notebook's headings: blanks become dashes."""
    cells = (cell.source for cell in notebooks.read(path).cells if cell.cell_type == "markdown")
    lines = "\n".join(cells).splitlines()
    return {line.lstrip("# ").replace(" ", "-") for line in lines if re.match(r"#+ ", line)}
