"""Random damage to files of a cache and of runs, and the reaction of all commands.

Each damage is done to a copy. Every command that reads these files must then print the
same output as before, or name the damaged file, without a traceback. Finally, training
is repeated; it must repair the damaged file or name it.
"""

import io
import logging
import os
import random
import re
import shutil
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner

from affuse import cli
from affuse.data.runs.run_folder import RunFolder

LIMIT = 60  # number of utterances
QUICK = ("latent=4", "autoencoder_hidden=8", "hidden=8", "epochs=2")
EXTRACT = ("extract", "demo", "--limit", str(LIMIT), "--cache", "cache")
TINY = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny")
TRAIN = (
    *("train", "--cache", "cache", "--runs", "runs", "--folds", "3", "--seeds", "2"),
    *("--fusion", "early", "--fusion", "ridge", "--protocol", "speakers"),
    *(word for setting in QUICK for word in ("--set", setting)),
)
REPORT = ("report", "--runs", "runs")
PROGRESS_BAR = re.compile(r"\r[^\n]*")  # progress bars
PATHS = re.compile(r"/(tmp|dev/shm)/\S*/(?=(cache|runs)\b)")  # of any copy


class CommandOutcome(NamedTuple):
    """Output and exit status of one command."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    crash: str  # unexpected exception on one line, or ""


class Case(NamedTuple):
    """Damaged file."""

    path: Path  # relative to the folder of cache and runs
    how: str


def make(folder):
    """Write a cache and two finished runs, of which one is calibrated."""
    for words in (EXTRACT + TINY, TRAIN):
        outcome = call(folder, *words)
        assert outcome.code == 0, outcome
    assert call(folder, "calibrate", str(runs(folder)[0])).code == 0


def runs(folder):
    """Return the run folders, relative to the folder of cache and runs."""
    return sorted(p.parent.relative_to(folder) for p in folder.glob("runs/*/run.json"))


def commands(folder):
    """Return the commands that read caches and runs; only `calibrate` writes files."""
    early, ridge = runs(folder)
    choose = ("--cache", "cache", "--threads", "1")
    return [
        REPORT,
        (*REPORT, "--format", "csv", "--by", "speaker"),
        ("lint", "--cache", "cache", "--runs", "runs"),
        ("predict", str(early), *choose, "--calibrated"),
        ("predict", str(ridge), *choose),
        ("ablate", str(early), *choose),
        ("calibrate", str(early)),
        ("cache", "list", "--cache", "cache"),
        ("verify", "cache", "runs"),
    ]


@contextmanager
def copy_warnings(stream):
    """Copy the warnings of commands to a stream."""
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def call(folder, *words):
    """Run one command in a folder."""
    stream = io.StringIO()
    with copy_warnings(stream), _inside(folder):
        done = CliRunner().invoke(cli.main, list(words))
    crash = done.exception
    if crash is None or isinstance(crash, SystemExit):
        crash = ""
    err = PROGRESS_BAR.sub("", done.stderr) + stream.getvalue()
    return CommandOutcome(
        words, done.exit_code, done.stdout, err, repr(crash) if crash else ""
    )


@contextmanager
def _inside(folder):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def files_by_kind(folder):
    """Return the files by kind, such as a part, a table of predictions, or weights.

    Logs of work are left out, because no result depends on them.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != RunFolder.work:
            name = path.name
            if path.parent.parent.name == "cache" and path.suffix == ".json":
                name = "call" if "-" in path.stem else name
            name = re.sub(r"\d{5}", "N", name)
            place = "cache" if "cache" in path.relative_to(folder).parts else "run"
            unit = "/seed" if path.parent.name.startswith("seed-") else ""
            found.setdefault(f"{place}{unit}/{name}", []).append(
                path.relative_to(folder)
            )
    return found


def damage(path, rng):
    """Flip bits, cut the file, or zero a region of it; return a description."""
    content = bytearray(path.read_bytes())
    if not content:
        path.write_bytes(b"\0")
        return "a byte in an empty file"
    how = rng.choice(("flip", "cut", "zero"))
    if how == "flip":
        places = [rng.randrange(len(content)) for _ in range(rng.choice((1, 1, 1, 8)))]
        for place in places:
            content[place] ^= 1 << rng.randrange(8)
        how = f"{len(places)} bits, first at byte {places[0]}"
    elif how == "cut":
        length = rng.randrange(len(content))
        content = content[:length]
        how = f"cut to {length} bytes"
    else:
        begin = rng.randrange(len(content))
        end = min(len(content), begin + rng.choice((1, 16, 512, 4096)))
        content[begin:end] = bytes(end - begin)
        how = f"bytes {begin} to {end} zero"
    path.write_bytes(bytes(content))
    return how


def damage_copy(original, folder, rng):
    """Damage one file of a copy; all kinds of files are equally likely."""
    shutil.copytree(original, folder)
    every = files_by_kind(folder)
    while True:
        path = rng.choice(every[rng.choice(sorted(every))])
        before = (folder / path).read_bytes()
        how = damage(folder / path, rng)
        if (folder / path).read_bytes() != before:
            return Case(path, how)


def comparable_output(outcome):
    """Return output and exit status, without paths that differ between copies."""
    return PATHS.sub("", outcome.out), outcome.code


def judge(case, outcome, expected):
    """Return "same", "named", or a description of a wrong reaction."""
    if outcome.crash:
        return f"crashed: {outcome.crash}"
    name = case.path.name.removesuffix(".sha256")
    if name in outcome.err and name not in expected.err:
        return "named"  # even if the file was repaired and the output is the same
    if comparable_output(outcome) == comparable_output(expected):
        return "same"
    if name in outcome.out + outcome.err:
        return "named"
    return f"changed without a message: {outcome.out[-500:]} {outcome.err[-500:]}"


def attack(original, folder, *, damages, seed, say=lambda line: None):
    """Do `damages` random damages, each on a new copy.

    Returns:
        counts of the verdicts, and the faults: (case, words of the command, verdict)
    """
    rng = random.Random(seed)
    calls = commands(original)
    expected = [call(original, *words) for words in calls]
    again = call(original, *TRAIN)
    table = call(original, *REPORT)
    counts, faults = Counter(), []
    for number in range(damages):
        place = folder / str(number)
        case = damage_copy(original, place, rng)
        verdicts = [
            (words, judge(case, call(place, *words), before))
            for words, before in zip(calls, expected, strict=True)
        ]
        if not any(verdict == "named" for _, verdict in verdicts):
            verdicts.append((("all",), "no command names it"))
        verdicts.append((TRAIN, judge(case, call(place, *TRAIN), again)))
        verdicts.append((REPORT, judge(case, call(place, *REPORT), table)))
        for words, verdict in verdicts:
            is_right = verdict in ("same", "named")
            counts[verdict if is_right else "wrong"] += 1
            if not is_right:
                faults.append((case, words, verdict))
                say(f"{case}: {' '.join(words)}: {verdict}")
        shutil.rmtree(place)
        if (number + 1) % 20 == 0:
            say(f"{number + 1} of {damages} damages, {dict(counts)}")
    return counts, faults
