"""Command-line options of stage one, of distillation and of fine-tuning."""

from pathlib import Path

import click

from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.shared_options import ANY, CACHE, COMPUTE, FOLDER, PluginNames
from affuse.extract.audio.header_bounds import LONGEST

# fmt: off
DTYPE = click.option(
    "--dtype", default="auto", show_default=True,
    type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
    help="Of the computation; auto: bfloat16 where the device is fast in it, which is "
    "recorded and makes another cache than float32.")
CHECKPOINTS = (
    click.option(
        "--audio-checkpoint", default="", metavar="NAME",
        help="Speech encoder (Wav2Vec2 family, w2v-BERT, Whisper): hub name, folder, "
        "'mini' (small, bundled), or 'tiny' (random weights).  [default: audeering, "
        "which is audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim]"),
    click.option(
        "--text-checkpoint", default="", metavar="NAME",
        help="Text encoder: hub name, folder, 'mini' or 'tiny'.  [default: distilbert, "
        "which is distilbert-base-uncased]"),
    click.option(
        "--revision", multiple=True, metavar="[MODALITY=]COMMIT",
        help="Pin a checkpoint of the hub.  [default: the newest, which is recorded]"),
)
ENCODE = (
    click.option(
        "--modality", "modalities", type=click.Choice(["audio", "text"]),
        multiple=True, help="What to encode; repeatable.  [default: what there is]"),
    *CHECKPOINTS,
    click.option(
        "--layers", multiple=True, metavar="[MODALITY=]WHICH",
        help="last, all, or numbers such as 0,6,12.  [default: last]"),
    click.option(
        "--pooling", multiple=True, metavar="[MODALITY=]HOW",
        help="mean, mean+std or frames.  [default: mean]"),
    DTYPE,
    click.option(
        "--head", is_flag=True,
        help="Keep the predictions of the speech checkpoint's own head."),
    *COMPUTE,
    click.option(
        "--compile", is_flag=True,
        help="Compile what gains by it, in some seconds: speech encoders on a GPU in "
        "half precision, for corpora of many hours."),
    click.option("--batch", type=float, help="Seconds of audio, or tokens, at once."),
    click.option(
        "--block-seconds", type=float, default=60.0, show_default=True,
        help="Longer utterances are encoded in blocks of this length."),
    click.option(
        "--max-seconds", type=float, default=LONGEST, show_default=True,
        help="Longer utterances are refused."),
    click.option(
        "--limit", type=click.IntRange(min=1),
        help="So many utterances, evenly spread over the corpus."),
    click.option(
        "--processes", type=click.IntRange(min=1), metavar="N",
        help="Encode in so many processes of this machine, which divide its CUDA "
        "devices and CPU threads.  [default: one for each CUDA device]"),
    click.option(
        "--shard", default="1/1", metavar="K/N",
        help="Make only the K-th of N shares of the cache, K from 1 to N; for arrays "
        "of jobs, of which the last completes the cache. Needs a --dtype by name, as "
        "does --scheduler."),
    click.option(
        "--scheduler", default="", metavar="ADDRESS",
        help="Encode on the workers of this dask scheduler, which must see corpus and "
        "cache under the same paths; whoever reaches its port can run code: trusted "
        "networks and TLS only. Needs the extra 'cluster'."),
    CACHE,
)
DISTIL = (
    click.argument("modality", type=click.Choice(["audio", "text"])),
    click.option(
        "--teacher", required=True, metavar="NAME",
        help="Speech encoder (Whisper, Wav2Vec2 family) or text encoder: hub name or "
        "folder."),
    click.option(
        "--data", type=ANY, multiple=True, required=True,
        help="Sound files, .txt files of one text a line, or folders of them; "
        "repeatable. No labels are needed."),
    click.option(
        "--output", type=FOLDER, required=True,
        help="Folder of the student; an unfinished training is taken up again."),
    click.option("--revision", default="", help="Pin a teacher of the hub."),
    click.option(
        "--teacher-layers", default="last", show_default=True,
        help="What the student imitates: last, all, or numbers such as 2,3."),
    click.option("--layers", type=click.IntRange(min=1), help="Of the student."),
    click.option("--width", type=click.IntRange(min=8), help="Of its hidden states."),
    click.option("--heads", type=click.IntRange(min=1), help="Of its attention."),
    click.option(
        "--vocabulary", type=click.IntRange(min=1), help="text: how many word pieces."),
    click.option(
        "--speeds", metavar="LIST",
        help="audio: at which everything is heard.  [default: 0.8,1,1.25]"),
    click.option("--steps", type=click.IntRange(min=1), help="Of the training."),
    click.option("--rate", type=float, help="Highest learning rate."),
    click.option(
        "--batch", type=click.IntRange(min=1), help="Recordings or texts in a step."),
    click.option(
        "--held-out", type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.05, show_default=True, help="Share of the data that only tests."),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of first weights, batches and what is held out."),
    click.option(
        "--credit", "credits", multiple=True, metavar="TEXT",
        help="A source and its licence, for the model card; repeatable."),
    click.option("--licence", default="", help="Of the student, for the model card."),
    *COMPUTE,
    CACHE,
)
LAYERS_TRAINED = click.option(
    "--layers-trained", type=click.IntRange(min=0), metavar="N",
    help="Train only the N highest blocks.  [default: everything but the "
    "convolutions]")
TUNED_DTYPE = click.option(
    "--dtype", default="auto", show_default=True,
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Of the encoders' arithmetic; auto: bfloat16 on GPUs that have it.")
FINETUNE = (
    click.option(
        "--fusion", type=PluginNames(DESIGN_KIND), default="early",
        show_default=True, help="The design that is trained along."),
    click.option(
        "--protocol",
        help="session5, session5-strict, loso, speakers or official.  [default: the "
        "corpus's own]"),
    click.option(
        "--fold", default="all", show_default=True, metavar="NAME",
        help="One of the protocol's, or all of them in turn."),
    click.option(
        "--folds", type=click.IntRange(min=3),
        help="Of the speakers protocol.  [default: 5]"),
    *CHECKPOINTS,
    click.option(
        "--experiment", default="finetune", show_default=True, metavar="NAME_OR_FILE",
        help="Settings that differ from the defaults, e.g. paper."),
    click.option(
        "--set", "changes", multiple=True, metavar="NAME=VALUE",
        help="A setting of the head and its training, e.g. epochs=4 or batch=256; "
        "repeatable."),
    click.option(
        "--audio-rate", type=float,
        help="Learning rate of the speech encoder.  [default: the experiment's; 5e-4 "
        "with --adapters]"),
    click.option(
        "--text-rate", type=float,
        help="Learning rate of the text encoder.  [default: the experiment's; 5e-4 "
        "with --adapters]"),
    click.option(
        "--warmup", type=float,
        help="Share of the steps in which rates rise.  [default: the experiment's]"),
    click.option(
        "--averaging", type=float, metavar="EPOCHS",
        help="Score and keep the mean of the weights over about so many epochs, "
        "e.g. 0.5; 0 for the weights as they are.  [default: the experiment's]"),
    LAYERS_TRAINED,
    click.option(
        "--adapters", type=click.IntRange(min=0), metavar="RANK",
        help="Train low-rank adapters (LoRA) of the blocks in place of their weights; "
        "8 is usual, 0 is none.  [default: the experiment's, none]"),
    click.option(
        "--convolutions/--no-convolutions", default=None,
        help="Train the convolutions of speech encoders as well.  [default: frozen]"),
    click.option(
        "--max-seconds", type=float,
        help="Of an utterance that are heard.  [default: 30]"),
    click.option(
        "--batch", type=click.IntRange(min=1), default=8, show_default=True,
        help="Utterances that go through the encoders at once; less memory, the same "
        "gradient. The batch of the loss is --set batch=..."),
    click.option(
        "--hold", is_flag=True,
        help="Hold the activations of a whole batch of the loss instead of computing "
        "them twice: a quarter of the work less, the same gradient."),
    click.option(
        "--checkpointing", is_flag=True,
        help="Hold fewer activations, and compute them once more."),
    TUNED_DTYPE,
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of first weights, order and dropout."),
    click.option(
        "--output", type=FOLDER, default=Path("finetuned"), show_default=True,
        help="Folder of all fine-tuned checkpoints."),
    *COMPUTE,
)
# fmt: on
