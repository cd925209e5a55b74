"""What a person does with a notebook in the browser, and what can be seen there."""

import io
import itertools
import json
import re
import time
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS = 90  # generous: on a shared machine everything takes a multiple
UNSEEN = 16  # levels of 255; the palest line on a map is 41 from the white around it
_KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
_NUMBERS = itertools.count(1)

_RUN_CODE = """async (code) => {
  const future = KERNEL.requestExecute({ code, store_history: false });
  let text = "", error = null;
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
    if (header.msg_type === "error") error = content.traceback.join("\\n");
  };
  await future.done;
  return { text, error };
}""".replace("KERNEL", _KERNEL)

# anywidget gives up on a widget whose script (a map's has megabytes) is not loaded in two seconds,
# which happens on a machine that is busy with other things.
_PATIENCE = """
const timeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (milliseconds) => timeout(15 * milliseconds);
"""

# The last frame of a burst of changes: pictures decoded, WebGL drawn.
_DRAWN = """async () => {
  for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
}"""


def wait_until(condition, what: str, seconds: float = SECONDS) -> None:
    """Until a function returns something true; AssertionError saying `what` did not happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in {seconds:.0f} s: not {what}"
        time.sleep(0.2)


def seen(part) -> np.ndarray:
    """What a page, or a part of it, looks like: RGB uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(part.screenshot())).convert("RGB"))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pictures look alike. The browser may draw the round corner of a button, which
    nobody touches, one or a few levels darker and lighter in turns, without end."""
    if one.shape != other.shape:
        return False
    return np.abs(one.astype(np.int16) - other).max() <= UNSEEN


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Browsed:
    """A page of the browser. `errors` holds what went wrong in it, as text."""

    def __init__(self, page, screenshots: Path) -> None:
        self.page, self._screenshots = page, screenshots
        self.errors: list[str] = []
        page.set_default_timeout(SECONDS * 1000)
        page.add_init_script(_PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("crash", lambda _: self.errors.append("the page crashed"))

    def _said(self, message) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def screenshot(self, name: str, selector: str | None = None) -> Path:
        """A numbered picture of the page, or of an element, among the artefacts."""
        self.page.evaluate(_DRAWN)
        path = self._screenshots / f"{next(_NUMBERS):02}_{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        target = self.page.locator(selector).first if selector else self.page
        target.screenshot(path=path)
        return path

    def until(self, condition: str, argument=None, seconds: float = SECONDS) -> None:
        """Wait until an expression of JavaScript, or a function of `argument`, is true."""
        self.page.wait_for_function(condition, arg=argument, timeout=seconds * 1000)

    def wait_for(self, selector: str, **options):
        self.page.wait_for_selector(selector, **options)
        return self.page.locator(selector).first

    def colors(self, points) -> np.ndarray:
        """What is seen at places (N, 2) of the window, RGB uint8 (N, 3)."""
        x, y = np.floor(np.asarray(points)).astype(int).T
        return seen(self.page)[y, x]

    # ------------------------------------------------------------------------------- the explorer

    def rows(self, selector: str = ".fm-sheet >> nth=0") -> list[int]:
        """The `data-row` of the pictures of a contact sheet."""
        tiles = self.page.locator(selector).locator(".fm-tile")
        return tiles.evaluate_all("nodes => nodes.map((node) => Number(node.dataset.row))")

    def choose(self, hook: str, label: str) -> None:
        """Set a drop-down list of the explorer, such as "fm-color"."""
        self.page.select_option(f".{hook} select", label=label)

    def map_box(self, number: int) -> dict:
        """Where a map lies: x, y, width, height in pixels of the window."""
        plot = self.page.locator(".fm-map").nth(number)
        plot.scroll_into_view_if_needed()
        canvases = plot.locator("canvas")
        sizes = [canvas.bounding_box() for canvas in canvases.all()]
        return max((box for box in sizes if box), key=lambda box: box["width"] * box["height"])

    def pixels(self, number: int, coords) -> np.ndarray:
        """Where points (N, 2) of a map lie in the window as long as it is neither moved nor
        zoomed: [−1, 1] fits the height."""
        box = self.map_box(number)
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        return middle + np.asarray(coords) * [1, -1] * box["height"] / 2

    def draw_lasso(self, number: int, low, high) -> None:
        """Draw a rectangle around points with the mouse; its corners in pixels of the window."""
        (x0, y0), (x1, y1) = low, high
        # From the middle of a side: where the plot misses the first steps, nothing is cut off. And
        # not back to it, which would be a click.
        corners = np.array([((x0 + x1) / 2, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)])
        plot = self.page.locator(".fm-map").nth(number)
        plot.locator("button[title*=lasso]").click()
        plot.locator("button[title*=lasso][class*=brand]").wait_for()
        mouse = self.page.mouse
        mouse.move(*corners[0])
        mouse.down()
        for start, end in zip(corners, corners[1:], strict=False):
            for part in np.linspace(0, 1, 8)[1:]:
                mouse.move(*(start + part * (end - start)))
                # The plot takes a corner of the lasso at most every few milliseconds, and on a busy
                # machine one that was not drawn yet is lost.
                time.sleep(0.03)
                self.page.evaluate("() => new Promise(requestAnimationFrame)")
        mouse.up()
        mouse.move(2, 2)  # a point beneath it would be lit, with all its views

    def settle(self) -> None:
        """Until the maps look the same for a while."""
        plots = self.page.locator(".fm-maps").first
        last = [seen(plots)]

        def still() -> bool:
            time.sleep(0.3)
            before, last[0] = last[0], seen(plots)
            return same(before, last[0])

        wait_until(still, "the maps stand still")

    def hover(self, x: float, y: float) -> int:
        """Point at a place until the card is there; the row that it shows."""
        end = time.monotonic() + SECONDS / 2
        while time.monotonic() < end:
            # The plot looks for points while the mouse moves.
            for dx in (6, 3, 0):
                self.page.mouse.move(x + dx, y)
                time.sleep(0.05)
            try:
                self.until(
                    "document.querySelector('.fm-hover')?.dataset.row !== undefined", None, 2
                )
                self._same_card()
            except Exception as error:
                if "Timeout" not in type(error).__name__:
                    raise
                continue
            return int(self.page.locator(".fm-hover").first.get_attribute("data-row"))
        raise TimeoutError(f"no card for the point at {x:.0f}, {y:.0f}")

    def _same_card(self) -> None:
        """Until the card has not changed for a while."""
        self.until(
            """() => {
              const row = document.querySelector('.fm-hover')?.dataset.row;
              const last = (window.fmCard ??= {});
              if (last.row !== row) Object.assign(last, { row, since: performance.now() });
              return row !== undefined && performance.now() - last.since > 400;
            }"""
        )


class Notebook(Browsed):
    """A notebook open in JupyterLab."""

    def __init__(self, page, server, path: str, screenshots: Path) -> None:
        super().__init__(page, screenshots)
        workspace = f"test{next(_NUMBERS)}"
        page.goto(
            f"{server.url}/lab/workspaces/{workspace}/tree/{path}?token={server.token}&reset",
            wait_until="domcontentloaded",
        )
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.until(f"{_KERNEL}?.status === 'idle'")
        page.evaluate(
            "() => { const app = window.jupyterapp;"
            " if (!app.shell.leftCollapsed) app.commands.execute('application:toggle-left-area'); }"
        )

    def run_all(self, seconds: float = 300) -> None:
        """Run all cells; AssertionError with the traceback if one fails."""
        self._finish("window.jupyterapp.commands.execute('notebook:run-all-cells')", seconds)

    def restart_and_run_all(self, seconds: float = 300) -> None:
        start = "window.jupyterapp.commands.execute('notebook:restart-run-all')"
        self.page.evaluate(f"() => {{ window.fmDone = {start}; }}")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self._finish("window.fmDone", seconds)

    def _finish(self, promise: str, seconds: float) -> None:
        self.page.evaluate(
            f"""() => {{
              window.fmFinished = false;
              {promise}.finally(() => {{ window.fmFinished = true; }});
            }}"""
        )
        self.until("window.fmFinished === true", seconds=seconds)
        cells = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells"
        )
        for number, cell in enumerate(cells):
            for output in cell.get("outputs", []):
                if output["output_type"] == "error":
                    trace = plain("\n".join(output["traceback"]))
                    raise AssertionError(f"cell {number} failed:\n{trace}")

    def show_output_of(self, code: str) -> None:
        """Scroll to the cell that has this code, as far as JupyterLab leaves others out."""
        self.page.evaluate(
            """async (code) => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              const i = notebook.widgets.findIndex(({ model }) =>
                model.type === "code" && model.sharedModel.source.includes(code));
              notebook.activeCellIndex = i;
              await notebook.scrollToItem(i, "start");
            }""",
            code,
        )

    def python(self, code: str) -> None:
        """Run code in the notebook's kernel."""
        said = self.page.evaluate(_RUN_CODE, code)
        assert said["error"] is None, plain(said["error"])

    def value(self, expression: str):
        """The value of an expression in the kernel; arrays as lists."""
        code = (
            "import json as _json, numpy as _np\n"
            f"print('\\x00' + _json.dumps({expression}, default=lambda x: _np.asarray(x).tolist()))"
        )
        said = self.page.evaluate(_RUN_CODE, code)
        assert said["error"] is None, plain(said["error"])
        return json.loads(said["text"].split("\x00")[-1])

    def until_value(self, expression: str, wanted) -> None:
        """Until an expression in the kernel has this value."""
        wait_until(lambda: self.value(expression) == wanted, f"{expression} == {wanted}")


def free_rectangle(points: np.ndarray, box: dict, most: int):
    """A rectangle inside `box` whose sides keep clear of all points (N, 2), so that a pixel more
    or less decides nothing: its two corners (2,) and the rows inside, 6 to `most` of them."""
    low, high = np.array([[box["x"], box["y"]]]) + [[8, 8], [box["width"] - 8, box["height"] - 8]]
    rng = np.random.default_rng(0)
    best = (0.0, None)
    for _ in range(4000):
        middle = points[rng.integers(len(points))]
        half = rng.uniform(20, 70, 2)
        beyond = np.abs(points - middle) - half  # (N, 2), negative inside
        inside = (beyond < 0).all(1)
        clearance = np.abs(beyond.max(1)).min()
        fits = (middle - half > low).all() and (middle + half < high).all()
        if fits and 6 <= inside.sum() <= most and clearance > best[0]:
            best = (clearance, (middle - half, middle + half, np.flatnonzero(inside)))
    assert best[0] > 2, "no rectangle keeps clear of all points"
    return best[1]


def lone_points(points: np.ndarray, pixels: float) -> np.ndarray:
    """Rows whose point lies further than that from every other one (N, 2)."""
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distance, np.inf)
    return np.flatnonzero(distance.min(1) > pixels)
