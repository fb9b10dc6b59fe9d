"""Kinds of values in files: valid values pass, and errors name invalid ones."""

import json

import pytest

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.system.documents import parse_json, parse_toml, read_json, read_toml
from affuse.data.system.mismatches import Mismatch
from affuse.data.system.schema import (
    Flag,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Plain,
    Record,
    Text,
    Whole,
)

DEEP = "[" * 10_000 + "]" * 10_000
RUN = Record(
    {"name": Text(10), "sizes": MapOf(ListOf(Whole(most=9)))}, {"note": Maybe(Flag())}
)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Text(3), ["", "abc"], ["abcd", 1, None, ["a"]]),
        (Text(3, least=1), ["a"], [""]),
        (OneOf(("a", 1, None)), ["a", 1, None], ["b", 1.0, True, []]),
        (Whole(1, 9), [1, 9], [0, 10, 1.0, True, "1", None, 10**30]),
        (Number(-1, 1), [-1, 0.5, 1], [2, True, "0", None, 10**400]),
        (Flag(), [True, False], [0, "true", None]),
        (Maybe(Flag()), [None, True], [0]),
        (ListOf(Whole(), most=2, least=1), [[1], [1, 2]], [[], [1, 2, 3], [""], {}]),
        (MapOf(Flag(), most=1), [{}, {"a": True}], [{"a": 1}, {"a": True, "b": True}]),
        (Plain(1), [1, "a", None, [1], {"a": 1.5}], [[[1]], {"a": {}}]),
        (Plain(0), [1, "a", True], [[], {}]),
        (RUN, [{"name": "a", "sizes": {}}], [{"name": "a"}, [], {"sizes": {}}]),
        (RUN, [{"name": "a", "sizes": {}, "note": None}], [{"name": "a", "x": 1}]),
        (Record({}, others=Flag()), [{}, {"any": True}], [{"any": 1}]),
    ],
)
def test_a_kind_accepts_valid_values_only(kind, right, wrong):
    for value in right:
        kind.check(value)
    for value in wrong:
        with pytest.raises(Mismatch):
            kind.check(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": 7, "sizes": {}}, "name is 7, not a text of at most 10 characters"),
        (
            {"name": "", "sizes": {"a\x1b": [1, "x"]}},
            r"sizes.a\x1b[1] is 'x', not a whole number from 0 to 9",
        ),
        ([1], "its content is [1], not a table of at most 10,000 entries"),
        ({"name": ""}, "it lacks sizes"),
        (
            {"name": "", "sizes": {}, "b": 1},
            "it has an unknown entry 'b' (known entries: name, note, sizes), perhaps",
        ),
    ],
)
def test_a_mismatch_names_the_place_of_the_value(value, said):
    with pytest.raises(Mismatch) as error:
        RUN.check(value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Text(2, least=2), "a", "a text of 2 characters"),
        (ListOf(Whole(), most=2, least=2), [1], "a list of 2 items"),
        (ListOf(Whole(), most=3, least=1), [], "a list of 1 to 3 items"),
        (Whole(), -1, "a whole number of 0 or more"),
        (Number(), "x", "a finite number"),
        (Number(0), -1, "a finite number of 0 or more"),
    ],
)
def test_a_mismatch_states_a_range_in_words(kind, value, expected):
    with pytest.raises(Mismatch, match=f"its content is .*, not {expected}$"):
        kind.check(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("\n ", "it is empty"),
        ("\0" * 9, "it holds nothing but zero bytes"),
        ("{", "it ends too early, at column 2"),
        ('{\n"name": "ab', "at line 2, column 9"),
        ('{"name": 1]', r"it is no JSON at column 11 \(Expecting ',' delimiter\)"),
        (b'"\xff"', "it is no JSON: byte 2 is no text in UTF-8"),
        (DEEP, "it is no JSON: its lists and tables are nested too deeply"),
        ('{"name": NaN}', "it has the number NaN, and numbers must be finite"),
        ('{"name": -Infinity}', "it has the number -Infinity, and numbers must be"),
        ("9" * 30, "9{30}, which is longer than 19 digits"),
        ("9" * 10_000, "9{60}, which is longer than 19 digits"),
        ("[]", "not a table"),
    ],
)
def test_invalid_json_is_refused_with_the_reason(tmp_path, text, said):
    with pytest.raises(DamagedFileError, match=said):
        parse_json(text, RUN)
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DamagedFileError, match=f"{path} is damaged: .*; do it again"):
        read_json(path, RUN, advice="do it again")


def test_valid_json_is_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"name": "ä", "sizes": {"b": [9]}}))
    found = read_json(tmp_path / "a.json", RUN, advice="")
    assert found == {"name": "ä", "sizes": {"b": [9]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "it is no TOML"),
        (f"a = {'[' * 3_000}{']' * 3_000}", "it is no TOML"),
        ("a = inf", "a is inf, not a finite number"),
        ("a = nan", "a is nan, not a finite number"),
        ("a = 1979-05-27", "not a text or a number"),
        ("a = [[1]]", "fewer levels or entries"),
        ("a = " + "9" * 5_000, "it is no TOML"),
    ],
)
def test_invalid_toml_is_refused_with_the_reason(tmp_path, text, said):
    kind = MapOf(Plain(1))
    with pytest.raises(AffuseError, match=said):
        parse_toml(text, kind)
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(AffuseError, match=rf"a\.toml: .*{said}"):
        read_toml(tmp_path / "a.toml", kind)
