"""What has to hold of the built site, checked without a network (`make site`):

    python -m tools.check_site runs/site/html --external runs/site/external.txt

Links inside lead to pages and anchors that are there; nothing is loaded from elsewhere but the
README's badges, which have words in their place; every image says what it shows; no page is heavier
than 3 MB with all that it loads; no page shows a path of the machine that built it. Links to other
places are listed, not fetched.
"""

import argparse
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.repository import PLACES

HEAVIEST = 3_000_000  # bytes
BADGES = {picture for _, picture in PLACES.values()}
LOADED = {"img": "src", "script": "src", "source": "src", "video": "src", "audio": "src"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".svg", ".gif")
MACHINE = re.compile(r"(?<![\w./:-])/(?:home|root|Users|tmp|work|var/folders|opt)/[\w.-]+")
CSS_URL = re.compile(r"url\(\s*['\"]?([^'\")]+)")


@dataclass
class Page(HTMLParser):
    """The anchors of a page, what it links to, what it loads, and images without a text."""

    text: str
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and "href" in given:
            # The others, such as "next", are not fetched to show the page.
            fetched = {"stylesheet", "icon", "preload"} & set(given.get("rel", "").split())
            (self.loaded if fetched else self.links).append(given["href"])
        if given.get(LOADED.get(tag, "")):
            self.loaded.append(given[LOADED[tag]])
        # Sphinx puts the name of its file in the place of a text that is not there.
        if tag == "img" and ("alt" not in given or given["alt"].endswith(SUFFIXES)):
            self.untold.append(given.get("src", "")[:60])


def is_elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "mailto", "javascript")


def target(link: str, source: Path) -> tuple[Path, str] | None:
    """The file and the anchor that a link of a file leads to; None if it leads elsewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (source.parent / unquote(parts.path)).resolve() if parts.path else source
    return (path / "index.html" if path.is_dir() else path), unquote(parts.fragment)


def check(site: Path) -> tuple[list[str], set[str]]:
    """What is wrong, in words, and the links that lead elsewhere."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong: list[str] = [] if pages else [f"{site} has no pages"]
    elsewhere: set[str] = set()
    for path, page in pages.items():
        name = path.relative_to(site)
        for link in page.links:
            found = target(link, path)
            if found is None:
                elsewhere |= {link} if is_elsewhere(link) else set()
            elif not found[0].is_file():
                wrong.append(f"{name}: {link} leads nowhere")
            elif found[1] and found[0] in pages and found[1] not in pages[found[0]].anchors:
                wrong.append(f"{name}: {link}: there is no such anchor")
        weight = path.stat().st_size
        for link in sorted(set(page.loaded)):
            found = target(link, path)
            if is_elsewhere(link) and link not in BADGES:
                wrong.append(f"{name} loads {link}, which needs a network")
            elif found and not found[0].is_file():
                wrong.append(f"{name}: {link} is not there")
            elif found:
                weight += found[0].stat().st_size
        if weight > HEAVIEST:
            wrong.append(f"{name} weighs {weight / 1e6:.1f} MB; {HEAVIEST / 1e6:.0f} are allowed")
        wrong += [f"{name}: {image} has no text that says what it shows" for image in page.untold]
        wrong += [f"{name} shows the path {shown}" for shown in set(MACHINE.findall(page.text))]
    for path in sorted(site.rglob("*.css")):
        for link in CSS_URL.findall(path.read_text(encoding="utf-8")):
            found = target(link, path)
            if is_elsewhere(link) or (found and not found[0].is_file()):
                wrong.append(f"{path.relative_to(site)} loads {link}, which is not there")
    return wrong, elsewhere


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path, help="folder of the built pages")
    parser.add_argument("--external", type=Path, help="file for the links that lead elsewhere")
    options = parser.parse_args(arguments)
    wrong, elsewhere = check(options.site)
    if options.external:
        options.external.write_text("".join(f"{link}\n" for link in sorted(elsewhere)))
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    count = sum(1 for _ in options.site.rglob("*.html"))
    print(f"{options.site}: {count} pages, {len(elsewhere)} links to other places (not fetched)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
