"""`import fermodels` costs next to nothing; what is heavy is imported when used."""

import subprocess
import sys

from benchmarks.import_time import added_seconds

HEAVY = {
    *("lightning", "pytorch_lightning", "umap", "numba", "anny", "pyvista", "vtk", "jscatter"),
    *("sklearn", "pandas", "pyarrow", "torchvision", "matplotlib", "seaborn", "PIL", "IPython"),
}


def modules_after(*modules):
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    return {name.split(".")[0] for name in output.split()}


def test_adds_at_most_half_a_second_to_torch():
    assert added_seconds("fermodels", runs=3) <= 0.5


def test_imports_nothing_heavy_nor_even_torch():
    loaded = modules_after("fermodels", "fermodels.course", "fermodels.course.exercises")
    assert not loaded & (HEAVY | {"torch", "numpy"})
