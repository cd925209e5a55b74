"""The README keeps its promises: its code runs, its links lead somewhere."""

import re
from pathlib import Path

import torch

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


def test_links_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing


def test_commands_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in set(re.findall(r"\bmake ([a-z]+)\b", README)) - {"says"}:
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE), command
