"""Affuse: speech and transcripts to valence, arousal and dominance, in two stages.

This file parses, calls and prints; the work is done in `data`, `extract` and `fuse`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # `affuse.cli` does the work, under that name alone
    import importlib
    import runpy

    prepare = Path(__file__).with_name("data") / "system" / "environment.py"
    runpy.run_path(str(prepare))["ensure_packages"]()
    sys.exit(importlib.import_module("affuse.cli").main())

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Group, takes
from affuse.data.terminal import say
from affuse.extract.commands.bench_command import bench
from affuse.extract.commands.cache_command import cache

if TYPE_CHECKING:
    from affuse.data.options.bench_options import BenchTrain
    from affuse.data.options.distillation_options import Distil
    from affuse.data.options.extraction_options import Extract
    from affuse.data.options.finetuning_options import Finetune
    from affuse.data.options.pipeline_options import RunCommand
    from affuse.data.options.report_options import Report
    from affuse.data.options.run_options import (
        Ablate,
        Calibrate,
        Lint,
        Predict,
        Verify,
    )
    from affuse.data.options.source_options import (
        CheckCorpus,
        WriteSample,
        WriteUtterances,
    )
    from affuse.data.options.training_options import Sweep, Train


@click.group(cls=Group)
def main() -> None:
    """Valence, arousal and dominance from speech and transcripts.

    Stage one encodes every utterance once; stage two trains fusion designs on the
    cached embeddings in seconds. Corpus demo, synthetic, is built in and needs no path:

    \b
      python cli.py check iemocap /path/to/IEMOCAP_full_release
      python cli.py extract iemocap /path/to/IEMOCAP_full_release
      python cli.py train --fusion early
      python cli.py report

    To try it on what comes with it, a synthetic corpus and small encoders:

    \b
      python cli.py extract demo --audio-checkpoint mini --text-checkpoint mini
    """


@main.command()
@takes("source_options.CheckCorpus")
def check(options: "CheckCorpus") -> None:
    """Compare a corpus with its published counts.

    Reads CORPUS at ROOT (demo needs none), names every problem by file and line.

    Exit status 0 if nothing is wrong, 1 if something is missing or differs.
    """
    from affuse.data.reading import corpus_checks
    from affuse.extract.caching import recording_headers

    sys.exit(not corpus_checks.command(say, recording_headers.faults, options))


@main.command()
@takes("source_options.WriteUtterances")
def utterances(options: "WriteUtterances") -> None:
    """Write what was read of a corpus as CSV.

    One row an utterance of CORPUS at ROOT (demo needs none). Names every problem on
    the error stream; exit status 1 if something was left out.
    """
    from affuse.data.reading import corpus_checks

    sys.exit(not corpus_checks.utterances(options, say))


@main.command()
@takes("source_options.WriteSample")
def sample(options: "WriteSample") -> None:
    """Write a small example of a corpus.

    CORPUS in its own layout at ROOT: composed text, generated tones.
    """
    from affuse.data.reading import corpus_reading

    corpus, root = options.corpus, options.root
    count = corpus_reading.sample(corpus, root)
    say(f"{count} synthetic utterances in the layout of {corpus} in {root}")


@main.command()
@takes("extraction_options.Extract")
def extract(options: "Extract") -> None:
    """Stage one: encode a corpus into the cache.

    Encodes CORPUS at ROOT (demo needs none), or what is still missing of it.

    Repeat the command after an interruption: finished parts stay. Utterances that
    cannot be encoded are named in cache/NAME/problems.csv with file and reason; the
    run goes on, and the exit status is 1.

    Several GPUs of a machine are all used. With --scheduler, or as an array of jobs
    with --shard, several machines fill one cache; the bytes are the same.
    """
    from affuse.extract.commands import extract_command

    sys.exit(extract_command.run(options, say) > 0)


main.add_command(cache)


@main.command()
@takes("pipeline_options.RunCommand")
def run(options: "RunCommand") -> None:
    """From a corpus to its table: extract, train, report.

    CORPUS at ROOT (demo needs none); with --finetune, encoders are fine-tuned for
    each fold before. What is there is not made again: repeat the command after an
    interruption.

    Exit status 1 if something was left out.
    """
    from affuse.extract.commands import extract_command, run_tuning
    from affuse.fuse.commands import run_command

    encode, tune = extract_command.encode, run_tuning.tune
    sys.exit(not run_command.run(say, encode, tune, options))


@main.command()
@takes("distillation_options.Distil")
def distil(options: "Distil") -> None:
    """Compress an encoder: a small student learns from a large teacher.

    The student is an ordinary Wav2Vec2Model or DistilBertModel folder of a few
    megabytes, with a model card; name it as --audio-checkpoint or --text-checkpoint.

    The teacher encodes the data once, into the cache. Repeat the command after an
    interruption: it goes on where it was.

    \b
      python cli.py distil audio --teacher openai/whisper-tiny.en \\
          --teacher-layers 2,3 --data /path/to/speech --output small-speech
      python cli.py distil text --teacher sentence-transformers/all-MiniLM-L6-v2 \\
          --data sentences.txt --output small-text
    """
    from affuse.extract.commands import distil_command

    distil_command.distil(say, options)


@main.command()
@takes("finetuning_options.Finetune")
def finetune(options: "Finetune") -> None:
    """Fine-tune encoders together with a fusion design.

    Trains on the training part of each fold of CORPUS at ROOT; its validation CCC
    decides, and its test is not looked at. Each fold becomes a folder of ordinary
    checkpoints for `extract`. Repeat the command after an interruption.
    """
    from affuse.extract.commands import finetune_command

    finetune_command.finetune(say, options)


main.add_command(bench)


@bench.command("train")
@takes("bench_options.BenchTrain")
def bench_train(options: "BenchTrain") -> None:
    """Measure stage two on made-up embeddings.

    The same models for the same epochs: from a file with a data set an utterance, from
    tensors that a DataLoader collates, and as stage two trains them, all at once.
    """
    from affuse.extract.encoding.gemm_throughput import products
    from affuse.fuse.bench import training_bench

    training_bench.bench(say, products, options)


@main.command()
@takes("training_options.Train")
def train(options: "Train") -> None:
    """Stage two: train fusion designs.

    Trains on cached embeddings and predicts every test fold.

    Without more, it uses the one cache that is there. Finished folds and seeds are
    kept: repeat the command after an interruption, or with more seeds.
    """
    from affuse.fuse.commands import training_commands

    training_commands.train(say, options)


@main.command()
@takes("training_options.Sweep")
def sweep(options: "Sweep") -> None:
    """Search settings on validation parts; the test stays unseen.

    Every trial is a file in sweeps/NAME: repeat the command after an interruption, or
    search on; all trials on the same rows are ranked together.

    \b
      python cli.py sweep --fusion early --grid latent=64,128 --grid dropout=0.3,0.5
      python cli.py sweep --fusion early --random 20 --space learning_rate=1e-4:1e-2:log

    Writes ranking.csv, and the best settings as an experiment for `train`.
    """
    from affuse.fuse.commands import training_commands

    training_commands.sweep(say, options)


@main.command()
@takes("run_options.Lint")
def lint(options: "Lint") -> None:
    """Look for leaks in finished runs.

    Asks every rule about RUN, or about all runs, with whatever is at hand: the run
    folder alone, or the corpus and the embeddings in the cache as well.

    Exit status 1 if a rule fails.
    """
    from affuse.fuse.commands import lint_command

    sys.exit(not lint_command.lint(say, options))


@main.command()
@takes("run_options.Verify")
def verify(options: "Verify") -> None:
    """Check caches and runs against the digests of their files.

    Reads every file below each FOLDER, which is a cache, a run, or a folder of several;
    without one, all caches and runs. Names every file that is damaged or missing, and
    what has no digests, because an older version made it or its command was
    interrupted; that alone leaves the exit status 0.

    \b
      python cli.py verify
      python cli.py verify runs/demo-early-speakers-0123abcd

    Exit status 1 if a file is damaged or missing.
    """
    from affuse.data.cache import verification

    usual = [options.cache, options.runs]
    sys.exit(not verification.command(say, folders=options.folders, usual=usual))


@main.command()
@takes("report_options.Report")
def report(options: "Report") -> None:
    """Print the CCC table.

    One row a design: the mean over folds and seeds, with a 95 % interval. A mark says
    that a row is significantly better (*) or worse than the one it is compared with.

    Exit status 1 if a run is damaged; it is named, and the others are shown.
    """
    from affuse.fuse.commands import report_command

    sys.exit(not report_command.report(options, say))


@main.command()
@takes("run_options.Calibrate")
def calibrate(options: "Calibrate") -> None:
    """Calibrate the predictions of RUN, and give them intervals.

    From validation predictions alone: the affine map of the highest CCC, and split
    conformal intervals. Prints how both do on the test, and what is gained by leaving
    uncertain utterances out; writes calibration.json, rejection.csv and rejection.svg
    into RUN.
    """
    from affuse.fuse.commands import calibrate_command

    calibrate_command.command(options)


@main.command()
@takes("run_options.Predict")
def predict(options: "Predict") -> None:
    """Predict other cached utterances.

    Writes a row of CSV for each utterance: what the models of RUN say on average. The
    embeddings must come from the same recipe as those the run was trained on.

    \b
    Example: python cli.py predict runs/RUN --corpus new --output new.csv

    valence, arousal and dominance are on [-1, 1], as (2 r - low - high) / (high - low)
    of a rating r; *_deviation is the deviation over models. Columns such as
    valence_1_to_5 have the same on the scale of the ratings that the run was trained
    on. trained_on counts the models that had the utterance in training or validation.
    start and end are seconds in file.
    """
    from affuse.fuse.commands import training_commands

    training_commands.predict(options)


@main.command()
@takes("run_options.Ablate")
def ablate(options: "Ablate") -> None:
    """Say what each modality contributes.

    Test CCC of RUN with both modalities, with one of them only, and with one that is
    permuted between utterances.
    """
    from affuse.fuse.commands import training_commands

    training_commands.ablate(say, options)
