"""The check of the built site finds what is wrong with it."""

import pytest

from tools.check_site import HEAVIEST, check, main

GOOD = '<h1 id="top">A</h1><a href="sub/b.html#part">b</a><a href="https://example.org/x">x</a>'


@pytest.fixture
def site(tmp_path):
    """Two pages that link to each other; `site(html)` puts more into the first."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.html").write_text('<p id="part"></p><a href="../a.html#top">a</a>')
    (tmp_path / "small.png").write_bytes(b"0" * 1000)
    (tmp_path / "large.png").write_bytes(b"0" * HEAVIEST)

    def write(more: str = ""):
        (tmp_path / "a.html").write_text(GOOD + more)
        return tmp_path

    return write


def test_a_good_site_passes_and_its_links_to_elsewhere_are_listed(site, tmp_path, capsys):
    folder = site(
        '<img src="small.png" alt="A dot"><a href="#top">up</a><a href="sub/b.html?x=1">b</a>'
    )
    assert main([str(folder), "--external", str(tmp_path / "list.txt")]) == 0
    assert (tmp_path / "list.txt").read_text() == "https://example.org/x\n"
    assert "2 pages, 1 links" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ('<a href="c.html">c</a>', "c.html leads nowhere"),
        ('<a href="sub/b.html#gone">b</a>', "no such anchor"),
        ('<a href="#gone">up</a>', "no such anchor"),
        ('<a href="sub/">b</a>', "leads nowhere"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<script src="https://example.org/a.js"></script>', "needs a network"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "needs a network"),
        ('<img src="https://example.org/a.png">', "needs a network"),
        ('<img src="large.png">', "weighs 3.0 MB"),
        ('<img src="small.png">', "small.png has no text that says what it shows"),
        ('<img src="small.png" alt="sub/small.png">', "small.png has no text"),
        ("<pre>File /home/anna/course/a.py</pre>", "/home/anna"),
        ("<pre>'/tmp/abc'</pre>", "/tmp/abc"),
    ],
)
def test_what_is_wrong_is_named_with_its_page(site, html, message, capsys):
    assert main([str(site(html))]) == 1
    found = capsys.readouterr().err
    assert message in found and found.startswith("a.html")


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:a@example.org">a</a>',
        '<img src="data:image/png;base64,AAAA" alt="A dot">',
        '<link rel="next" href="sub/b.html">',
        "<p>and/or, weights/tmp/a, https://example.org/home/a</p>",
    ],
)
def test_what_is_right_is_left_alone(site, html):
    assert check(site(html))[0] == []


def test_style_sheets_load_nothing_from_elsewhere(site):
    (site() / "a.css").write_text("@font-face { src: url('https://example.org/a.woff') }")
    assert "a.css loads https://example.org/a.woff" in check(site())[0][0]


def test_a_folder_without_pages_is_no_site(tmp_path):
    assert "no pages" in check(tmp_path)[0][0]


def test_badges_may_come_from_elsewhere_and_no_other_picture(site):
    from tools.repository import PLACES

    for _, picture in PLACES.values():
        assert check(site(f'<img src="{picture}" alt="Open there">'))[0] == []
    assert check(site('<img src="https://example.org/badge.svg">'))[0]
