"""Selection of a report's runs by corpus, protocol, folder, design and encoder."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from affuse.data.errors import OptionError
from affuse.data.options.report_options import RunSelection
from affuse.data.runs.run_predictions import Run
from affuse.data.suggestions import hint


def select_runs(
    options: RunSelection, finished: Sequence[Run], runs: Path
) -> list[Run]:
    """Return the runs that fit all options, in the same order.

    A run without audio fits any audio encoder, because runs with audio are compared
    with it. The same holds for runs without text.

    Args:
        options: of the command line; an empty option fits all runs
        finished: all finished runs
        runs: their parent folder, for errors

    Raises:
        AffuseError: if a name fits no run, or the beginning of a name fits several; the
            error lists the runs
    """
    chosen = _tables(finished, options.corpus, options.protocol, runs)
    chosen = _folders(chosen, options.run, runs)
    chosen = _designs(chosen, options.design, runs)
    for modality, names in (("audio", options.audio), ("text", options.text)):
        chosen = _encoders(chosen, modality, names, runs)
    return chosen


def _tables(
    finished: Sequence[Run], corpus: str, protocol: str, runs: Path
) -> list[Run]:
    """Return the runs of a corpus and a protocol; "" fits all."""
    chosen = [
        run
        for run in finished
        if corpus in ("", run.info.corpus) and protocol in ("", run.info.protocol)
    ]
    if not chosen:
        pairs = sorted({f"{r.info.corpus} ({r.info.protocol})" for r in finished})
        raise OptionError(
            f"no finished run of corpus {corpus or 'any'!r} and protocol "
            f"{protocol or 'any'!r} below {runs}; there are {', '.join(pairs)}"
            f"{_hints(finished, corpus, protocol)}"
        )
    return chosen


def _hints(finished: Sequence[Run], corpus: str, protocol: str) -> str:
    """Return suggestions for a corpus or a protocol that no run has."""
    corpora = {run.info.corpus for run in finished}
    protocols = {run.info.protocol for run in finished}
    return "".join(
        hint(name, choices)
        for name, choices in ((corpus, corpora), (protocol, protocols))
        if name not in choices
    )


def _folders(finished: Sequence[Run], starts: Sequence[str], runs: Path) -> list[Run]:
    """Return the runs whose folder has one of these names or unique beginnings."""
    if not starts:
        return list(finished)
    names = [run.path.name for run in finished]
    chosen = set()
    for start in starts:
        fits = [n for n in names if n == start] or [
            n for n in names if n.startswith(start)
        ]
        _demand(fits, "run", start, names, runs)
        if len(fits) > 1:
            raise OptionError(
                f"several runs below {runs} begin with {start!r}: "
                f"{', '.join(sorted(fits))}; give more of the name"
            )
        chosen.update(fits)
    return [run for run in finished if run.path.name in chosen]


def _designs(finished: Sequence[Run], designs: Sequence[str], runs: Path) -> list[Run]:
    """Return the runs of some designs; () fits all."""
    names = [run.info.design for run in finished]
    for design in designs:
        _demand([n for n in names if n == design], "design", design, names, runs)
    return [run for run in finished if not designs or run.info.design in designs]


def _encoders(
    finished: Sequence[Run], modality: str, names: Sequence[str], runs: Path
) -> list[Run]:
    """Return the runs with one of these encoders, and those without the modality."""
    checkpoints = list(_checkpoints(finished, modality))
    for name in names:
        fits = [run for run in finished if _is_named(run, modality, name)]
        _demand(fits, f"{modality} checkpoint", name, checkpoints, runs)
    return [
        run
        for run in finished
        if not names
        or modality not in run.info.encoders
        or any(_is_named(run, modality, name) for name in names)
    ]


def _is_named(run: Run, modality: str, name: str) -> bool:
    """Return True if a name refers to a run's encoder of a modality."""
    encoder = run.info.encoders.get(modality, {})
    checkpoint = str(encoder.get("checkpoint", ""))
    names = {checkpoint, checkpoint.rpartition("/")[2], str(encoder.get("revision"))}
    # The checkpoint of fold-specific encoders ends with words in brackets.
    is_fold_specific = checkpoint.startswith(f"{name} (")
    return name in names - {"", "None"} or is_fold_specific


def _checkpoints(finished: Sequence[Run], modality: str) -> Iterator[str]:
    """Yield the names of the encoders of a modality, with their commits if known."""
    for run in finished:
        if encoder := run.info.encoders.get(modality):
            name = str(encoder.get("checkpoint", "unknown"))
            commit = encoder.get("revision")
            yield f"{name} (revision {commit})" if commit else name


def _demand(
    fits: Sequence[object], kind: str, name: str, choices: Iterable[str], runs: Path
) -> None:
    """Raise an error with the choices if a name fits no run."""
    if not fits:
        names = sorted(set(choices) - {""})
        listing = f"there are {', '.join(names)}" if names else "there is none"
        raise OptionError(
            f"no finished run of {kind} {name!r} below {runs}; {listing}"
            f"{hint(name, names)}"
        )
