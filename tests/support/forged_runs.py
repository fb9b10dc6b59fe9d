"""Forged run folders for `tests/test_hostile_runs.py`.

Each edit gets a copy of a valid run without manifests.
"""

import json
import os
import struct

import safetensors.torch
import torch

DEEP = 10_000
HUGE = int("9" * 30)
VALUES = {  # values that most fields must not have
    "null": None,
    "a list": [],
    "a table": {},
    "nested lists": [[[[[[1]]]]]],
    "a table of tables": {"a": {"b": {"c": {"d": {"e": 1}}}}},
    "thirty digits": HUGE,
    "minus one": -1,
    "half": 0.5,
    "true": True,
    "a control character": "\x1b[2J\u202e",
    "a megabyte": "x" * 2**20,
}


def unit(run):
    """Return the folder of one model."""
    return sorted(run.glob("*/seed-*"))[0]


def place(run, name):
    """Return the path of a file of the run, or of its first model."""
    return unit(run) / name.removeprefix("unit/") if "unit/" in name else run / name


def leaves(found, path=()):
    """Yield the paths of all values and all containers of a JSON file."""
    yield path
    items = (
        found.items()
        if isinstance(found, dict)
        else enumerate(found[:1])
        if isinstance(found, list)
        else ()
    )
    for name, value in items:
        yield from leaves(value, (*path, name))


def replace_value(found, path, value):
    """Return JSON with one value replaced."""
    if not path:
        return value
    copy = dict(found) if isinstance(found, dict) else list(found)
    copy[path[0]] = replace_value(found[path[0]], path[1:], value)
    return copy


def put(name, path, value):
    """Return an edit of one value of a JSON file."""

    def edit(run):
        file = place(run, name)
        found = json.loads(file.read_text())
        file.write_text(json.dumps(replace_value(found, path, value)))

    return edit


def text(name, content):
    """Return an edit that replaces the content of a file."""

    def edit(run):
        found = content.encode() if isinstance(content, str) else content
        place(run, name).write_bytes(found)

    return edit


def without(name, key):
    def edit(run):
        file = place(run, name)
        found = json.loads(file.read_text())
        del found[key]
        file.write_text(json.dumps(found))

    return edit


def pipe(name):
    def edit(run):
        place(run, name).unlink(missing_ok=True)
        os.mkfifo(place(run, name))

    return edit


def endless(name):
    def edit(run):
        place(run, name).unlink(missing_ok=True)
        place(run, name).symlink_to("/dev/zero")

    return edit


def folder(name):
    def edit(run):
        place(run, name).unlink(missing_ok=True)
        place(run, name).mkdir()

    return edit


def sparse(name):
    """Return an edit that writes a sparse file of 70 GiB."""

    def edit(run):
        with place(run, name).open("r+b") as file:
            file.truncate(70 * 2**30)

    return edit


def substitute(name, old, new):
    def edit(run):
        file = place(run, name)
        content = file.read_text()
        assert old in content
        file.write_text(content.replace(old, new, 1))

    return edit


def state(change):
    """Return an edit of the weights."""

    def edit(run):
        path = unit(run) / "model.safetensors"
        found = safetensors.torch.load(path.read_bytes())
        change(found)
        path.write_bytes(safetensors.torch.save(found))

    return edit


def header(facts, tail=b""):
    """Return an edit that writes a file of weights with this header."""
    words = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
    return text("unit/model.safetensors", struct.pack("<Q", len(words)) + words + tail)


TENSOR = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
JSON = ("run.json", "lint.json", "unit/model.json", "alignment.json")
TABLES = ("predictions.csv", "folds.csv", "sentences.csv", "unit/history.csv")
ALL = (*JSON, *TABLES, "unit/model.safetensors", "calibration.json", "SHA256SUMS")
BYTES = {
    "empty": b"",
    "no text": b"\xff\xfe\x00",
    "zeros": bytes(1000),
    "a bracket": b"{",
    "deep": b"[" * DEEP + b"]" * DEEP,
    "deep tables": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "not a number": b'{"status": NaN}',
}
EDITS = {
    **{f"{n} is a pipe": pipe(n) for n in ALL},
    **{f"{n} is endless": endless(n) for n in ALL},
    **{f"{n} is a folder": folder(n) for n in ALL},
    **{f"{n} is {how}": text(n, b) for n in JSON for how, b in BYTES.items()},
    **{f"{n} is 70 GiB": sparse(n) for n in (*JSON, *TABLES)},
    **{f"run.json lacks {k}": without("run.json", k) for k in ("design", "targets")},
    **{f"model.json lacks {k}": without("unit/model.json", k) for k in ("recipes",)},
    "a quote swallows the rest": substitute("predictions.csv", "2", '"'),
    "a quote in folds": substitute("folds.csv", "test", '"test'),
    "a cell of a gigabyte": text(
        "predictions.csv", b"id,design,protocol,fold,seed\n" + b"x" * 2**20
    ),
    "a NUL in a table": substitute("predictions.csv", ".", "\0"),
    "a prediction of nan": substitute("predictions.csv", ",0.", ",nan"),
    "a prediction of 1e400": substitute("predictions.csv", ",0.", ",1e400"),
    "a seed of thirty digits": substitute("predictions.csv", ",0,", f",{HUGE},"),
    "a negative seed": substitute("predictions.csv", ",0,", ",-1,"),
    "a part that is none": substitute("folds.csv", ",test,", ",exam,"),
    "a corpus in another folder": put("run.json", ("corpus",), "../../etc"),
    "a design in another folder": put("run.json", ("design",), "../../etc"),
    "a model of a design that is none": put("unit/model.json", ("fusion",), "os"),
    "a million targets": put("unit/model.json", ("targets",), ["valence"] * 10**6),
    "many layers": put(
        "unit/model.json", ("recipes", "audio", "layers"), list(range(10**6))
    ),
    "a recipe elsewhere": put("unit/model.json", ("recipes", "audio", "encoder"), "/"),
    "wide layers": put("unit/model.json", ("settings", "hidden"), 2**16),
    "wide codes": put("unit/model.json", ("settings", "latent"), 2**16),
    "wide autoencoders": put("unit/model.json", ("settings", "latent"), 2**40),
    "other reduction": put("unit/model.json", ("settings", "reduce"), "none"),
    "weights of nothing": header({}),
    "a header that is none": header(b"\xff" * 100),
    "a header of eight exabytes": text("unit/model.safetensors", b"\xff" * 100),
    "a tensor of four terabytes": header({"a": TENSOR}, bytes(8)),
    "a deep header": header(b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "a tensor more": state(lambda s: s.update(more=torch.zeros(2))),
    "a tensor less": state(lambda s: s.pop(sorted(s)[0])),
    "a tensor of another shape": state(
        lambda s: s.update({sorted(s)[0]: torch.zeros(1, 1, 1)})
    ),
    "a weight that is not finite": state(
        lambda s: s[sorted(s)[0]].view(-1)[:1].fill_(float("nan"))
    ),
    "all weights gone": state(lambda s: s.clear()),
    "other embeddings": state(
        lambda s: s.update({"projections.audio.mean": torch.zeros(3)})
    ),
    "a manifest that lists another": text("SHA256SUMS", "0" * 64 + "  run.json\n"),
}


def edits(run):
    """Return all edits by name: those of the table, and of every JSON value."""
    found = dict(EDITS)
    for name in JSON:
        content = json.loads(place(run, name).read_text())
        for number, path in enumerate(p for p in leaves(content) if p):
            words = list(VALUES)
            for shift in (0, 5):  # each place gets two values; the values take turns
                how = words[(number + shift) % len(words)]
                where = ".".join(map(str, path))
                found[f"{name}: {where} is {how}"] = put(name, path, VALUES[how])
    return found
