"""What the speed tests share: clocks, rows of results, a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import torch

from benchmarks import machine

Row = dict[str, Any]
Name = TypeVar("Name", bound=Hashable)


class Clock:
    """Wall and CPU seconds since the last call; waits for the device, which works on meanwhile."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.last = (0.0, 0.0)
        self()

    def __call__(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter(), time.process_time()
        passed = now[0] - self.last[0], now[1] - self.last[1]
        self.last = now
        return passed


def row(name: str, values: Sequence[float], unit: str) -> Row:
    """Median of the runs, and as spread half of the range from quarter to quarter."""
    quarters = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else []
    spread = (quarters[2] - quarters[0]) / 2 if quarters else 0.0
    return {
        "name": name,
        "value": statistics.median(values),
        "spread": spread,
        "unit": unit,
        "runs": len(values),
    }


def in_turn(
    functions: Mapping[Name, Callable[[], Any]], rounds: int, device: torch.device | str = "cpu"
) -> dict[Name, list[tuple[float, float]]]:
    """Wall and CPU seconds of each function in each round; who goes first changes.

    A machine that is busy with something else is then equally busy for all of them.
    """
    names, clock = list(functions), Clock(device)
    times: dict[Name, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            clock()
            functions[name]()
            times[name].append(clock())
    return times


def print_table(result: Mapping[str, Any]) -> None:
    """The rows of a result, and what else it says."""
    rows = result["rows"]
    wide = max(len(str(line["name"])) for line in rows)
    for line in rows:
        number = f"{line['value']:12,.3f} ± {line['spread']:<10,.3f}"
        print(f"{line['name']:<{wide}}  {number} {line['unit']}")
    for key, value in result.items():
        if key != "rows":
            print(f"{key}: {value}")
    print(machine.in_words(machine.describe()))
