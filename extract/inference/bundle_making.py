"""Command `bundle`: encoders, model card and models of a run in one folder."""

from collections.abc import Callable
from pathlib import Path

from affuse.data.options.bundle_options import MakeBundle
from affuse.data.options.command_record import next_line
from affuse.data.options.prediction_options import Predict
from affuse.data.runs.bundle_folder import BundleFolder, demand_outside_bundles
from affuse.data.runs.bundle_information import BundleInfo
from affuse.data.runs.run_predictions import read_run
from affuse.extract.checkpoints.licences import inherited
from affuse.extract.inference.bundled_encoders import bundled_encoders
from affuse.extract.inference.hub_bundles import demand_hub_name, push_bundle
from affuse.fuse.bundles.bundle_card import CardFacts, model_card, place
from affuse.fuse.bundles.bundle_writing import BundleContent, write_bundle
from affuse.fuse.bundles.onnx_graph import onnx_graph
from affuse.fuse.bundles.run_models import load_run_models
from affuse.fuse.reporting.run_tables import tabulate

Say = Callable[[str], object]


def make_bundle(options: MakeBundle, say: Say) -> BundleInfo:
    """Write a bundle, and upload it if a name on the hub is given.

    Args:
        options: of the command line
        say: prints a line

    Returns:
        the description of the bundle

    Raises:
        FileNotFoundError: if there is no such run
        AffuseError: if the run, an encoder or the output folder cannot be used, or the
            upload fails
    """
    demand_outside_bundles(options.output)
    if options.push_to_hub:
        demand_hub_name(options.push_to_hub)
    source = load_run_models(options.run)
    encoders = bundled_encoders(source.encoders, options)
    plain = BundleContent(source, encoders)
    texts = {BundleFolder.card: _card(plain, options).encode()}
    if options.onnx:
        texts[BundleFolder.graph] = onnx_graph(source.models)
    content = BundleContent(source, encoders, texts)
    is_new = write_bundle(options.output, content)
    for line in _lines(options.output, content, is_new):
        say(line)
    if options.push_to_hub:
        say(f"uploaded to {push_bundle(options.output, options.push_to_hub)}")
    return content.info()


def _card(content: BundleContent, options: MakeBundle) -> str:
    """Return the model card of a bundle."""
    source, info = content.source, content.info()
    facts = CardFacts(
        info=info,
        name=options.push_to_hub or options.output.resolve().name,
        licence=inherited(encoder.licence for encoder in info.encoders),
        table=tabulate([read_run(options.run)])[0],
        source=source,
        has_graph=options.onnx,
    )
    return model_card(facts)


def _lines(output: Path, content: BundleContent, is_new: bool) -> list[str]:
    """Return the lines that describe a bundle, and the command that predicts."""
    info = content.info()
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    state = "" if is_new else " (it was there already)"
    lines = [f"{output}: {len(info.models)} models, {size / 1e6:,.1f} MB{state}"]
    for encoder, recipe in zip(info.encoders, content.source.encoders, strict=True):
        licence = encoder.licence or "unknown"
        lines.append(
            f"{encoder.modality}: {encoder.checkpoint} ({place(encoder, recipe)}; "
            f"licence {licence})"
        )
    modalities = content.source.models.modalities
    files = ("recording.wav",) if "audio" in modalities else ()
    text = ("I am fine.",) if "text" in modalities else ()
    return [*lines, next_line(Predict(run=output, files=files, text=text))]
