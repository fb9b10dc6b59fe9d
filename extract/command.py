"""The extract command: one modality after the other, then what went wrong."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from data import checking, table
from data.recipe import MODALITIES, Recipe
from data.utterance import Corpus, Problem
from extract import calls
from extract.bench.rate import choose_dtype
from extract.choice import Choice, Machine, choose_device
from extract.encoder import Encoder
from extract.run import UNITS, extract, load, suited

SHOWN = 10  # problems of each kind; all of them are in the report


def run(
    corpus: Corpus, *, cache: Path, say: Callable[[str], object], found: dict[str, Any]
) -> int:
    """Encode what was asked for.

    Args:
        corpus: as its reader gave it
        cache: the folder of all caches
        say: told each line
        found: the options of the command line, by name

    Returns:
        how many problems left something out
    """
    where = machine(found)
    torch.set_num_threads(where.threads)
    chosen = choices(corpus, found)
    loaded = [load(choice, where) for choice in chosen]  # a wrong name fails early
    table.save(corpus, cache)
    problems: list[Problem] = list(corpus.problems)
    for choice, encoder in zip(chosen, loaded, strict=True):
        keep = partial(calls.keep, choice=choice, found=found)
        problems += _encode(corpus, choice, where, cache, encoder, keep, say)
    path = checking.save(problems, cache / corpus.name)
    for line in checking.problem_lines(problems, SHOWN):
        say(line)
    if problems:
        say(f"all of it in {path}")
    say(f"next: python cli.py {_next(corpus, [c.modality for c in chosen])}")
    return sum(p.fatal for p in problems)


def _next(corpus: Corpus, modalities: Sequence[str]) -> str:
    """What can be done with these embeddings."""
    if not any(u.ratings for u in corpus.utterances):
        return f"predict runs/RUN --corpus {corpus.name}"
    return f"train --fusion {modalities[0] if len(modalities) == 1 else 'early'}"


def _encode(
    corpus: Corpus,
    choice: Choice,
    machine: Machine,
    cache: Path,
    encoder: Encoder,
    keep: Callable[[Path, Recipe], object],
    say: Callable[[str], object],
) -> Sequence[Problem]:
    """One modality, and a line on it."""
    done = extract(corpus, choice, machine, cache, encoder=encoder, begin=keep)
    if done.folder is None:
        say(f"{choice.modality}: no recording can be read")
        return done.problems
    line = f"{choice.modality}: {done.utterances} utterances in {done.folder}"
    if done.encoded:
        rate = done.encoded / max(done.elapsed, 1e-9)
        unit = UNITS[choice.modality]
        line += (
            f"; {done.encoded:.0f} {unit} in {done.elapsed:.1f} s ({rate:.0f} {unit}/s)"
        )
    else:
        line += "; nothing was left to encode"
    say(line)
    return done.problems


def machine(found: dict[str, Any]) -> Machine:
    """How it is computed, as the options of the command line say."""
    given = {
        "threads": found["threads"],
        "batch": found["batch"],
        "limit": found["limit"],
    }
    return Machine(
        device=choose_device(found["device"]),
        longest=found["max_seconds"],
        **{name: value for name, value in given.items() if value is not None},
    )


def choices(corpus: Corpus, found: dict[str, Any]) -> list[Choice]:
    """One choice for each modality that was asked for, or that the corpus has.

    Raises:
        ValueError: if an option names a modality that is not encoded
    """
    has = {
        "audio": any(u.audio is not None for u in corpus.utterances),
        "text": any(u.text is not None for u in corpus.utterances),
    }
    wanted = found["modalities"] or [m for m in MODALITIES if has[m]]
    if not wanted:
        raise ValueError(f"corpus '{corpus.name}' has neither recordings nor text")
    dtype = choose_dtype(found["dtype"], choose_device(found["device"]))
    given = {
        name: per_modality(found[name], wanted, name)
        for name in ("revision", "layers", "pooling")
    }
    return [
        Choice(
            modality=m,
            encoder=suited(m, found[f"{m}_checkpoint"], given["revision"].get(m, "")),
            checkpoint=found[f"{m}_checkpoint"],
            dtype=dtype,
            head=found["head"] and m == "audio",
            options={"block_seconds": found["block_seconds"]} if m == "audio" else {},
            **{name: values[m] for name, values in given.items() if m in values},
        )
        for m in MODALITIES
        if m in wanted
    ]


def per_modality(
    values: Sequence[str], wanted: Sequence[str], option: str
) -> dict[str, str]:
    """``("last", "audio=all")`` as the value of each modality.

    Examples:
        >>> per_modality(["last", "audio=all"], ["audio", "text"], "layers")
        {'audio': 'all', 'text': 'last'}

    Raises:
        ValueError: if it names a modality that is not encoded, or a revision is meant
            for two checkpoints
    """
    found: dict[str, str] = {}
    for value in values:
        name, mark, rest = value.partition("=")
        if not mark:
            found = {**dict.fromkeys(wanted, value), **found}
        elif name in wanted:
            found[name] = rest
        else:
            raise ValueError(
                f"--{option} {value}: '{name}' is not encoded here; say "
                f"{' or '.join(wanted)}"
            )
    if option == "revision" and len(wanted) > 1 and any("=" not in v for v in values):
        raise ValueError(
            f"--revision {values[0]}: two checkpoints are loaded; say "
            f"--revision audio=COMMIT or --revision text=COMMIT"
        )
    return found
