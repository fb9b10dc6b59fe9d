"""The repair command: drop what is damaged in a cache, and encode only that again."""

from collections.abc import Callable, Iterator, Sequence
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
from affuse.data.cache.cache_folder import corpora
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import EXTRA, MISSING, UNKNOWN, UNREAD, Fault
from affuse.data.errors import AffuseError
from affuse.data.modality import modality_named
from affuse.data.options.extraction_options import Extract
from affuse.data.reading import corpus_reading
from affuse.extract.caching.extraction import CacheFilling, extract
from affuse.extract.commands import extract_command
from affuse.extract.encoding.encoder_loading import load

Say = Callable[[str], object]


def run(cache: Path, *, dry_run: bool, say: Say) -> bool:
    """Repair every folder below `cache`, and say what is done.

    Args:
        dry_run: only say what would be done

    Returns:
        whether everything is whole now
    """
    folders = _folders(cache)
    whole = [_repair(folder, cache, dry_run, say) for folder in folders]
    named = corpora(cache)
    there = [each.path for folder in named for each in folder.caches()]
    for folder in (*(each.path for each in named), *there):
        for path in part_removal.abandoned(folder):
            say(f"{path} was left by a process that died: {_dropped(dry_run)}")
            if not dry_run:
                path.unlink(missing_ok=True)
    if all(whole):
        count = sum(len(store.numbers(folder)) for folder in folders)
        say(f"{count} parts below {cache}, all whole")
    return all(whole)


def _folders(cache: Path) -> list[Path]:
    """Folders with parts, and those that should have some, for a call was kept."""
    there = (each for folder in corpora(cache) for each in folder.caches())
    begun = {each.path for each in there if each.provenance.is_file()}
    return sorted({*store.folders(cache), *begun})


def _dropped(dry_run: bool) -> str:
    return "would be removed" if dry_run else "removed"


def _repair(folder: Path, cache: Path, dry_run: bool, say: Say) -> bool:
    """One folder; whether it is whole now."""
    found = list(_faults(folder))
    for fault in found:
        say(fault.reason)
    if unread := [f for f in found if f.kind == UNREAD]:
        say(
            f"{folder} is left alone: whether {unread[0].path.name} is whole is not "
            f"known before it can be read; repair again then"
        )
        return False
    if strange := [f for f in found if f.kind == UNKNOWN]:
        say(
            f"{folder} is left alone: {strange[0].path.name} is no damage that this "
            f"version knows, and may be of use elsewhere; move it away or remove it, "
            f"then repair again"
        )
        return False
    try:
        if not _restore(folder, cache, found, dry_run, say):
            return False
    except (AffuseError, OSError) as error:
        say(f"{folder} is not repaired: {error}; {_advice(folder, cache)}")
        return False
    return not found or not list(_faults(folder))


def _faults(folder: Path) -> Iterator[Fault]:
    """As the store has them, and that there is no part at all."""
    yield from store.faults(folder)
    if not store.numbers(folder):
        yield Fault(folder, MISSING, f"{folder} holds no part")


def _restore(
    folder: Path, cache: Path, found: Sequence[Fault], dry_run: bool, say: Say
) -> bool:
    """Remove what is worth nothing and make what is missing; whether that was done."""
    extra = [path for f in found if f.kind == EXTRA for path in f.files]
    damaged = [path for f in found if f.kind != EXTRA for path in f.files]
    lost = any(f.kind != EXTRA for f in found)
    if dry_run:
        for path in (*extra, *damaged):
            say(f"{path}: {_dropped(dry_run)}")
        if lost:
            line = provenance.command(provenance.load(folder), cache)
            say(f"what is missing would be made as by: {line}")
        return not found
    _drop(extra, say)
    if lost:
        # nothing that is damaged goes before it is sure that it can be made again
        call = provenance.load(folder)
        say(f"as by: {provenance.command(call, cache)}")
        _encode(folder, cache, call, damaged, say)
    return True


def _drop(paths: Sequence[Path], say: Say) -> None:
    for path in part_removal.drop(paths):
        say(f"{path}: removed")


def _encode(
    folder: Path, cache: Path, call: Extract, damaged: Sequence[Path], say: Say
) -> None:
    """Stage one for what is missing of a folder, if it is this one that it makes.

    Raises:
        AffuseError: if corpus or checkpoint are others now
    """
    corpus = corpus_reading.read(call)
    machine = extract_command.machine(call)
    torch.set_num_threads(machine.threads)
    (choice,) = extract_command.choices(corpus, call)

    def begin(made: Path, recipe: Recipe) -> None:
        if made != folder:
            raise AffuseError(
                f"the corpus, or its checkpoint, has changed since: it would now make "
                f"{made}"
            )
        _drop(damaged, say)
        try:
            corpus_table.load(cache, corpus.name)
        except (OSError, AffuseError):
            corpus_table.save(corpus, cache)

    encoder = load(choice, machine)
    filling = CacheFilling(current=False)
    done = extract(
        corpus, choice, machine, cache, encoder=encoder, begin=begin, filling=filling
    )
    modality = modality_named(choice.modality)
    if done.folder is None:
        raise AffuseError(f"no {modality.noun} can be read any more")
    recipe = parts.header(parts.part_path(folder, 0)).recipe
    if recipe.kind() not in current_content.noted(folder.parent):
        current_content.make(folder, recipe)
    say(f"{folder}: {done.encoded:.0f} {modality.unit} encoded again")


def _advice(folder: Path, cache: Path) -> str:
    """What to type once the reason is gone."""
    try:
        return f"repeat: {provenance.command(provenance.load(folder), cache)}"
    except (AffuseError, OSError):
        pass
    for number in store.numbers(folder):
        try:
            recipe = parts.header(parts.part_path(folder, number)).recipe
        except (AffuseError, OSError):
            continue
        return f"repeat the command that made it: {provenance.guess(recipe, cache)}"
    return "repeat the extract command that made it"
