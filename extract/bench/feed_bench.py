"""Bench of reading inputs: stage one with an encoder that returns zeros.

Decoding, batching and writing are measured beside a plain loop of `soundfile.read`, or
one batched call of the tokenizer, which use one thread. All are measured in turn in one
process, so that other work of the machine affects all of them.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
import torch

from affuse.data.modality import modality_named
from affuse.data.options.feed_bench_options import FORMATS, BenchFeed
from affuse.extract.audio import decoder_pool
from affuse.extract.bench import feed_inputs
from affuse.extract.bench.feed_inputs import FeedInputs
from affuse.extract.bench.feed_table import FeedSpeed, table
from affuse.extract.bench.processor_time import Duration, measure
from affuse.extract.caching.extraction import extract
from affuse.extract.checkpoints.checkpoint_files import MINI
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load
from affuse.extract.encoding.protocol import Encoder

DIMENSIONS = 8  # of the null encoder's hidden states
PARALLELISM = "TOKENIZERS_PARALLELISM"  # variable by which tokenizers use one thread


def bench(say: Callable[[str], object], options: BenchFeed) -> None:
    """Measure and print the speeds of all kinds of inputs.

    Args:
        say: called with each line
        options: inputs, threads and rounds
    """
    machine = Machine(threads=options.threads or joblib.cpu_count())
    say(
        f"stage one with an encoder that returns zeros; the fastest of "
        f"{options.rounds} rounds; {machine.device_name}"
    )
    for line in table(run(options)):
        say(line)


def run(options: BenchFeed) -> list[FeedSpeed]:
    """Return the speeds of all kinds of inputs, each after its plain loop.

    Args:
        options: inputs, threads and rounds
    """
    speeds = []
    counts = thread_counts(options.threads or joblib.cpu_count())
    shared = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with TemporaryDirectory(prefix="affuse-feed-") as name:
            for inputs in _inputs(options, Path(name)):
                speeds += _measure(inputs, counts, options.rounds, Path(name))
    finally:
        torch.set_num_threads(shared)
    return speeds


def thread_counts(most: int) -> list[int]:
    """Return one and its doubles up to a number, which is always the last one.

    Examples:
        >>> thread_counts(6)
        [1, 2, 4, 6]
    """
    counts = [1]
    while counts[-1] < most:
        counts.append(min(most, 2 * counts[-1]))
    return counts


def _inputs(options: BenchFeed, root: Path) -> Iterator[FeedInputs]:
    """Yield each kind of inputs; recordings are written to `root`."""
    seed = options.seed
    lengths = {
        "short": feed_inputs.short_lengths(options.count, seed),
        "long": np.full(options.long, feed_inputs.LONG),
    }
    for form in options.formats or FORMATS:
        for kind, seconds in lengths.items():
            if len(seconds):
                name, folder = f"{kind} {form}", root / f"{kind}-{form}"
                yield feed_inputs.recordings(folder, form, seconds, seed, name)
    if options.texts:
        yield feed_inputs.texts(options.texts, seed)


def _measure(
    inputs: FeedInputs, counts: Sequence[int], rounds: int, root: Path
) -> list[FeedSpeed]:
    """Measure a plain loop and stage one with each number of threads, in turn."""
    times: dict[int, list[Duration]] = {}
    encoder = null_encoder(inputs.modality)
    for _ in range(rounds):
        plain = measure(lambda: _plain(inputs, encoder))
        times.setdefault(0, []).append(plain)
        for threads in counts:
            times.setdefault(threads, []).append(_feed(inputs, encoder, threads, root))
    unit = "text" if inputs.modality == "text" else modality_named("audio").unit
    return [
        FeedSpeed(
            inputs=inputs.name,
            unit=unit,
            amount=inputs.amount,
            threads=threads,
            wall=min(time.wall for time in measured),
            processor=min(time.processor for time in measured),
        )
        for threads, measured in times.items()
    ]


def null_encoder(modality: str) -> Encoder:
    """Return the small bundled encoder with zeros in place of its hidden states.

    It prepares inputs as that encoder does, and takes packed inputs as on a GPU.

    Args:
        modality: ``audio`` or ``text``
    """
    encoder = load(_choice(modality), Machine(threads=1))

    def zeros(batch: Sequence[np.ndarray], each: Callable[..., Any]) -> list[Any]:
        hidden = torch.zeros(1, len(batch), DIMENSIONS)
        return [each(hidden, counts=[1] * len(batch))]

    encoder.packed = zeros
    return encoder


def _choice(modality: str) -> Choice:
    return Choice(modality, checkpoint=MINI)


def _feed(inputs: FeedInputs, encoder: Encoder, threads: int, root: Path) -> Duration:
    """Return the duration of stage one, from files to a complete cache."""
    modality = modality_named(inputs.modality)
    machine = Machine(threads=threads, batch=modality.batch["cuda"], progress=False)
    choice = _choice(inputs.modality)
    if inputs.modality == "audio":
        _warm(inputs, threads)
    with TemporaryDirectory(dir=root) as cache, _tokenizer_threads(threads):
        return measure(
            lambda: extract(
                inputs.corpus(root), choice, machine, Path(cache), encoder=encoder
            )
        )


def _warm(inputs: FeedInputs, threads: int) -> None:
    """Start the decoding processes, whose start is not measured."""
    files = [u.audio for u in inputs.utterances[: 4 * threads] if u.audio]
    parallel = joblib.Parallel(n_jobs=threads, prefer="threads")
    parallel(joblib.delayed(decoder_pool.probe)(file) for file in files)


def _plain(inputs: FeedInputs, encoder: Encoder) -> None:
    """Read all recordings with soundfile, or tokenise all texts in one call."""
    if inputs.modality == "audio":
        import soundfile

        for u in inputs.utterances:
            soundfile.read(str(u.audio))
        return
    with _tokenizer_threads(1):
        tokenizer()([u.text for u in inputs.utterances], verbose=False)


def tokenizer() -> Any:
    """Return the tokenizer of the small bundled text encoder."""
    from transformers import AutoTokenizer

    from affuse.extract.checkpoints.checkpoint_files import BUNDLED

    return AutoTokenizer.from_pretrained(BUNDLED / "text")


@contextmanager
def _tokenizer_threads(threads: int) -> Iterator[None]:
    """Let the tokenizers use one thread, or several."""
    before = os.environ.get(PARALLELISM)
    os.environ[PARALLELISM] = "true" if threads > 1 else "false"
    try:
        yield
    finally:
        os.environ.pop(PARALLELISM)
        if before is not None:
            os.environ[PARALLELISM] = before
