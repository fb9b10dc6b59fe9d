"""Which runs a report shows: those of a corpus, a protocol, a design, an encoder."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from affuse.data.errors import OptionError
from affuse.data.options.report_options import RunSelection
from affuse.data.runs.run_predictions import Run
from affuse.data.suggestions import hint


def selected(wanted: RunSelection, found: Sequence[Run], runs: Path) -> list[Run]:
    """Return the runs that are wanted, in the order given.

    A run that takes no audio stays whatever encoder of audio is wanted, because the
    runs that take one are compared with it; so do runs without text.

    Args:
        wanted: what runs must be; what is empty wants all
        found: all finished runs
        runs: their folder, for errors

    Raises:
        AffuseError: if a wanted name fits no run, or a beginning fits several; the
            sentence lists what is there
    """
    chosen = _tables(found, wanted.corpus, wanted.protocol, runs)
    chosen = _folders(chosen, wanted.run, runs)
    chosen = _designs(chosen, wanted.design, runs)
    for modality, names in (("audio", wanted.audio), ("text", wanted.text)):
        chosen = _encoders(chosen, modality, names, runs)
    return chosen


def _tables(found: Sequence[Run], corpus: str, protocol: str, runs: Path) -> list[Run]:
    """Return the runs of a corpus and a protocol; "" wants all."""
    chosen = [
        run
        for run in found
        if corpus in ("", run.info.corpus) and protocol in ("", run.info.protocol)
    ]
    if not chosen:
        there = sorted({f"{r.info.corpus} ({r.info.protocol})" for r in found})
        raise OptionError(
            f"no finished run of corpus {corpus or 'any'!r} and protocol "
            f"{protocol or 'any'!r} below {runs}; there are {', '.join(there)}"
            f"{_hints(found, corpus, protocol)}"
        )
    return chosen


def _hints(found: Sequence[Run], corpus: str, protocol: str) -> str:
    """Return suggestions for a corpus or a protocol that no run has."""
    corpora = {run.info.corpus for run in found}
    protocols = {run.info.protocol for run in found}
    return "".join(
        hint(name, known)
        for name, known in ((corpus, corpora), (protocol, protocols))
        if name not in known
    )


def _folders(found: Sequence[Run], wanted: Sequence[str], runs: Path) -> list[Run]:
    """Return the runs whose folder has one of these names, or begins so alone."""
    if not wanted:
        return list(found)
    names = [run.path.name for run in found]
    chosen = set()
    for start in wanted:
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
    return [run for run in found if run.path.name in chosen]


def _designs(found: Sequence[Run], wanted: Sequence[str], runs: Path) -> list[Run]:
    """Return the runs of some designs; () wants all."""
    names = [run.info.design for run in found]
    for design in wanted:
        _demand([n for n in names if n == design], "design", design, names, runs)
    return [run for run in found if not wanted or run.info.design in wanted]


def _encoders(
    found: Sequence[Run], modality: str, wanted: Sequence[str], runs: Path
) -> list[Run]:
    """Return the runs with one of these encoders, and those without the modality."""
    there = list(_checkpoints(found, modality))
    for name in wanted:
        fits = [run for run in found if _is_named(run, modality, name)]
        _demand(fits, f"{modality} checkpoint", name, there, runs)
    return [
        run
        for run in found
        if not wanted
        or modality not in run.info.encoders
        or any(_is_named(run, modality, name) for name in wanted)
    ]


def _is_named(run: Run, modality: str, name: str) -> bool:
    """Return True if a name means the encoder that a run takes of a modality."""
    encoder = run.info.encoders.get(modality, {})
    checkpoint = str(encoder.get("checkpoint", ""))
    known = {checkpoint, checkpoint.rpartition("/")[2], str(encoder.get("revision"))}
    tuned = checkpoint.startswith(f"{name} (")  # fine-tuned for each fold
    return name in known - {"", "None"} or tuned


def _checkpoints(found: Sequence[Run], modality: str) -> Iterator[str]:
    """Yield the names of the encoders of a modality, with the commit where known."""
    for run in found:
        if encoder := run.info.encoders.get(modality):
            name = str(encoder.get("checkpoint", "unknown"))
            commit = encoder.get("revision")
            yield f"{name} (revision {commit})" if commit else name


def _demand(
    fits: Sequence[object], kind: str, name: str, there: Iterable[str], runs: Path
) -> None:
    """Refuse a name that fits no run, with a list of those that are there."""
    if not fits:
        names = sorted(set(there) - {""})
        known = f"there are {', '.join(names)}" if names else "there is none"
        raise OptionError(
            f"no finished run of {kind} {name!r} below {runs}; {known}"
            f"{hint(name, names)}"
        )
