"""Slides show what the notebooks show today, in one file that needs nothing else."""

import base64
import io
import re

import pytest
from PIL import Image

from tools import slides

SOURCE = slides.SOURCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    return slides.document(SOURCE)


def test_about_thirty_with_a_heading_each(page):
    made = re.findall(r"<section.*?</section>", page, flags=re.DOTALL)
    assert len(made) == len(slides.parts(SOURCE)) and 25 <= len(made) <= 35
    assert all(len(re.findall("<h[12]>", part)) == 1 for part in made)


def test_every_figure_is_there_and_says_what_it_shows(page):
    asked = re.findall(r"<!-- figure", SOURCE)
    shown = re.findall(r'<img src="data:image/(?:png|jpeg);base64,[^"]+" alt="([^"]*)"', page)
    assert len(shown) == len(asked) and all(shown)


def test_photographs_of_a_notebook_may_be_jpeg(monkeypatch):
    file = io.BytesIO()
    Image.new("RGB", (300, 100)).save(file, "JPEG")
    text = base64.b64encode(file.getvalue()).decode() + "\n"
    monkeypatch.setattr(slides, "outputs", lambda number: {"a": [{"image/jpeg": text}]})
    made = slides.slide("## Two\n\n<!-- figure 02 a: three faces -->")
    assert 'src="data:image/jpeg;base64,/9j/' in made and 'class="below"' in made


@pytest.mark.parametrize(
    ("words", "ratio", "where"),
    [
        ("", 3.0, "below"),
        ("<p>Few words.</p>", 1.9, "below"),
        ("<p>Few words.</p>", 1.0, "beside"),
        ("<p>Line.</p>\n" * 7, 1.9, "beside"),
    ],
)
def test_a_figure_stands_where_it_is_larger(words, ratio, where):
    assert slides._layout(words, ratio) == where


def test_the_plan_names_slides_that_there_are():
    plan = (slides.SOURCE.parent / "plan_90_minutes.md").read_text(encoding="utf-8")
    named = re.search(r"- \*\*Slides\.\*\*(.*?)\n- ", plan, flags=re.DOTALL)[1]
    titles = re.findall(r'"([^"]+)"', " ".join(named.split()))
    assert titles and {title.rstrip(",") for title in titles} <= {
        part.splitlines()[0].lstrip("# ") for part in slides.parts(SOURCE)
    }


def test_formulas_are_drawn(page):
    assert page.count('class="formula"') == len(slides.FORMULA.findall(SOURCE)) > 0
    assert "FORMULA-HERE" not in page and "$$" not in page


def test_nothing_comes_from_outside(page):
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    assert "@import" not in page and "<!--" not in page.split("<body>")[1]


def test_few_words_on_each():
    for part in slides.parts(SOURCE):
        words = slides.FORMULA.sub("", slides.COMMENT.sub("", part)).split()
        assert len(words) <= 60, part


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("figure 02 nowhere: x", "slide 2: notebook 02 has no cell 'nowhere'"),
        ("figure 02 c001: x", "slide 2: notebook 02 has no cell 'c001' with an output"),
        ("text 02 c009", "slide 2: .* with an output of text/markdown"),
        ("figure 77 c009: x", "slide 2: there is no notebook 77"),
    ],
)
def test_a_figure_that_is_gone_is_named_with_its_slide(address, message):
    with pytest.raises(ValueError, match=message):
        slides.document(f"# One\n\n---\n\n## Two\n\n<!-- {address} -->")


def test_computed_text_can_be_shown(monkeypatch):
    made = {"a": [{"text/markdown": "This is *computed*."}]}
    monkeypatch.setattr(slides, "outputs", lambda number: made)
    shown = slides.slide("## Two\n\n<!-- text 00 a -->\n<!-- note: say *it* -->")
    assert "This is <em>computed</em>." in shown
    assert "<aside><p>say <em>it</em></p>" in shown
