"""Run folders with one hostile string in every text, for `test_escapes`.

All texts of the files are found automatically, so that new fields are included: values
and keys of JSON, and CSV columns that hold more than numbers. A column is changed in
all files at once, because ids and folds must agree.
"""

import csv
import dataclasses
import json
import shutil
from typing import NamedTuple

import planted_leaks

from affuse.data.cache import corpus_table
from affuse.data.runs.leak_record import FAILS
from affuse.data.system.digests import MANIFEST
from affuse.fuse.commands import design_training
from affuse.fuse.commands.calibrate_command import calibrate

# Markup of every format, but for "/" and NUL, which no folder name can contain.
HOSTILE = (
    "=1+1\x1b[2J\x9b31m\r\n\n## H\n| a | b |\n|-|-|\n\u202e<img src=x onerror=a>"
    "![i](x)[l](x)`c`**b**$m$&lt;\\input{a}\t\x7f%_^~'\""
)
HARMLESS = "x"
SETTINGS = dataclasses.replace(
    planted_leaks.QUICK, layers="weighted", protocol="speakers", folds=3
)


class Place(NamedTuple):
    """Place of a text: a value or a key of JSON, or a CSV column in all files."""

    file: str  # pattern below the folder of a run
    at: tuple  # keys to a value, a key and KEY, or a column
    kind: str  # VALUE, KEY or COLUMN


VALUE, KEY, COLUMN = "value", "key", "column"


def corpus():
    """Return the corpus of `planted_leaks`, with sexes, and words as session names."""
    found = planted_leaks.corpus()
    known = [
        dataclasses.replace(u, sex=u.speaker[-1], session=f"s{u.session}")
        for u in found.utterances
    ]
    return dataclasses.replace(found, utterances=tuple(known))


def make(folder):
    """Write two trained, calibrated and linted runs, and their cache."""
    runs, cache = folder / "runs", folder / "cache"
    corpus_table.save(corpus(), cache)
    for each in planted_leaks.embeddings().values():
        planted_leaks.write_part(cache, each)
    for design in ("early", "text"):
        run = design_training.run(
            corpus(),
            planted_leaks.embeddings(),
            fusion=design,
            settings=SETTINGS,
            seeds=[0, 1],
            runs=runs,
            progress=False,
        )
        calibrate(run, level=0.8, by="utterance")
        planted_leaks.edit_json(run / "lint.json", fail)
        planted_leaks.edit_json(run / "alignment.json", leave_out)
    return runs, cache


def fail(lint):
    """Keep two rules, of which one fails; other rules have the same fields."""
    for name in set(lint) - {"ids", "ratings"}:
        del lint[name]
    lint["ids"].update(status=FAILS, skipped="why")
    lint["ids"]["findings"] = [{"text": "what", "fatal": True}]


def leave_out(counts):
    counts["left_out"]["no audio embedding"] = 3


def places(run):
    """Return every place of a text in a run folder."""
    found = {}
    for path in sorted(run.rglob("*.json")):
        for at, kind in leaves(json.loads(path.read_text(encoding="utf-8"))):
            found[Place(pattern(path, run), at, kind)] = None
    for path in sorted(run.rglob("*.csv")):
        header, *rows = read(path)
        for name, *cells in zip(header, *rows, strict=True):
            if not all(map(is_number, cells)):
                found[Place("*.csv", (name,), COLUMN)] = None
    return list(found)


def pattern(path, run):
    """Return a pattern that is the same for the files of all models."""
    parts = path.relative_to(run).parts
    return path.name if len(parts) == 1 else f"*/seed-*/{path.name}"


def leaves(value, at=()):
    """Yield every text and every key of JSON, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key), KEY
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*at, number))
    elif isinstance(value, str):
        yield at, VALUE


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def is_number(cell):
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


def poison(run, chosen, text):
    """Insert `text` before the content of some places of a run."""
    by_file = {}
    for place in chosen:
        if place.kind == COLUMN:
            _columns(run, place.at[0], text)
        else:
            by_file.setdefault(place.file, set()).add(place)
    for file, each in by_file.items():
        for path in run.glob(file):
            content = json.loads(path.read_text(encoding="utf-8"))
            found = _json(content, {(p.at, p.kind) for p in each}, text)
            path.write_text(json.dumps(found), encoding="utf-8")


def _json(value, chosen, text, at=()):
    if isinstance(value, dict):
        return {
            (text if ((*at, key), KEY) in chosen else "") + key: _json(
                inner, chosen, text, (*at, key)
            )
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_json(v, chosen, text, (*at, n)) for n, v in enumerate(value)]
    return text + value if (at, VALUE) in chosen else value


def _columns(run, name, text):
    """Change one column of every table, and rename fold folders if folds change."""
    for path in sorted(run.rglob("*.csv")):
        header, *rows = read(path)
        for row in rows:
            for number, column in enumerate(header):
                if column == name and row[number]:
                    row[number] = text + row[number]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
    if name == "fold":
        for folder in [path for path in run.iterdir() if path.is_dir()]:
            folder.rename(folder.with_name(text + folder.name))


def copy_run(run, runs):
    """Copy a run without its digests, so that it may be edited."""
    without = shutil.ignore_patterns(MANIFEST)
    return shutil.copytree(run, runs / run.name, ignore=without)
