"""Extraction command: encodes one modality after the other and reports problems."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from affuse.data.cache import corpus_table
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import OptionError
from affuse.data.modality import (
    modality_named,
)
from affuse.data.options.extraction_options import Extract
from affuse.data.reading import corpus_checks
from affuse.data.records import Corpus, Problem
from affuse.data.system.atomic_files import claim
from affuse.extract.caching import provenance_writing
from affuse.extract.caching.extraction import (
    CacheFilling,
    ExtractionOutcome,
    Fill,
    extract,
    stored_problems,
)
from affuse.extract.caching.job_shares import JobShare
from affuse.extract.caching.part_filling import fill
from affuse.extract.caching.recording_listing import RecordingListing
from affuse.extract.commands.chosen_transcripts import with_chosen_transcripts
from affuse.extract.commands.early_listing import RECORDED
from affuse.extract.commands.encoding_choices import choices, machine
from affuse.extract.commands.next_commands import next_lines
from affuse.extract.encoding.encoder_loading import (
    load,
    pooling_note,
)
from affuse.extract.parallel import spreading

Say = Callable[[str], object]


def encode(
    corpus: Corpus,
    options: Extract,
    say: Say,
    listing: RecordingListing | None = None,
) -> tuple[int, dict[str, Path]]:
    """Encode the chosen modalities of a corpus, and print a report.

    Args:
        corpus: as its reader returned it
        options: encoders, workers and cache
        say: prints a line
        listing: of the recordings, if it began already

    Returns:
        the number of problems that left inputs out, and the cache of each modality
    """
    cache = options.cache
    share, workers = _share(options)
    # Workers encode on their own devices, so no GPU is used here.
    resources = machine(replace(options, device="cpu") if workers else options)
    torch.set_num_threads(resources.threads)
    source, options = with_chosen_transcripts(corpus, options, resources, say)
    selection = choices(source, options, transcripts=options.recognised_transcripts)
    encoders = [load(c, resources) for c in selection]  # A wrong name fails early.
    typed = selection if options.pooling else []  # The default is no demand.
    for note in filter(None, map(pooling_note, typed, encoders)):
        say(note)
    corpus_table.save(corpus, cache)
    results: list[ExtractionOutcome] = []
    for choice, encoder in zip(selection, encoders, strict=True):
        builder: Fill = fill
        if workers:
            builder = partial(spreading.fill, workers=workers, choice=choice, say=say)
        keep = partial(provenance_writing.keep, choice=choice, options=options)
        outcome = extract(
            source,
            choice,
            resources,
            cache,
            encoder=encoder,
            begin=keep,
            filling=CacheFilling(share, builder, device=_processes(workers)),
            listing=listing if choice.modality == RECORDED else None,
        )
        say(f"{choice.modality}: {_line(outcome, choice.modality, share)}")
        results.append(outcome)
    part_problems = _report(corpus, cache, results, say)
    outcomes = {c.modality: done for c, done in zip(selection, results, strict=True)}
    for line in next_lines(corpus, outcomes, options):
        say(line)
    folders = {m: done.folder for m, done in outcomes.items()}
    count = _left_out(corpus, results, part_problems, share)
    return count, {m: folder for m, folder in folders.items() if folder}


def _share(options: Extract) -> tuple[JobShare, spreading.Workers | None]:
    """Return the shard of this job, and its workers; None to build parts here.

    Raises:
        OptionError: if several machines would choose their precision separately
    """
    share = JobShare.parse(options.shard)
    if options.dtype == "auto" and (options.scheduler or share.total > 1):
        raise OptionError(
            "--dtype auto suits one machine; several machines that fill one cache need "
            "the same precision, so name it, as in --dtype bfloat16"
        )
    return share, spreading.choose(options)


def _processes(workers: spreading.Workers | None) -> str:
    """Return the processes that encode, in words; "" if this process does."""
    if workers is None:
        return ""
    if workers.scheduler:
        return "workers of a cluster"
    threads = f"{workers.threads} thread{'s' if workers.threads != 1 else ''}"
    return f"{workers.processes} processes ({workers.device}), {threads} each"


def _line(done: ExtractionOutcome, modality: str, share: JobShare) -> str:
    """Return the line that reports the result of one modality."""
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
    results: Sequence[ExtractionOutcome],
    say: Callable[[str], object],
) -> list[dict[int, tuple[Problem, ...]]]:
    """Print and save the problems, including those of other jobs on the same cache.

    Returns:
        the problems of each cache, by part
    """
    folder = CorpusFolder(cache / corpus.name)
    part_problems, problems = _problems(corpus, results)
    if not corpus_checks.is_saved(problems, folder.problems):
        # Problems are collected under the lock, so that the last writer has them all.
        with claim(folder.problems_lock, wait=True):
            part_problems, problems = _problems(corpus, results)
            corpus_checks.save(problems, folder.problems)
    for line in corpus_checks.problem_lines(problems):
        say(line)
    if problems:
        say(f"all problems are in {folder.problems}")
    return part_problems


def _problems(
    corpus: Corpus, results: Sequence[ExtractionOutcome]
) -> tuple[list[dict[int, tuple[Problem, ...]]], list[Problem]]:
    """Return the problems of each cache by part, and the list of all problems."""
    caches = [stored_problems(done.folder) if done.folder else {} for done in results]
    problems = list(corpus.problems)
    for done, parts in zip(results, caches, strict=True):
        problems += [*done.absent, *(p for part in parts.values() for p in part)]
    return caches, problems


def _left_out(
    corpus: Corpus,
    results: Sequence[ExtractionOutcome],
    part_problems: Sequence[dict[int, tuple[Problem, ...]]],
    share: JobShare,
) -> int:
    """Return the number of problems that left inputs out, each counted in one shard.

    Problems that are in no part, such as an unreadable recording, count in the first
    shard.

    Args:
        corpus: as its reader returned it
        results: of all modalities
        part_problems: of each cache, by part
        share: shard of this job
    """
    problems: list[Problem] = []
    if share.number == 1:
        problems += [*corpus.problems, *(p for done in results for p in done.absent)]
    for parts in part_problems:
        problems += (p for number in parts if number in share for p in parts[number])
    return sum(p.fatal for p in problems)
