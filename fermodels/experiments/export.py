"""`python -m fermodels export MODEL --onnx FILE`: a graph that runs without this package."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import torch

from fermodels._shared.extras import require
from fermodels._shared.files import replace_file
from fermodels._shared.paths import given_path, output_file
from fermodels.models.exporting import Exportable, exportable
from fermodels.models.reading import read_model

TOLERANCE = 1e-4  # between the graph and PyTorch, absolute and relative
OPSET = 18  # of ONNX: the first whose resizing is antialiased


def command(arguments: list[str]) -> None:
    """Write the graph, and check what it says of random inputs against PyTorch."""
    parser = argparse.ArgumentParser(
        prog="python -m fermodels export",
        description="A saved encoder or classifier as a graph for other programs. What is done to "
        "the input is part of it: images come as float32 (N, 3, height, width) in [0, 1], of any "
        "number and size. The graph is checked against PyTorch before the file is written.",
    )
    parser.add_argument(
        "model", metavar="MODEL", help="folder of save_pretrained, or the name of one that ships"
    )
    parser.add_argument("--onnx", metavar="FILE.onnx", type=given_path, help="for onnxruntime")
    parser.add_argument(
        "--torch", metavar="FILE.pt2", type=given_path, help="for torch.export.load"
    )
    options = parser.parse_args(arguments)
    if options.onnx is None and options.torch is None:
        parser.error("name a file: --onnx FILE.onnx, --torch FILE.pt2, or both")
    if options.onnx:
        require("an ONNX file", "export")
    for path in (options.onnx, options.torch):
        if path is not None:
            output_file(path)
    graph = exportable(read_model(options.model))
    program = graph.program()
    if options.torch:
        path, far = write_torch(graph, program, options.torch)
        print(f"{path}: {_words(graph)}; at most {far:.1e} from PyTorch")
    if options.onnx:
        path, far = write_onnx(graph, program, options.onnx)
        print(f"{path}: {_words(graph)}; at most {far:.1e} from PyTorch")


def write_torch(
    graph: Exportable, program: torch.export.ExportedProgram, path: Path
) -> tuple[Path, float]:
    """The graph as a file of `torch.export.save`.

    Returns:
        The path, and the largest difference to PyTorch.

    Raises:
        ValueError: it says something else than PyTorch does.
    """
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files=dict(graph.about))
    buffer.seek(0)
    loaded = torch.export.load(buffer).module()
    far = difference(graph, lambda inputs: [x.numpy() for x in loaded(*inputs)], path)
    return _written(path, buffer.getvalue()), far


def write_onnx(
    graph: Exportable, program: torch.export.ExportedProgram, path: Path
) -> tuple[Path, float]:
    """The graph as an ONNX file; as :func:`write_torch`."""
    import onnxruntime

    made = torch.onnx.export(
        program,
        dynamo=True,
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=OPSET,
        verbose=False,
    )
    made.model.metadata_props.update(graph.about)
    data = made.model_proto.SerializeToString()
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, quiet, ["CPUExecutionProvider"])

    def run(inputs: tuple[torch.Tensor, ...]) -> list[np.ndarray]:
        named = zip(graph.inputs, inputs, strict=True)
        return session.run(list(graph.outputs), {name: x.numpy() for name, x in named})

    far = difference(graph, run, path)
    return _written(path, data), far


def _written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
    return path


def difference(graph: Exportable, run, path: Path) -> float:
    """The largest difference between what `run` makes of inputs and what the model does.

    Raises:
        ValueError: it is above `TOLERANCE`.
    """
    size = graph.image_size or 64
    farthest = 0.0
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        # One image of the size itself; several of another shape, larger and smaller.
        for count, shape in (
            (1, (size, size)),
            (4, (2 * size + 1, size + 7)),
            (2, (size - 5, 300)),
        ):
            inputs = graph.example(count, shape)
            with torch.no_grad():
                expected = [x.numpy() for x in graph.module(*inputs)]
                found = run(inputs)
            for name, one, other in zip(graph.outputs, expected, found, strict=True):
                farthest = max(farthest, float(np.abs(one - other).max()))
                if not np.allclose(one, other, rtol=TOLERANCE, atol=TOLERANCE):
                    raise ValueError(
                        f"{path} is not written: the {name} of its graph are up to {farthest:.1e} "
                        f"from PyTorch's, for inputs {[tuple(x.shape) for x in inputs]}"
                    )
    return farthest


def _words(graph: Exportable) -> str:
    return f"{', '.join(graph.inputs)} → {', '.join(graph.outputs)}"
