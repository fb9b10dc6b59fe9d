"""Bench of reading inputs: stage one with an encoder that returns zeros.

Decoding, batching and writing are measured beside a plain loop of `soundfile.read` and
one of the necessary steps, or one batched call of the tokenizer, which use one thread.
All are measured in turn in one process, so that other work of the machine affects all
of them.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
import torch

from affuse.data.modality import modality_named
from affuse.data.options.feed_bench_options import FORMATS, BenchFeed
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.audio.waveform_standardisation import standardise
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
    """Measure plain loops, and stage one with each number of threads, in turn."""
    times: dict[tuple[str, int], list[Duration]] = {}
    encoder = null_encoder(inputs.modality)
    for _ in range(rounds):
        for way, loop in LOOPS[inputs.modality].items():
            times.setdefault((way, 1), []).append(measure(partial(loop, inputs)))
        for threads in counts:
            spent = _feed(inputs, encoder, threads, root)
            times.setdefault(("", threads), []).append(spent)
    unit = "text" if inputs.modality == "text" else modality_named("audio").unit
    return [
        FeedSpeed(
            inputs=inputs.name,
            unit=unit,
            amount=inputs.amount,
            threads=threads,
            wall=min(time.wall for time in measured),
            processor=min(time.processor for time in measured),
            way=way,
        )
        for (way, threads), measured in times.items()
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


def _read_sound(inputs: FeedInputs) -> None:
    """Read all recordings with soundfile."""
    import soundfile

    for u in inputs.utterances:
        soundfile.read(str(u.audio))


def _take_steps(inputs: FeedInputs) -> None:
    """Take the steps that stage one needs for each recording, without isolation.

    They are the digest of the file and its header, decoding with all checks, the digest
    of the samples, and their standardisation. Stage one cannot be faster, unless
    several cores share them.
    """
    for u in inputs.utterances:
        assert u.audio is not None
        decoding.probe(u.audio)
        heard = decoding.decode(u.audio, longest=math.inf, has_digest=True)
        standardise(heard.samples, out=heard.samples)


def _tokenise(inputs: FeedInputs) -> None:
    """Tokenise all texts in one call."""
    with _tokenizer_threads(1):
        tokenizer()([u.text for u in inputs.utterances], verbose=False)


LOOPS: Mapping[str, Mapping[str, Callable[[FeedInputs], None]]] = {
    "audio": {
        "loop of soundfile.read": _read_sound,
        "its steps in one process": _take_steps,
    },
    "text": {"one call of the tokenizer": _tokenise},
}


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
