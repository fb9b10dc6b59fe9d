"""Command-line options of the benches of stage one and of fine-tuning."""

import click

from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.shared_options import COMPUTE, PluginNames
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
    click.option("--count", type=COUNT, help="Inputs.  [default: by device]"),
    click.option(
        "--rounds", type=COUNT, default=2, show_default=True,
        help="Of all ways in turn; the fastest counts."),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of weights, inputs and the random order."),
    DTYPE,
    *COMPUTE,
)
TUNING = (
    click.option(
        "--model", default="large12", show_default=True, metavar="NAME",
        help="large12 (as audeering's), large24 or base, each with a DistilBERT base; "
        "small or tiny."),
    click.option(
        "--fusion", type=PluginNames(DESIGN_KIND), default="early",
        show_default=True, help="The design that is trained along."),
    click.option(
        "--batch", type=COUNT, default=8, show_default=True,
        help="Utterances that go through the encoders at once, in both ways."),
    click.option(
        "--loss-batch", type=click.IntRange(min=8), metavar="N",
        help="Utterances of the loss of one of our steps, which are all there are.  "
        "[default: 128 on a GPU, 16 on a CPU]"),
    click.option(
        "--steps", type=COUNT, default=3, show_default=True,
        help="Of ours that are timed, and passes of the other way; the fastest counts. "
        "One before is not timed."),
    TUNED_DTYPE,
    click.option(
        "--hold", is_flag=True,
        help="Hold the activations of a whole batch of the loss, in our steps."),
    click.option(
        "--checkpointing", is_flag=True,
        help="Hold fewer activations, and compute them twice, in both ways."),
    LAYERS_TRAINED,
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of weights, inputs, order and dropout."),
    *COMPUTE,
)
# fmt: on
