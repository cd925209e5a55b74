"""The directive `room`: all public names of a package, described from their docstrings.

Rooms are lazy: a name is public where the `__init__.pyi` (or `__init__.py`) imports it, and that
file says in which module it is made, where the comments on constants are.
"""

import ast
import importlib
import inspect
import textwrap
from importlib.util import resolve_name
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

KINDS = ("Classes", "Functions", "Constants")
# Whose members are not repeated at every class that inherits them.
STRANGERS = (
    "Module, Sequential, Dataset, Sampler, Optimizer, ModelHubMixin, PyTorchModelHubMixin, "
    "HBox, VBox, DOMWidget, BaseException, tuple, dict, object"
)
LONGEST = 400  # characters of a constant's value

logger = logging.getLogger(__name__)


def imported(module: str) -> dict[str, str]:
    """Name → module, of what a module (or its stub) imports from modules."""
    source = Path(importlib.import_module(module).__file__)
    stub = source.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else source).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: resolve_name("." * node.level + node.module, module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def public_names(room: str) -> dict[str, str]:
    """Public name → the module that makes it, for every name but the rooms inside."""
    names, public = imported(room), importlib.import_module(room).__all__
    return {name: made_in(module, name) for name, module in names.items() if name in public}


def made_in(module: str, name: str) -> str:
    """Where a name is made that a module has, perhaps from another one."""
    origin = imported(module).get(name)
    return module if origin is None else made_in(origin, name)


def comment(module: str, name: str) -> list[str]:
    """The comment (`#:`) that describes a constant."""
    lines = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name))
    if not lines:
        logger.warning("%s.%s is public: describe it in a comment with '#:'", module, name)
    return lines or []


class Room(SphinxDirective):
    """`.. room:: fermodels.losses`"""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        room = self.arguments[0]
        found: dict[str, list[tuple[str, list[str]]]] = {kind: [] for kind in KINDS}
        for name, module in sorted(public_names(room).items(), key=lambda pair: pair[0].lower()):
            self.env.note_dependency(importlib.import_module(module).__file__)
            value = getattr(importlib.import_module(room), name)
            if inspect.isclass(value):
                lines = [f".. autoclass:: {name}", "   :members:"]
                lines += [f"   :inherited-members: {STRANGERS}", ""]
                found["Classes"].append((name, lines))
            elif callable(value):
                found["Functions"].append((name, [f".. autofunction:: {name}", ""]))
            else:
                lines = [f".. py:data:: {name}", *self._value(value), ""]
                lines += textwrap.indent("\n".join(comment(module, name)), "   ").splitlines()
                found["Constants"].append((name, [*lines, ""]))

        lines = [f".. automodule:: {room}", "   :no-members:", ""]
        for kind, described in found.items():
            if described:
                lines += [kind, "-" * len(kind), ""]
                lines += [line for _, each in described for line in each]
        parent = nodes.Element()
        parent.document = self.state.document
        nested_parse_with_titles(self.state, StringList(lines, source=room), parent)
        return parent.children

    @staticmethod
    def _value(value: object) -> list[str]:
        shown = repr(value)
        return [f"   :value: {shown}"] if len(shown) <= LONGEST and "<" not in shown else []


def _skip(app, kind: str, name: str, value: object, skip: bool, options) -> bool | None:
    """Fields of named tuples, which have no description of their own."""
    return True if (inspect.getdoc(value) or "").startswith("Alias for field") else None


def setup(app):
    app.add_directive("room", Room)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
