"""The README keeps its promises: its code runs, its links lead somewhere."""

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_loop_runs_and_learns():
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (code,) = (block for block in blocks if "for step in" in block)
    losses = []

    torch.manual_seed(0)
    source = code.replace("    optimiser.step()\n", "    optimiser.step()\n    record(loss)\n")
    assert source != code
    exec(source, {"record": lambda loss: losses.append(loss.item())})
    assert losses[-1] < losses[0] - 0.5


def test_from_a_folder_to_embeddings(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n([^`]*from_folder[^`]*)```", README)
    few = code.replace("50_000", "40")
    assert few != code
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(20):
        pixels = rng.integers(0, 255, (50, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERMODELS_PROGRESS", "0")
    names = {}
    exec(few, names)
    assert names["h"].shape == (20, names["encoder"].feature_dim)


def test_links_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in set(re.findall(r"\bmake ([a-z-]+)", README)) - {"says"}:
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE), command
