"""Repair of caches: removes damaged parts, and encodes only their inputs again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from affuse.data.cache import (
    corpus_table,
    current_content,
    part_removal,
    parts,
    provenance,
    store,
)
from affuse.data.cache.cache_faults import (
    EXTRA,
    MISSING,
    UNKNOWN,
    UNREAD,
    Fault,
    find_faults,
)
from affuse.data.cache.cache_folder import corpora
from affuse.data.cache.recipe import Recipe
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.options.extraction_options import Extract
from affuse.data.reading import corpus_reading
from affuse.extract.caching.extraction import CacheFilling, extract
from affuse.extract.commands import encoding_choices
from affuse.extract.commands.chosen_transcripts import with_chosen_transcripts
from affuse.extract.encoding.encoder_loading import load

Say = Callable[[str], object]


def run(cache: Path, *, dry_run: bool, say: Say) -> bool:
    """Verify and repair every cache below a folder.

    Args:
        cache: the folder of all caches
        dry_run: True to change nothing, and only print the necessary changes
        say: prints a line

    Returns:
        True if every cache is undamaged afterwards
    """
    folders = _folders(cache)
    repaired = [_repair(folder, cache, dry_run, say) for folder in folders]
    corpus_folders = corpora(cache)
    caches = [c.path for folder in corpus_folders for c in folder.caches()]
    for folder in (*(c.path for c in corpus_folders), *caches):
        for path in part_removal.abandoned_files(folder):
            say(f"{path} was left by a process that died: {_removal(dry_run)}")
            if not dry_run:
                path.unlink(missing_ok=True)
    if all(repaired):
        count = sum(len(store.part_numbers(folder)) for folder in folders)
        say(f"{count} parts below {cache}, all intact")
    return all(repaired)


def _folders(cache: Path) -> list[Path]:
    """Return the folders that have parts or, as an interrupted cache, a provenance."""
    caches = (c for folder in corpora(cache) for c in folder.caches())
    begun = {c.path for c in caches if c.provenance.is_file()}
    return sorted({*store.folders(cache), *begun})


def _removal(dry_run: bool) -> str:
    """Return what the report says of a file: that it is, or would be, removed."""
    return "would be removed" if dry_run else "removed"


def _repair(folder: Path, cache: Path, dry_run: bool, say: Say) -> bool:
    """Repair one folder; return True if it is undamaged afterwards."""
    faults = list(_faults(folder))
    for fault in faults:
        say(fault.reason)
    if unread := [f for f in faults if f.kind == UNREAD]:
        say(
            f"{folder} is left unchanged: {unread[0].path.name} cannot be read now, so "
            f"its state is unknown; repair again when it can be read"
        )
        return False
    if unknown := [f for f in faults if f.kind == UNKNOWN]:
        say(
            f"{folder} is left unchanged: this version does not know "
            f"{unknown[0].path.name}, and it may be useful elsewhere; move it away or "
            f"remove it, then repair again"
        )
        return False
    try:
        if not _restore(folder, cache, faults, dry_run, say):
            return False
    except (AffuseError, OSError) as error:
        say(f"{folder} is not repaired: {error}; {_advice(folder, cache)}")
        return False
    return not faults or not list(_faults(folder))


def _faults(folder: Path) -> Iterator[Fault]:
    """Yield the faults of a folder, including the absence of all parts."""
    yield from find_faults(folder)
    if not store.part_numbers(folder):
        yield Fault(folder, MISSING, f"{folder} holds no part")


def _restore(
    folder: Path, cache: Path, faults: Sequence[Fault], dry_run: bool, say: Say
) -> bool:
    """Remove damaged and surplus parts, and rebuild missing ones.

    Returns:
        False if a dry run left faults
    """
    extra = [path for f in faults if f.kind == EXTRA for path in f.files]
    damaged = [path for f in faults if f.kind != EXTRA for path in f.files]
    is_incomplete = any(f.kind != EXTRA for f in faults)
    if dry_run:
        for path in (*extra, *damaged):
            say(f"{path}: {_removal(dry_run)}")
        if is_incomplete:
            line = provenance.command(provenance.load(folder), cache)
            say(f"missing parts would be rebuilt with: {line}")
        return not faults
    _drop(extra, say)
    if is_incomplete:
        # Damaged files stay until it is certain that they can be rebuilt.
        call = provenance.load(folder)
        say(f"rebuilding missing parts with: {provenance.command(call, cache)}")
        _encode(folder, cache, call, damaged, say)
    return True


def _drop(paths: Sequence[Path], say: Say) -> None:
    """Remove files, and print a line for each."""
    for path in part_removal.remove_files(paths):
        say(f"{path}: removed")


def _encode(
    folder: Path, cache: Path, call: Extract, damaged: Sequence[Path], say: Say
) -> None:
    """Rebuild the missing parts of a folder with its extract command.

    Raises:
        AffuseError: if corpus or checkpoint have changed, so that the command would
            fill another folder
    """
    own = corpus_reading.read(call)
    machine = encoding_choices.machine(call)
    torch.set_num_threads(machine.threads)
    corpus, call = with_chosen_transcripts(
        own, replace(call, cache=cache), machine, say
    )
    transcripts = call.recognised_transcripts
    (choice,) = encoding_choices.choices(corpus, call, transcripts=transcripts)

    def begin(target: Path, recipe: Recipe) -> None:
        if target != folder:
            raise AffuseError(
                f"the corpus or the checkpoint has changed, so the command would now "
                f"fill {target}"
            )
        _drop(damaged, say)
        try:
            corpus_table.load(cache, corpus.name)
        except (OSError, AffuseError):
            corpus_table.save(own, cache)

    encoder = load(choice, machine)
    filling = CacheFilling(makes_current=False)
    outcome = extract(
        corpus, choice, machine, cache, encoder=encoder, begin=begin, filling=filling
    )
    modality = modality_named(choice.modality)
    if outcome.folder is None:
        raise AffuseError(f"no {modality.noun} of the corpus can be read any more")
    recipe = parts.header(parts.part_path(folder, 0)).recipe
    if recipe.kind() not in current_content.read_current_folders(folder.parent):
        current_content.mark_current(folder, recipe)
    say(f"{folder}: {outcome.encoded:.0f} {modality.unit} encoded again")


def _advice(folder: Path, cache: Path) -> str:
    """Return the command to repeat when the cause of a failure is removed."""
    try:
        return f"repeat: {provenance.command(provenance.load(folder), cache)}"
    except (AffuseError, OSError):
        pass
    for number in store.part_numbers(folder):
        try:
            recipe = parts.header(parts.part_path(folder, number)).recipe
        except (AffuseError, OSError):
            continue
        if recipe.degradation:
            return (
                f"repeat the robustness command that made it, with --condition "
                f"{recipe.degradation}"
            )
        return f"repeat the command that made it: {provenance.guess(recipe, cache)}"
    return (
        "remove its damaged parts, and repeat the extract or robustness command that "
        "made it"
    )
