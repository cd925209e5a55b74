import pytest
import torch

from fermodels.losses import tiles

KEPT = {"all": 2**30, "some": 500, "none": 0}  # bytes; a tile of 5 × 5 takes 200


@pytest.fixture(params=[(kept, threads) for kept in KEPT for threads in (1, 3)], ids=str)
def small_tiles(monkeypatch, request):
    """Tiles of at most 5 × 5, of which all, some or none are kept, by one thread or by three."""
    kept, threads = request.param
    monkeypatch.setitem(tiles.TILE, "cpu", 5)
    monkeypatch.setattr(tiles, "KEPT_BYTES", KEPT[kept])
    monkeypatch.setattr(tiles, "THREADS_FROM", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    yield
    assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
