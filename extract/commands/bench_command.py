"""Command line of the benchmarks, the group ``bench`` of `cli.py`."""

import sys
from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Subgroup, takes_record
from affuse.data.terminal import print_line

if TYPE_CHECKING:
    from affuse.data.options import (
        acoustic_bench_options,
        bench_options,
        feed_bench_options,
        source_options,
    )


@click.group(cls=Subgroup)
def bench() -> None:
    """Measure the speed of encoding, fine-tuning and training.

    \b
    Example:
      python cli.py bench extract --modality text
    """


@bench.command("extract")
@takes_record
def bench_extract(options: "bench_options.BenchExtract") -> None:
    """Measure the speed of stage one on inputs of IEMOCAP's lengths.

    The inputs are random. The same random weights encode them one by one, in padded
    batches, in a transformers pipeline and as stage one does. The column MFU
    is model FLOPs utilisation, relative to measured GEMM throughput.

    \b
    Example:
      python cli.py bench extract --modality text --size small
    """
    from affuse.extract.bench import encoder_bench

    encoder_bench.bench(print_line, options)


@bench.command("acoustic")
@takes_record
def bench_acoustic(options: "acoustic_bench_options.BenchAcoustic") -> None:
    """Measure the cost of each family of acoustic features.

    The features of `extract --encoder acoustic` are computed in one thread from
    recordings of the demo corpus. The speech encoder `mini` encodes the same
    recordings, for comparison. Processor time is measured.

    \b
    Example:
      python cli.py bench acoustic --count 30
    """
    from affuse.extract.bench import acoustic_bench

    acoustic_bench.bench(print_line, options)


@bench.command("feed")
@takes_record
def bench_feed(options: "feed_bench_options.BenchFeed") -> None:
    """Measure how fast stage one reads its inputs.

    The encoder is replaced by one that returns zeros, so that decoding, batching and
    writing remain. Recordings and texts are generated from the demo corpus. A plain
    loop of soundfile.read, or one batched call of the tokenizer, is measured in the
    same run, and the table has the ratios.

    \b
    Example:
      python cli.py bench feed --count 100 --format wav
    """
    from affuse.extract.bench import feed_bench

    feed_bench.bench(print_line, options)


@bench.command("gpu")
@takes_record
def bench_gpu(options: "feed_bench_options.BenchGpu") -> None:
    """Run all benchmarks of a GPU, and write one JSON file.

    Each benchmark runs in a process of its own: speech and text, eager, compiled and
    from files; reading; fine-tuning; the table of stage two; and the tests marked gpu,
    if they are there. The goals are printed with the measured values. Without a CUDA
    device, nothing is measured. The exit status is 1 if a benchmark fails.

    \b
    Example:
      python cli.py bench gpu --output bench-gpu.json
    """
    from affuse.extract.commands import gpu_bench

    sys.exit(not gpu_bench.bench(print_line, options))


@bench.command("digests")
@takes_record
def bench_digests(options: "bench_options.BenchDigests") -> None:
    """Measure how long it takes to check the digests of RUN.

    The command reads the tables and the weights of RUN as `report` and `predict` do.
    It also reads a copy without digests, and compares the times.

    \b
    Example:
      python cli.py bench digests runs/demo-early-speakers-0123abcd
    """
    from affuse.data import benchmarks

    benchmarks.bench(print_line, options.run, rounds=options.rounds)


@bench.command("finetune")
@takes_record
def bench_finetune(options: "bench_options.BenchFinetune") -> None:
    """Measure the speed of fine-tuning on utterances of IEMOCAP's lengths.

    The utterances are random. The same random weights are trained in two ways. One is
    `finetune`: the gradient of the loss of the whole --loss-batch in two passes. The
    other is an ordinary loop: padded batches of --batch utterances in random order,
    each with its own loss and optimiser step. That loop runs each utterance forward
    once, not twice, and makes more optimiser steps. The table therefore compares the
    time for each utterance.

    The column MFU is model FLOPs utilisation of one forward and one backward pass
    without padding, relative to measured GEMM throughput.

    \b
    Example:
      python cli.py bench finetune --model small --steps 2
    """
    from affuse.extract.finetune.bench import finetune_bench

    finetune_bench.bench(print_line, options)


@bench.command("train")
@takes_record
def bench_train(options: "bench_options.BenchTrain") -> None:
    """Measure the speed of stage two on random embeddings.

    The same models are trained for the same epochs in three ways: from a file with
    one data set for each utterance, from tensors that a DataLoader collates, and by
    stage two, which trains them all at once.

    \b
    Example:
      python cli.py bench train --rows 2000 --models 4
    """
    from affuse.extract.encoding.gemm_throughput import measure_throughput
    from affuse.fuse.bench import training_bench

    training_bench.bench(print_line, measure_throughput, options)


@bench.command("reading")
@takes_record
def bench_reading(options: "source_options.BenchReading") -> None:
    """Measure how long it takes to read a large corpus.

    The command generates a release of MSP-Podcast with empty recordings in a temporary
    folder, and reads it. The csv module and, if it is installed, pandas read the same
    table. Processor time is measured.

    \b
    Example:
      python cli.py bench reading --turns 1000
    """
    from affuse.data.reading import reading_bench

    reading_bench.bench(print_line, options)
