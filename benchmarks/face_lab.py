"""Updates a second of the face lab, and where the time of an update goes, without a browser.

    python -m benchmarks.face_lab [--size 128] [--updates 60] [--threads 2]

Moves a slider as a browser does, with the two encoders and the reference that ship with the
course: the face is drawn, brought to the size of the reference, embedded by both encoders,
projected on both maps, classified by both probes, encoded as JPEG and handed to the widget.
"""

import argparse
import time

LIMIT = 8.0  # updates a second at 128 px


class Clock:
    """Seconds spent in functions, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, name: str, function):
        def watched(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        return watched


def make_lab(size: int):
    from fermodels import course
    from fermodels.encoders import ImageEncoder
    from fermodels.evaluate import embed
    from fermodels.explore import FaceLab
    from fermodels.prepared import PreparedImages

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


def measure(lab, updates: int) -> None:
    from fermodels.explore import face_lab

    def drag(count: int) -> float:
        start = time.perf_counter()
        for i in range(count):
            values = lab.values | {"happy": 0.5 + 0.5 * (-1) ** i * i / count}
            lab.widget.set_state({"values": values})
        return time.perf_counter() - start

    drag(5)
    start = time.process_time()
    seconds = drag(updates)
    cpu = time.process_time() - start
    print(
        f"{updates / seconds:.1f} updates/s ({1000 * seconds / updates:.0f} ms each, "
        f"{1000 * cpu / updates:.0f} ms of CPU), limit {LIMIT:.0f}"
    )

    clock = Clock()
    lab._face.pictures = clock.watch("draw the face", lab._face.pictures)
    lab._seen = clock.watch("resize", lab._seen)
    face_lab.encode_image = clock.watch("JPEG", face_lab.encode_image)
    for column in lab._columns:
        column.embed = clock.watch("embed", column.embed)
        column.projection = clock.watch("project", column.projection)
        column.classify = clock.watch("classify", column.classify)
    seconds = drag(updates)
    rest = seconds - sum(clock.seconds.values())
    for name, spent in (clock.seconds | {"widget and the rest": rest}).items():
        print(f"  {name:<20}{1000 * spent / updates:6.1f} ms  {spent / seconds:5.0%}")

    start = time.perf_counter()
    lab.turn()
    print(f"turn the head, 21 angles: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    import torch

    torch.set_num_threads(args.threads)
    lab = make_lab(args.size)
    measure(lab, args.updates)
    lab.close()


if __name__ == "__main__":
    main()
