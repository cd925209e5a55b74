"""Updates a second of the face lab, and where the time of an update goes, without a browser.

    python -m benchmarks.face_lab [--size 128] [--updates 60] [--threads 2]

Moves a slider as a browser does, with the two encoders and the reference that ship with the
course: the face is drawn, brought to the size of the reference, embedded by both encoders,
projected on both maps, classified by both probes, encoded as JPEG and handed to the widget.
"""

import argparse
import statistics
import time
from collections.abc import Callable

LIMIT = 8.0  # updates a second at 128 px
ROUNDS = 7


class Clock:
    """Seconds spent in functions, by name; `now` tells the time."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._now = now

    def watch(self, name: str, function):
        def watched(*args, **kwargs):
            start = self._now()
            try:
                return function(*args, **kwargs)
            finally:
                spent = self._now() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return watched


def make_lab(size: int):
    from fermodels import course
    from fermodels.data import PreparedImages
    from fermodels.evaluation import embed
    from fermodels.explore import FaceLab
    from fermodels.models import ImageEncoder

    prepared = PreparedImages.read(course.data("anny_views_kdef"))
    split = prepared.split()
    reference = prepared.subset([*split["val"], *split["test"]])
    encoders = {
        name: ImageEncoder.from_pretrained(course.weights(f"{name}-anny-views"))
        for name in ("simclr", "clmex")
    }
    embeddings = {name: embed(encoder, reference) for name, encoder in encoders.items()}
    start = time.perf_counter()
    lab = FaceLab(encoders, reference, embeddings=embeddings, size=size)
    print(f"open, {len(reference):,} images of reference: {time.perf_counter() - start:.1f} s")
    return lab


def measure(lab, updates: int) -> dict[str, float]:
    """Updates a second of each round, and milliseconds of an update by what they are spent on."""
    from fermodels.explore import face_lab

    def drag(count: int) -> float:
        start = time.perf_counter()
        for i in range(count):
            values = lab.values | {"happy": 0.5 + 0.5 * (-1) ** i * i / count}
            lab.widget.set_state({"values": values})
        return time.perf_counter() - start

    drag(5)
    start = time.process_time()
    seconds = [drag(updates) for _ in range(ROUNDS)]
    cpu = time.process_time() - start
    rates = sorted(updates / spent for spent in seconds)
    result = {
        "updates": statistics.median(rates),
        "slowest": rates[0],
        "fastest": rates[-1],
        "cpu_ms": 1000 * cpu / (ROUNDS * updates),
    }

    clock = Clock()
    lab._face.images = clock.watch("draw the face", lab._face.images)
    lab._seen = clock.watch("resize", lab._seen)
    face_lab.encode_image = clock.watch("JPEG", face_lab.encode_image)
    for column in lab._columns:
        column.embed = clock.watch("embed", column.embed)
        column.projection = clock.watch("project", column.projection)
        column.classify = clock.watch("classify", column.classify)
    spent = drag(updates)
    rest = spent - sum(clock.seconds.values())
    parts = clock.seconds | {"widget and the rest": rest}
    result["parts"] = {name: 1000 * value / updates for name, value in parts.items()}

    start = time.perf_counter()
    lab.turn()
    return result | {"turn": time.perf_counter() - start}


def run(quick: bool = False) -> dict:
    """For `python -m benchmarks`: updates a second, and where the time of one goes."""
    import torch

    torch.set_num_threads(2)
    lab = make_lab(128)
    seen = measure(lab, 5 if quick else 60)
    lab.close()
    spread = (seen["fastest"] - seen["slowest"]) / 2
    first = {"name": "a slider is moved, 128 px", "value": seen["updates"], "limit": LIMIT}
    first |= {"unit": "updates/s", "spread": spread}
    parts = seen["parts"].items()
    return {
        "rows": [first]
        + [{"name": name, "value": value, "unit": "ms of an update"} for name, value in parts]
        + [{"name": "turn the head, 21 angles", "value": seen["turn"], "unit": "seconds"}]
    }


def say(seen: dict, limit: float) -> None:
    """Print how fast a lab is, and what its updates are spent on."""
    print(
        f"{seen['updates']:.1f} updates/s ({seen['slowest']:.1f} to {seen['fastest']:.1f}, "
        f"{seen['cpu_ms']:.0f} ms of CPU each), limit {limit:.0f}"
    )
    total = sum(seen["parts"].values())
    for name, spent in seen["parts"].items():
        print(f"  {name:<20}{spent:6.1f} ms  {spent / total:5.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.face_lab", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    lab = make_lab(args.size)
    seen = measure(lab, args.updates)
    lab.close()
    say(seen, LIMIT)
    print(f"turn the head, 21 angles: {seen['turn']:.2f} s")


if __name__ == "__main__":
    main()
