"""docs/shards.md: its scripts run as far as the commands, and the commands parse."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_prep.__main__ import IMPORTERS, MAKERS, _parser

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/shards.md").read_text(encoding="utf-8")
# The one function that takes the place of Python: writes down what it is called with.
STAND_INS = """
python() { printf '%s\\0' "$@" '' >> "$CALLS"; }
sbatch() { printf '%s ' "$@" >> "$BATCHES"; echo 17; }
"""


def blocks(language):
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)
    assert found
    return found


def parsed(words):
    """The options of a command `-m data_prep …`."""
    assert list(words[:2]) == ["-m", "data_prep"] and words[2] in MAKERS | IMPORTERS
    return _parser(words[2]).parse_args([str(word) for word in words[2:]])


def test_commands_in_the_text_parse():
    lines = re.findall(r"^    python (-m data_prep .*)$", TEXT, flags=re.MULTILINE)
    options = [parsed(shlex.split(line)) for line in lines]
    assert [option.maker for option in options].count("merge") == 2 and len(options) == 6
    assert {str(o.shard) for o in options if hasattr(o, "shard")} == {"1/2", "2/2"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_scripts_for_slurm(tmp_path):
    calls, batches = tmp_path / "calls", tmp_path / "batches"
    (tmp_path / "parts").mkdir()
    for number in (7, 12):
        (tmp_path / f"parts/vox2-{number}.parquet").touch()
    environment = dict(
        os.environ, CALLS=str(calls), BATCHES=str(batches), RAW="a folder/vox 2.zip",
        SLURM_ARRAY_TASK_ID="7", SLURM_CPUS_PER_TASK="8",
    )  # fmt: skip
    for script in blocks("bash"):
        assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
        script = STAND_INS + script
        subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, check=True)
    array, merging = (
        parsed(call.split("\0")) for call in calls.read_text().removesuffix("\0\0").split("\0\0")
    )
    assert str(array.shard) == "7/64" and array.raw == Path("a folder/vox 2.zip")
    assert array.jobs == 8 and array.out == Path("parts/vox2-7.parquet")
    assert [path.name for path in merging.parts] == ["vox2-12.parquet", "vox2-7.parquet"]
    assert merging.out == Path("vox2.parquet")
    assert "--array=1-64" in TEXT  # as many as SHARDS says
    assert batches.read_text().split() == [
        *("--parsable", "import.sh", "--dependency=afterok:17", "merge.sh")
    ]


def test_the_script_for_ray(tmp_path, monkeypatch):
    """With another ray, which calls tasks at once, and commands that are written down."""
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: calls.append(words[1:]))
    remote = lambda **options: lambda function: SimpleNamespace(remote=function)  # noqa: E731
    ray = SimpleNamespace(remote=remote, get=list, init=lambda address: None)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(sys, "argv", ["import_on_ray.py", "raw.zip", str(tmp_path / "out")])
    (script,) = blocks("python")
    exec(compile(script, "import_on_ray.py", "exec"), {"__name__": "__main__"})
    *shards, merging = map(parsed, calls)
    assert [str(options.shard) for options in shards] == [f"{k}/64" for k in range(1, 65)]
    assert merging.parts == [options.out for options in shards]
    assert {options.raw for options in shards} == {Path("raw.zip").absolute()}
    assert merging.out == tmp_path / "out/vox2.parquet" and (tmp_path / "out/parts").is_dir()
