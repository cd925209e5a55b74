"""Processes of one thread each."""

import time

import pytest

from fermodels._shared.workers import in_processes, one_torch_thread, start_worker


def start_with_torch():
    import torch

    torch.set_num_threads(2)
    start_worker()


@pytest.mark.parametrize("start", [start_worker, start_with_torch])
def test_a_worker_has_one_thread_whenever_it_imports_torch(monkeypatch, start):
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert list(in_processes(torch.get_num_threads, [()], 1, start)) == [(0, 1)]


def test_results_come_with_the_number_of_their_task():
    assert sorted(in_processes(divmod, [(7, 2), (9, 4), (1, 1)], 2)) == [
        (0, (3, 1)),
        (1, (2, 1)),
        (2, (1, 0)),
    ]
    assert list(in_processes(divmod, [], 1)) == []


def test_what_has_not_begun_is_dropped_after_a_failure():
    start = time.monotonic()
    with pytest.raises(ValueError, match="non-negative"):
        list(in_processes(time.sleep, [(-1,)] + [(0.5,)] * 60, 1))
    assert time.monotonic() - start < 20


def test_the_threads_of_this_process_are_as_before():
    import torch

    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_torch_thread():
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == before
