"""Command-line options of the benchmarks of stage one and of fine-tuning."""

import click

from affuse.data import plugins
from affuse.data.plugins import DESIGN_PACKAGE
from affuse.data.shared_options import COMPUTE
from affuse.extract.extraction_options import DTYPE, LAYERS_TRAINED, TUNED_DTYPE

COUNT = click.IntRange(min=1)
# fmt: off
ENCODING = (
    click.option(
        "--modality", type=click.Choice(["audio", "text"]), default="audio",
        show_default=True),
    click.option(
        "--size",
        help="audio: large12 (as audeering's; the default), large24, base, small or "
        "tiny; text: base (the default), small or tiny."),
    click.option("--count", type=COUNT, help="Number of inputs.  [default: by device]"),
    click.option(
        "--rounds", type=COUNT, default=2, show_default=True,
        help="Rounds through all implementations; the fastest one counts."),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Seed of weights, inputs and the random order."),
    DTYPE,
    *COMPUTE,
)
TUNING = (
    click.option(
        "--model", default="large12", show_default=True, metavar="NAME",
        help="large12 (as audeering's), large24 or base, each with a DistilBERT base; "
        "small or tiny."),
    click.option(
        "--fusion", type=click.Choice(plugins.names(DESIGN_PACKAGE)), default="early",
        show_default=True, help="Design to train together with the encoders."),
    click.option(
        "--batch", type=COUNT, default=8, show_default=True,
        help="Utterances in a batch through the encoders, in both implementations."),
    click.option(
        "--loss-batch", type=click.IntRange(min=8), metavar="N",
        help="Utterances in the loss of a step of affuse; they are the whole data.  "
        "[default: 128 on a GPU, 16 on a CPU]"),
    click.option(
        "--steps", type=COUNT, default=3, show_default=True,
        help="Timed steps of affuse, and passes of the other implementation, after "
        "one that is not timed; the fastest counts."),
    TUNED_DTYPE,
    click.option(
        "--hold", is_flag=True,
        help="Hold the activations of a loss's whole batch, in the steps of affuse."),
    click.option(
        "--checkpointing", is_flag=True,
        help="Hold fewer activations and compute them twice, in both implementations."),
    LAYERS_TRAINED,
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Seed of weights, inputs, order and dropout."),
    *COMPUTE,
)
# fmt: on
