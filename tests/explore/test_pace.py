"""A plot gets one change at a time."""

import asyncio
import functools

import pytest

from fermodels.explore import pace
from fermodels.explore.pace import Pace


@pytest.fixture
def plot():
    """A pace, what was announced, and what was made."""
    announced, made = [], []
    plot = Pace(lambda *what: announced.append(what))
    return plot, announced, made


def in_loop(test):
    """Run a test as a cell of a notebook runs: inside a loop."""

    @functools.wraps(test)
    def run(plot):
        async def body():
            test(plot)

        asyncio.run(body())

    return run


def test_without_a_loop_nothing_waits(plot):
    pace, _, made = plot
    pace.shown(0)
    pace.make("color", lambda: made.append("red"))
    assert made == ["red"]


@in_loop
def test_before_a_browser_shows_it_nothing_waits(plot):
    pace, announced, made = plot
    for name in "ab":
        pace.make("color", lambda name=name: made.append(name))
    assert made == ["a", "b"] and announced == []


@in_loop
def test_changes_wait_for_the_browser_and_the_last_one_wins(plot):
    pace, announced, made = plot
    pace.shown(500)
    assert announced == [(1, 500)]
    pace.make("color", lambda: made.append("red"))
    pace.make("move", lambda: made.append("there"), 900)
    pace.make("color", lambda: made.append("blue"))
    assert made == []
    pace.drawn(1)
    assert made == ["there"] and announced[-1] == (2, 900)
    pace.drawn(1)  # an old answer
    assert made == ["there"]
    pace.drawn(2)
    assert made == ["there", "blue"] and announced[-1] == (3, 0)
    pace.drawn(3)
    pace.make("color", lambda: made.append("green"))
    assert made == ["there", "blue", "green"]


def test_a_browser_that_has_gone_holds_nothing_up_for_long(plot, monkeypatch):
    monkeypatch.setattr(pace, "_PATIENCE_S", 0.05)

    async def use(plot, made):
        plot.shown(0)
        plot.make("color", lambda: made.append("red"))
        plot.make("move", lambda: made.append("there"))
        await asyncio.sleep(0.3)

    asyncio.run(use(plot[0], plot[2]))
    assert plot[2] == ["red", "there"]


@in_loop
def test_closed_it_makes_nothing(plot):
    pace, _, made = plot
    pace.shown(0)
    pace.make("color", lambda: made.append("red"))
    pace.close()
    pace.drawn(1)
    assert made == []
