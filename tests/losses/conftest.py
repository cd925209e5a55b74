import pytest

from fermodels.losses import tiles

KEPT = {"all": 2**30, "some": 500, "none": 0}  # bytes; a tile of 5 × 5 takes 200


@pytest.fixture(params=KEPT)
def small_tiles(monkeypatch, request):
    """Tiles of at most 5 × 5, of which all, some or none are kept for the backward pass."""
    monkeypatch.setitem(tiles.TILE, "cpu", 5)
    monkeypatch.setattr(tiles, "KEPT_BYTES", KEPT[request.param])
