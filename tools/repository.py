"""Where the repository is published, in one variable, and what follows from it.

python tools/repository.py              writes the badges and links to Colab, Kaggle, Binder
python tools/repository.py OWNER/NAME   first puts OWNER/NAME, on GitHub, in the place of today's
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "OWNER/fermodels"
BRANCH = "main"

# Place → address that opens a notebook there, picture of its badge.
PLACES = {
    "Colab": (
        "https://colab.research.google.com/github/{repository}/blob/{branch}/{path}",
        "https://colab.research.google.com/assets/colab-badge.svg",
    ),
    "Kaggle": (
        "https://kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/{branch}/{path}",
        "https://kaggle.com/static/images/open-in-kaggle.svg",
    ),
    "Binder": (
        "https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{path}",
        "https://mybinder.org/badge_logo.svg",
    ),
}


def archive(repository: str = REPOSITORY) -> str:
    """The address of all its files, for pip and for `course.fetch`."""
    return f"https://github.com/{repository}/archive/refs/heads/{BRANCH}.tar.gz"


def badges(paths: list[str], repository: str) -> str:
    """Markdown of badges that open the first notebook, one a place."""
    lines = [
        f"[![Open in {place}]({picture})]({_filled(address, paths[0], repository)})\n"
        for place, (address, picture) in PLACES.items()
    ]
    return "".join(lines)


def links(paths: list[str], repository: str) -> str:
    """A Markdown table: a row for each notebook, a link for each place."""
    rows = ["| notebook |" + " |" * len(PLACES) + "\n", "|---|" + "---|" * len(PLACES) + "\n"]
    for path in paths:
        cells = (
            f"[{place}]({_filled(address, path, repository)})"
            for place, (address, _) in PLACES.items()
        )
        rows.append(f"| {Path(path).stem} | {' | '.join(cells)} |\n")
    return "".join(rows)


# What stands between <!-- NAME --> and <!-- /NAME -->.
MARKS = {"BADGES": badges, "NOTEBOOKS": links}


def with_links(text: str, paths: list[str], repository: str = REPOSITORY) -> str:
    """`text` with what belongs between its marks."""
    for name, make in MARKS.items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
            lambda found, make=make: found[1] + make(paths, repository) + found[2],
            text,
            flags=re.DOTALL,
        )
    return text


def _filled(address: str, path: str, repository: str) -> str:
    return address.format(path=path, repository=repository, branch=BRANCH)


def notebook_paths(root: Path = ROOT) -> list[str]:
    return [f"notebooks/{path.name}" for path in sorted(root.glob("notebooks/[0-9][0-9]_*.ipynb"))]


def text_paths(root: Path = ROOT) -> list[str]:
    return ["README.md", *(f"docs/{path.name}" for path in sorted(root.glob("docs/*.md")))]


def write(repository: str, root: Path = ROOT) -> None:
    """Put `repository` in the place of today's, and write the badges and links again."""
    texts, notebooks = text_paths(root), notebook_paths(root)
    for name in (*texts, *notebooks, "tools/repository.py"):
        path = root / name
        text = path.read_text(encoding="utf-8")
        changed = text.replace(REPOSITORY, repository)
        if name in texts:
            changed = with_links(changed, notebooks, repository)
        if changed != text:
            path.write_text(changed, encoding="utf-8", newline="\n")
            print(f"{name}: written with {repository}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("repository", nargs="?", default=REPOSITORY, metavar="OWNER/NAME")
    repository = parser.parse_args().repository.removeprefix("https://github.com/").strip("/")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        parser.error(f"{repository}: give the owner and the name on GitHub, such as me/fermodels")
    write(repository)
    return 0


if __name__ == "__main__":
    sys.exit(main())
