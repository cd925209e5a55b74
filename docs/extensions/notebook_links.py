"""Anchors of notebooks: JupyterLab's (`#Task-1:-A-pair`) in the form that the site's have."""

import re


def slug(anchor: str) -> str:
    """The anchor that the site gives the same heading."""
    return re.sub(r"[^\w-]", "", anchor.lower())


def _rewrite(app, docname: str, source: list[str]) -> None:
    if docname.startswith("notebooks/"):
        source[0] = re.sub(
            r"(\]\((?:[\w./-]+\.ipynb)?#)((?:[^()]|\([^()]*\))+)\)",
            lambda link: f"{link[1]}{slug(link[2])})",
            source[0],
        )


def setup(app):
    app.connect("source-read", _rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
