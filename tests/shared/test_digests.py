import hashlib

import pytest

from fermodels._shared.digests import json_digest


def test_it_is_that_of_the_text_with_sorted_keys():
    expected = hashlib.sha256(b'{"a": [1, "\\u00e9"], "b": null}').hexdigest()
    assert json_digest({"b": None, "a": (1, "é")}) == expected


def test_what_json_does_not_hold_is_refused_or_made_fit():
    with pytest.raises(TypeError):
        json_digest([{1}])
    assert json_digest([{1}], default=str) == json_digest(["{1}"])
