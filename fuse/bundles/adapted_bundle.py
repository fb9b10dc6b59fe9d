"""Writing of a bundle that is adapted to the ratings of a user, from another bundle."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.runs.bundle_information import read_bundle_info, write_bundle_info
from affuse.data.scale_columns import Scale
from affuse.data.system.atomic_files import publish
from affuse.data.system.digests import content
from affuse.data.system.regular_files import SMALL
from affuse.fuse.adaptation import adaptation_file
from affuse.fuse.adaptation.adaptation import Adaptation
from affuse.fuse.adaptation.adaptation_sentences import describe
from affuse.fuse.bundles.bundle_examination import examine
from affuse.fuse.bundles.bundle_writing import copy_pieces, publish_bundle
from affuse.fuse.reporting.escapes import for_markdown

HEADING = "\n## Adaptation\n"  # of the last section of the model card
LIMITS = """\
The ratings of this bundle are adapted to those of one user. The figures above are \
those of the model without the adaptation. The intervals of adapted ratings come from \
the errors on held-out clips of the user. They hold for clips of the same kind."""
WITHOUT = f"`{BundleFolder.graph}` gives ratings without the adaptation."


def write_adapted(
    bundle: Path, output: Path, adaptation: Adaptation, scale: Scale
) -> bool:
    """Write a copy of a bundle with another adaptation, which its model card states.

    Args:
        bundle: folder of a bundle, which may be adapted already
        output: new or empty folder, or an identical bundle
        adaptation: of the models without an adaptation
        scale: of the user's ratings, on which the copy shows its predictions

    Returns:
        True if it was written, False if `output` is an identical bundle

    Raises:
        AffuseError: if the bundle is damaged, or `output` holds anything else
    """
    names = examine(bundle)
    changed = (BundleFolder.adaptation, BundleFolder.card, BundleFolder.info)

    def write(folder: Path) -> None:
        for name in names:
            if name not in changed:
                publish(folder / name, copy_pieces(bundle / name))
        place = BundleFolder(folder)
        publish(place.adaptation, adaptation_file.content(adaptation))
        card = _card(bundle) if BundleFolder.card in names else ""
        write_bundle_info(folder, replace(read_bundle_info(bundle), scale=scale))
        section = _section(adaptation, scale, has_graph=BundleFolder.graph in names)
        publish(place.card, (card + section).encode())

    return publish_bundle(output, write)


def _card(bundle: Path) -> str:
    """Return the model card without the section on an earlier adaptation."""
    text = content(BundleFolder(bundle).card, limit=SMALL).decode(errors="replace")
    return text.partition(HEADING)[0]


def _section(adaptation: Adaptation, scale: Scale, *, has_graph: bool) -> str:
    """Return the section of the model card on an adaptation."""
    lines = _lines(adaptation, scale, has_graph=has_graph)
    return HEADING + "\n" + "\n".join(lines) + "\n"


def _lines(adaptation: Adaptation, scale: Scale, *, has_graph: bool) -> Iterator[str]:
    """Yield the lines of the section."""
    yield f"{LIMITS} The scale of the predictions is that of the user: from " + (
        f"{scale[0]:g} to {scale[1]:g}."
    )
    if has_graph:
        yield f"\n{WITHOUT}"
    yield ""
    yield from (f"- {for_markdown(sentence)}" for sentence in describe(adaptation))
