"""Who goes into which shard."""

import random

import pytest

from fermodels._shared.shards import Shard

OWNERS = [f"person {number % 17}" for number in range(200)] + ["crowd"] * 40 + ["caf\udce9"]


@pytest.mark.parametrize("text", ["1/1", "2/8", " 8/8 ", "064/64"])
def test_shards_are_written_k_n(text):
    shard = Shard.parse(text)
    assert 1 <= shard.number <= shard.count and Shard.parse(str(shard)) == shard


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "1/0", "-1/4", "1/4/2", "a/b", "", "1,4"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ValueError, match="shard"):
        Shard.parse(text)


@pytest.mark.parametrize("count", [1, 2, 5, 19])
def test_every_row_is_in_one_shard_with_all_others_of_its_owner(count):
    shards = [Shard(number, count).rows(OWNERS) for number in range(1, count + 1)]
    assert sorted(row for rows in shards for row in rows) == list(range(len(OWNERS)))
    assert all(rows == sorted(rows) and rows for rows in shards)
    owners = [{OWNERS[row] for row in rows} for rows in shards]
    assert sum(map(len, owners)) == len(set(OWNERS))
    # No shard has more than a fair share and the largest owner's rows.
    assert max(map(len, shards)) <= len(OWNERS) / count + 40


def test_the_order_of_the_rows_does_not_matter():
    shuffled = list(OWNERS)
    random.Random(0).shuffle(shuffled)
    for number in range(1, 5):
        one, other = (
            {owners[row] for row in Shard(number, 4).rows(owners)} for owners in (OWNERS, shuffled)
        )
        assert one == other


def test_who_goes_where_is_the_same_on_every_machine():
    """Written down: shards made by this version and the next must fit together."""
    owners = list("aaabbcdefg")
    assert [Shard(number, 3).rows(owners) for number in (1, 2, 3)] == [
        [0, 1, 2, 9],
        [3, 4, 5],
        [6, 7, 8],
    ]


def test_more_shards_than_people_are_refused():
    with pytest.raises(ValueError, match="only 2 people .* at most 2 shards"):
        Shard(1, 3).rows(["a", "b", "a"])
