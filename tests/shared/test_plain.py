"""What goes into records: Python's own values, and JSON that every reader takes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fermodels._shared.digests import json_digest
from fermodels._shared.plain import from_json, plain, recorded, to_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.arange(3), [0, 1, 2]),
        (np.ones((1, 2), bool), [[True, True]]),
        (np.array(["a", None], dtype=object), ["a", None]),
        ({np.int64(1): (np.float32(2.0), [np.uint8(3)])}, {1: (2.0, [3])}),
        (torch.tensor([1, 2]), [1, 2]),
        (torch.nn.Parameter(torch.tensor(0.5)), 0.5),
        (Path("a/b"), "a/b"),
        (None, None),
    ],
)
def test_values_of_python(value, expected):
    found = plain(value)
    assert found == expected
    assert json.loads(to_json(value)) == json.loads(json.dumps(expected))

    def kinds(x):
        inside = x.items() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
        return {type(x)} | {kind for y in inside for kind in kinds(y)}

    assert kinds(found) <= {dict, list, tuple, str, bool, int, float, type(None)}


def test_what_no_record_holds_is_refused():
    with pytest.raises(TypeError, match=r"object\) cannot be kept: give numbers"):
        to_json({"a": [object()]})
    tensor = torch.ones(2)
    assert plain({"a": (tensor, np.int8(1))}, other=lambda x: x)["a"][0] is tensor


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_numbers_that_json_has_none_for(value):
    text = to_json({"x": value, "y": [value]})
    assert "NaN" not in text and "Infinity" not in text
    assert from_json(json.dumps({"x": float(value), "y": [float(value)]})) == from_json(text)
    assert recorded({"x": value}) == recorded({"x": float(value)})


def test_digests_do_not_depend_on_whose_numbers_they_are():
    assert json_digest({"seed": np.int64(3)}) == json_digest({"seed": 3})
    with pytest.raises(TypeError):
        json_digest({"seed": object()})
