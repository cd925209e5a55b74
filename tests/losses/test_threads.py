"""Tiles shared by threads: the same bits as ever, on cores of one's own, without spinning."""

import sys
import threading
import time
from collections import Counter

import pytest
import torch
from torch.nn.functional import normalize

from benchmarks.machine import busy
from fermodels.losses import threads, tiles
from fermodels.losses.matrix import Matrix
from fermodels.losses.tiles import pair_logsumexp, self_logsumexp
from tests.fixtures.processes import in_a_fork

N, TEMPERATURES = 300, (0.1, 0.002)  # below the second, exp(1/τ) leaves float64


@pytest.fixture(autouse=True)
def shared_tiles(monkeypatch):
    """Tiles of 64 × 64, some of them kept, are shared at any N."""
    monkeypatch.setitem(tiles.TILE, "cpu", 64)
    monkeypatch.setattr(tiles, "KEPT_BYTES", 4 * 64 * 64 * 8)
    monkeypatch.setattr(tiles, "THREADS_FROM", 0)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def units(n=N, dim=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(n, dim, generator=generator, dtype=torch.float64))


def everything(temperature=0.1):
    """Values and gradients of both functions."""
    x, y = units().requires_grad_(), units(seed=1).requires_grad_()
    results = (self_logsumexp(x, temperature), *pair_logsumexp(x, y, temperature, 0.1))
    weights = torch.linspace(-1, 2, N, dtype=torch.float64)
    total = sum((r * weights).sum() for r in results)
    return [result.detach() for result in results] + list(torch.autograd.grad(total, (x, y)))


def same(actual, expected):
    return all(torch.equal(a, b) for a, b in zip(actual, expected, strict=True))


def watch(monkeypatch, see):
    """Calls see(tile) whenever a tile is made."""
    fill = Matrix.fill

    def seen(self, out, tile):
        see(tile)
        return fill(self, out, tile)

    monkeypatch.setattr(Matrix, "fill", seen)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_same_bits_however_many_threads_and_whoever_is_late(monkeypatch, temperature):
    torch.set_num_threads(1)
    expected = everything(temperature)
    for late in (0, 2, 5):
        watch(monkeypatch, lambda tile, n=late: time.sleep(0.003 * (tile.number % 7 == n)))
        for count in (2, 3):
            torch.set_num_threads(count)
            assert same(everything(temperature), expected)


def test_the_same_bits_and_no_spinning_beside_busy_processes(monkeypatch):
    """An operation that is split waits for its threads: that took five times the CPU seconds."""
    monkeypatch.setitem(tiles.TILE, "cpu", 256)
    x = units(3000, 32).float().requires_grad_()

    def run():
        start = time.process_time()
        for _ in range(2):
            value = self_logsumexp(x, 0.1)
            (grad,) = torch.autograd.grad(value.sum(), x)
        return (value.detach(), grad), time.process_time() - start

    torch.set_num_threads(1)
    run()
    expected, alone = run()
    torch.set_num_threads(2)
    run()
    with busy(2):
        tries = [run() for _ in range(5)]
    assert all(same(results, expected) for results, _ in tries)
    assert min(seconds for _, seconds in tries) < 3 * alone


def test_each_thread_runs_pytorch_on_one_core(monkeypatch):
    made = Counter()

    def see(tile):
        time.sleep(0.002)  # long enough for all to get some
        other = threading.Thread(target=torch.set_num_threads, args=(4,))
        other.start()
        other.join()
        made[threading.current_thread()] += 1
        assert torch.get_num_threads() == 1

    watch(monkeypatch, see)
    monkeypatch.setattr(threads, "_pool", None)  # what a thread does first matters
    torch.set_num_threads(3)
    everything()
    assert len(made) == 3 and threading.current_thread() in made
    assert torch.get_num_threads() == 3
    made.clear()
    torch.set_num_threads(1)
    everything()
    assert list(made) == [threading.current_thread()]


def test_few_rows_are_left_to_the_threads_of_pytorch(monkeypatch):
    made = set()
    watch(monkeypatch, lambda tile: made.add((threading.current_thread(), torch.get_num_threads())))
    monkeypatch.setattr(tiles, "THREADS_FROM", N + 1)
    torch.set_num_threads(2)
    everything()
    assert made == {(threading.current_thread(), 2)}


@pytest.mark.parametrize("helper", [False, True])
def test_an_error_in_a_thread_ends_all_and_reaches_the_caller(monkeypatch, helper):
    caller, tried = threading.current_thread(), []

    def fail(tile):
        time.sleep(0.002)
        tried.append(tile)
        if (threading.current_thread() is not caller) == helper:
            raise MemoryError("no memory for it")

    watch(monkeypatch, fail)
    torch.set_num_threads(2)
    with pytest.raises(MemoryError, match="no memory for it"):
        self_logsumexp(units(), 0.1)
    assert torch.get_num_threads() == 2
    assert len(tried) < 10  # of 15
    monkeypatch.undo()
    assert self_logsumexp(units(), 0.1).isfinite().all()


def test_callers_in_several_threads_do_not_disturb_each_other():
    torch.set_num_threads(2)
    expected, results = everything(), []

    def call():
        assert torch.get_num_threads()  # before it is set: see threads._on_one_core
        torch.set_num_threads(2)
        for _ in range(5):
            results.append((same(everything(), expected), torch.get_num_threads()))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [(True, 2)] * 15 and torch.get_num_threads() == 2


def test_in_inference_mode():
    torch.set_num_threads(2)
    with torch.inference_mode():
        for temperature in TEMPERATURES:
            assert self_logsumexp(units(), temperature).is_inference()


@pytest.mark.skipif(sys.platform == "win32", reason="no forks there")
def test_a_fork_has_threads_of_its_own():
    torch.set_num_threads(2)
    everything()

    def share():
        torch.set_num_threads(1)  # as DataLoader does: OpenMP's threads do not live on in a fork
        done = []
        tile = Matrix(units(), None, 1.0, 0.0, 64, (0, 1)).tiles
        threads.share_out(tile, lambda: lambda tile, *turns: done.append(tile), 2)
        assert len(done) == 15

    assert in_a_fork(share) == 0
