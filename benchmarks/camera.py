"""Updates a second of the camera lab, and where the time of an update goes, without a browser.

    python -m benchmarks.camera [--frames 60] [--threads 2]

Frames of 640×480 pixels come as JPEG, as a browser sends them, with a face that fills a third of
the frame's height and turns; two encoders and 4,900 faces that ship with the course. Each frame is
decoded, the face is found and cropped, embedded by both encoders, put on both maps with its
probabilities and nearest faces, and all of it is handed to the widget. Updates a second are by the
clock on the wall; the parts of an update are seconds of the processor, which a busy machine does
not stretch.
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.face_lab import Clock, say

LIMIT = 8.0  # updates a second
ROUNDS = 5
SIZE = (480, 640)
STEPS = ("decode", "find", "crop", "embed", "maps", "send")


def make_lab():
    from fermodels.course.camera_page import course_camera

    start = time.perf_counter()
    lab = course_camera(say=lambda text: None)
    print(f"open: {time.perf_counter() - start:.1f} s")
    return lab


def make_frames() -> list[bytes]:
    """JPEG of the five views of one moment, as before a camera."""
    from PIL import Image

    from fermodels import course
    from fermodels.data import PreparedImages, encode_image

    faces = PreparedImages.read(course.data("anny_views_kdef"))
    rows = faces.table[faces.table["instance"] == faces.table["instance"][0]].sort_values("yaw")
    found = []
    for face in faces.images(rows.index.to_numpy()):
        # Noise, as of a camera, in the wall too: it is what JPEG has to decode.
        frame = np.random.default_rng(0).normal(150, 6, (*SIZE, 3)).clip(0, 255).astype(np.uint8)
        shown = Image.fromarray(face).resize((270, 270), Image.Resampling.BICUBIC)
        frame[110:380, 190:460] = np.asarray(shown)
        found.append(encode_image(frame, "JPEG", 80))
    return found


def measure(lab, frames: list[bytes], count: int) -> dict:
    """Updates a second, and milliseconds of the processor by what they are spent on."""
    from fermodels.explore import camera_lab, camera_sight

    def update(number: int) -> None:
        content = {"number": number, "picture": frames[number % len(frames)]}
        lab._answer((content, None))

    def run() -> float:
        start = time.perf_counter()
        for number in range(count):
            update(number)
        return time.perf_counter() - start

    for number in range(2 * len(frames)):  # near faces are sent when first shown
        update(number)
    start = time.process_time()
    seconds = [run() for _ in range(ROUNDS)]
    cpu = time.process_time() - start
    rates = sorted(count / spent for spent in seconds)

    clock, eye = Clock(time.process_time), lab._session._eye
    camera_lab.decode_image = clock.watch("decode", camera_lab.decode_image)
    eye.finder.faces = clock.watch("find", eye.finder.faces)
    camera_sight.cut = clock.watch("crop", camera_sight.cut)
    camera_sight._sharpness = clock.watch("crop", camera_sight._sharpness)
    for column in eye.columns:
        column.embed = clock.watch("embed", column.embed)
        column.projection = clock.watch("maps", column.projection)
        column.classify = clock.watch("maps", column.classify)
    eye.nearest = clock.watch("maps", eye.nearest)
    start = time.process_time()
    run()
    spent = time.process_time() - start
    parts = {name: clock.seconds[name] for name in STEPS if name in clock.seconds}
    parts["send"] = spent - sum(parts.values())
    return {
        "updates": statistics.median(rates),
        "slowest": rates[0],
        "fastest": rates[-1],
        "cpu_ms": 1000 * cpu / (ROUNDS * count),
        "parts": {name: 1000 * value / count for name, value in parts.items()},
    }


def _row(name: str, value: float, unit: str, **more: float) -> dict:
    return {"name": name, "value": value, "unit": unit} | more


def run(quick: bool = False) -> dict:
    """For `python -m benchmarks`: updates a second, and where the time of one goes."""
    import torch

    torch.set_num_threads(2)
    lab = make_lab()
    seen = measure(lab, make_frames(), 5 if quick else 60)
    lab.close()
    spread = (seen["fastest"] - seen["slowest"]) / 2
    name = "a frame of 640×480, two encoders"
    rows = [_row(name, seen["updates"], "updates/s", limit=LIMIT, spread=spread)]
    rows.append(_row("all of it", seen["cpu_ms"], "ms of processor"))
    rows += [_row(name, value, "ms of processor") for name, value in seen["parts"].items()]
    return {"rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.camera", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    lab = make_lab()
    seen = measure(lab, make_frames(), args.frames)
    lab.close()
    say(seen, LIMIT)


if __name__ == "__main__":
    main()
