"""JupyterLab, or another server of web pages, started for a test and ended after it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own_folders(folder: Path) -> dict[str, str]:
    """An environment in which Jupyter reads and writes nothing of the person who runs the tests,
    and the course does little and keeps its runs in `folder`."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "FERMODELS_RUNS": "runs",
    }
    for name in folders.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    env = {variable: str(folder / name) for variable, name in folders.items()}
    return env | {"FERMODELS_PRESET": "fast", "FERMODELS_PROGRESS": "0"}


class Server:
    """A process that serves pages on 127.0.0.1; its output goes to a log file."""

    def __init__(self, command: list[str], url: str, env: dict[str, str], log: Path) -> None:
        self.url, self.log = url, log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, path: str = "", seconds: float = 120) -> None:
        """Until it answers, or dies, or the time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self._end}")
            try:
                with urllib.request.urlopen(self.url + path, timeout=10):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(f"no answer from {self.url} in {seconds:.0f} s:\n{self._end}")

    def close(self) -> None:
        """End it and its kernels; what does not go in good time is killed."""
        import psutil

        try:
            everything = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            everything = []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _, alive = psutil.wait_procs(everything, timeout=10)
        for process in alive:
            process.kill()

    @property
    def _end(self) -> str:
        return self.output()[-3000:]


def jupyter_lab(folder: Path, notebooks: Path) -> Server:
    """JupyterLab on a free port with a token of its own, its `url` leads into it."""
    token = os.urandom(16).hex()
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--expose-app-in-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={notebooks}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    # The token in the environment, not in the command, which every user of the machine can read.
    env = own_folders(folder) | {"JUPYTER_TOKEN": token}
    # No question about news, which lies over the page.
    settings = Path(env["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab/apputils-extension")
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    server = Server(command, f"http://127.0.0.1:{port}", env, folder / "jupyterlab.log")
    server.token = token
    try:
        server.wait("/api")
    except BaseException:
        server.close()
        raise
    return server
