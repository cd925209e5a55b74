"""Small tables beside raw files."""

import pytest

from data_prep.io.tables import read_rows


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_rows_by_their_columns_in_small_letters(newline, mark):
    lines = [' Name ,"AGE",', '"Ann, B.",7,x', "short", "", "é,8,x,more,and more"]
    rows = read_rows((mark + newline.join(lines)).encode(), "t.csv", ("name", "age"))
    assert rows == [
        (2, {"name": "Ann, B.", "age": "7"}),
        (3, {"name": "short", "age": ""}),
        (5, {"name": "é", "age": "8"}),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "t.csv has no column name; it has no header"),
        (b"a,b\n", "t.csv has no column name; it has a, b"),
        (b"name\n\xff\n", "t.csv: byte 5 is no UTF-8. Save the table as CSV UTF-8."),
        (b"name\n" + b"x" * 140_000, "t.csv, line 1: no CSV"),
    ],
)
def test_what_is_no_such_table(data, message):
    with pytest.raises(ValueError) as error:
        read_rows(data, "t.csv", ("name",))
    assert message in str(error.value)
