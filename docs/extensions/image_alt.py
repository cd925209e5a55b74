"""The alternative text of a notebook's figures, which myst-nb leaves out.

`fermodels.plots.show` stores it where Jupyter has it: in the output's metadata, by MIME type.
"""

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

_render_image = NbElementRenderer.render_image


def _with_alt(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    images = _render_image(self, data)
    alt = data.output_metadata.get(data.mime_type, {}).get("alt")
    for image in images if alt else ():
        image["alt"] = alt
    return images


def setup(app):
    NbElementRenderer.render_image = _with_alt
    return {"parallel_read_safe": True, "parallel_write_safe": True}
