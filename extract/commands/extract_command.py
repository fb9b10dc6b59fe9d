"""The extract command: one modality after the other, then what went wrong."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from affuse.data.cache import corpus_table
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import (
    available,
    missing_materials,
    modality_named,
    modality_names,
)
from affuse.data.options.extraction_options import EncodingOptions, Extract
from affuse.data.reading import corpus_checks, corpus_reading
from affuse.data.records import Corpus, Problem
from affuse.data.system.atomic_files import claim
from affuse.extract.caching import provenance_writing
from affuse.extract.caching.extraction import (
    CacheFilling,
    ExtractionOutcome,
    Fill,
    extract,
    remembered,
)
from affuse.extract.caching.job_shares import JobShare
from affuse.extract.caching.part_filling import fill
from affuse.extract.commands.next_commands import following
from affuse.extract.encoding.choices import Choice, Machine, choose_device, per_modality
from affuse.extract.encoding.encoder_loading import load, named, suited
from affuse.extract.encoding.gemm_throughput import choose_dtype
from affuse.extract.parallel import spreading

Say = Callable[[str], object]


def run(options: Extract, say: Say) -> int:
    """Read and encode a corpus; return how many problems left something out."""
    corpus = corpus_reading.read_aloud(say, options)
    return encode(corpus, options, say)[0]


def encode(corpus: Corpus, options: Extract, say: Say) -> tuple[int, dict[str, Path]]:
    """Encode what was asked for.

    Args:
        corpus: as its reader gave it
        options: how it is encoded, by whom, and into which cache
        say: told each line

    Returns:
        how many problems left something out, and the cache of each modality
    """
    cache = options.cache
    share, workers = _others(options)
    # what others encode is encoded on their devices, not on one of ours
    where = machine(replace(options, device="cpu") if workers else options)
    torch.set_num_threads(where.threads)
    chosen = choices(corpus, options)
    loaded = [load(choice, where) for choice in chosen]  # a wrong name fails early
    corpus_table.save(corpus, cache)
    made: list[ExtractionOutcome] = []
    for choice, encoder in zip(chosen, loaded, strict=True):
        how: Fill = fill
        if workers:
            how = partial(spreading.fill, workers=workers, choice=choice, say=say)
        keep = partial(provenance_writing.keep, choice=choice, options=options)
        done = extract(
            corpus,
            choice,
            where,
            cache,
            encoder=encoder,
            begin=keep,
            filling=CacheFilling(share, how),
        )
        say(f"{choice.modality}: {_line(done, choice.modality, share)}")
        made.append(done)
    told = _report(corpus, cache, made, say)
    outcomes = {c.modality: done for c, done in zip(chosen, made, strict=True)}
    for line in following(corpus, outcomes, options):
        say(line)
    folders = {m: done.folder for m, done in outcomes.items()}
    lost = _left_out(corpus, made, told, share)
    return lost, {m: folder for m, folder in folders.items() if folder}


def _others(options: Extract) -> tuple[JobShare, spreading.Workers | None]:
    """Which parts are ours, and whose processes make them; None for this one."""
    share = JobShare.parse(options.shard)
    if options.dtype == "auto" and (options.scheduler or share.total > 1):
        raise OptionError(
            "--dtype auto suits one machine; where several fill one cache, name it, as "
            "in --dtype bfloat16"
        )
    return share, spreading.choose(options)


def _line(done: ExtractionOutcome, modality: str, share: JobShare) -> str:
    """What became of one modality."""
    if done.folder is None:
        return f"no {modality_named(modality).noun} can be read"
    line = f"{done.utterances} utterances in {done.folder}"
    if done.encoded:
        rate = done.encoded / max(done.elapsed, 1e-9)
        unit = modality_named(modality).unit
        line += (
            f"; {done.encoded:.0f} {unit} in {done.elapsed:.1f} s ({rate:.0f} {unit}/s)"
        )
    else:
        line += "; nothing was left to encode"
    if share.total > 1:
        line += f"; shard {share} is done, {done.present} of {done.planned} parts are "
        line += "there: the cache is complete" if done.complete else "there"
    return line


def _report(
    corpus: Corpus,
    cache: Path,
    made: Sequence[ExtractionOutcome],
    say: Callable[[str], object],
) -> list[dict[int, tuple[Problem, ...]]]:
    """Say and save what went wrong, with what other jobs found meanwhile.

    Returns:
        what the parts of each cache tell
    """
    folder = CorpusFolder(cache / corpus.name)
    told, problems = _told(corpus, made)
    if not corpus_checks.is_saved(problems, folder.problems):
        # whoever writes last has seen all that was there before
        with claim(folder.problems_lock, wait=True):
            told, problems = _told(corpus, made)
            corpus_checks.save(problems, folder.problems)
    for line in corpus_checks.problem_lines(problems):
        say(line)
    if problems:
        say(f"all of it in {folder.problems}")
    return told


def _told(
    corpus: Corpus, made: Sequence[ExtractionOutcome]
) -> tuple[list[dict[int, tuple[Problem, ...]]], list[Problem]]:
    """Return what the parts of each cache tell now, and all problems there are."""
    told = [remembered(done.folder) if done.folder else {} for done in made]
    problems = list(corpus.problems)
    for done, parts in zip(made, told, strict=True):
        problems += [*done.absent, *(p for found in parts.values() for p in found)]
    return told, problems


def _left_out(
    corpus: Corpus,
    made: Sequence[ExtractionOutcome],
    told: Sequence[dict[int, tuple[Problem, ...]]],
    share: JobShare,
) -> int:
    """How many problems left something out; each counts for one share only.

    What never came into a part, as a recording that cannot be read, is the first's.

    Args:
        told: by the parts of each cache
    """
    found: list[Problem] = []
    if share.number == 1:
        found += [*corpus.problems, *(p for done in made for p in done.absent)]
    for parts in told:
        found += (p for number in parts if number in share for p in parts[number])
    return sum(p.fatal for p in found)


def machine(options: EncodingOptions) -> Machine:
    """How it is computed, as the options of the command line say."""
    return replace(
        Machine.of(options),
        batch=options.batch,
        limit=options.limit,
        longest=options.max_seconds,
        compiled=options.compile,
    )


def choices(corpus: Corpus, options: EncodingOptions) -> list[Choice]:
    """One choice for each modality that was asked for, or that the corpus has.

    Raises:
        AffuseError: if an option names a modality that is not encoded
    """
    known = modality_names()
    wanted = options.modalities or available(corpus, known)
    if not wanted:
        raise AffuseError(f"corpus '{corpus.name}' has {missing_materials(known)}")
    options.demand_encoded(wanted)
    encoders = named(options.encoders, wanted)
    dtype = options.dtype
    if dtype == "auto":  # or the device may be that of another machine
        dtype = choose_dtype(dtype, choose_device(options.device))
    revision = per_modality(options.revision, wanted, "revision")
    layers = per_modality(options.layers, wanted, "layers")
    pooling = per_modality(options.pooling, wanted, "pooling")
    return [
        Choice(
            modality=m,
            encoder=encoders.get(m)
            or suited(m, options.checkpoint(m), revision.get(m, "")),
            checkpoint=options.checkpoint(m),
            revision=revision.get(m, Choice.revision),
            layers=layers.get(m, Choice.layers),
            pooling=pooling.get(m, Choice.pooling),
            dtype=dtype,
            head=options.head and modality_named(m).has_head,
            options={
                name: getattr(options, name) for name in modality_named(m).options
            },
        )
        for m in known
        if m in wanted
    ]
