"""Model card of a bundle: data, kind of ratings, figures, limits, licence and usage.

The card names no speaker, fold or utterance. The figures are those of `report`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from affuse.data.cache.recipe import Recipe
from affuse.data.runs.bundle_folder import BundleFolder
from affuse.data.runs.bundle_information import BundledEncoder, BundleInfo
from affuse.fuse.bundles.card_header import CardHeader
from affuse.fuse.bundles.missing_modalities import missing_modalities
from affuse.fuse.bundles.run_models import RunModels
from affuse.fuse.reporting import footnotes, interval_notes
from affuse.fuse.reporting.escapes import for_markdown
from affuse.fuse.reporting.formats import markdown_report
from affuse.fuse.reporting.table_records import ReportTable, kind_of_ratings
from affuse.fuse.wording import count, figure

UNKNOWN = "unknown"  # licence
HUMAN = "Human ratings: people rated these utterances"
LIMITS = """\
Predicted ratings describe how raters would perceive an utterance. They are no measure \
of what a person feels, and no ground for decisions about a person. Raters disagree, \
and their culture, language and expectations shape the ratings. The models repeat \
that, and can be worse for speakers who are rare in the training data.

The figures and intervals hold for other utterances of the same kind. They do not \
speak of another corpus, language, microphone or kind of speech.

**In the European Union, emotion recognition at work and in education is forbidden.** \
Article 5(1)(f) of Regulation (EU) 2024/1689 (AI Act) prohibits AI systems that infer \
the emotions of people there, except for medical or safety reasons. Elsewhere, such \
systems can be high-risk (Annex III), and people must be informed of them (Article \
50). This is no legal advice."""
CITATION = """\
Affuse rebuilds the system of Messaoudi, Boughrara and Lachiri, *Leveraging Wav2Vec2.0 \
and DistilBERT with Autoencoder-Based Dimensionality Reduction for Continuous \
Multimodal Emotion Recognition*, in parts that can be exchanged. The concordance \
correlation coefficient (CCC) is that of Lin (1989), *A concordance correlation \
coefficient to evaluate reproducibility*, Biometrics 45:255–268. Cite the corpus \
and the checkpoints of the encoders too."""


@dataclass(frozen=True)
class CardFacts:
    """Facts of a model card."""

    info: BundleInfo
    name: str  # of the folder or on the hub, as it is typed
    licence: str  # of the whole bundle, inherited from its encoders
    table: ReportTable  # of the run alone
    source: RunModels
    has_graph: bool = False  # True if the bundle has an ONNX graph


def model_card(facts: CardFacts) -> str:
    """Return the card as Markdown, with the metadata that the hub reads.

    Args:
        facts: of the bundle
    """
    info, rows = facts.info, facts.table.rows
    estimate = rows[0].sections.get("all") if rows else None
    header = CardHeader(info, facts.name, facts.licence, estimate)
    parts = {
        "Data": _data(facts),
        "Figures": _figures(facts),
        "Missing modalities": missing_modalities(facts.source),
        "Usage": _usage(facts),
        "Encoders": _encoders(facts),
        "Limits": [LIMITS],
        "Licence": _licence(facts),
        "Citation": [CITATION],
    }
    lines = [*header.lines(), "", f"# {for_markdown(facts.name)}", "", *_summary(facts)]
    for name, paragraphs in parts.items():
        lines += ["", f"## {name}", "", *paragraphs]
    return "\n".join(lines) + "\n"


def _summary(facts: CardFacts) -> Iterator[str]:
    """Yield the first paragraph, and a warning about the kind of ratings."""
    info = facts.info
    modalities = " and ".join(facts.source.models.modalities)
    yield (
        f"Predicts {', '.join(info.targets)} from {modalities}, on [-1, 1]: the mean "
        f"of {count(len(info.models), 'model')} of the design "
        f"`{info.design}`, trained by affuse {info.version}."
    )
    yield ""
    sentences = footnotes.natures(info.nature, info.members)
    yield f"**{'; '.join(filter(None, sentences)) or HUMAN}.**"


def _data(facts: CardFacts) -> Iterator[str]:
    """Yield sentences on corpus, scale and protocol."""
    info = facts.info
    kind = for_markdown(kind_of_ratings(info.nature, info.members))
    yield f"* Corpus: {for_markdown(info.corpus)} ({kind})."
    if info.scale is None:
        yield "* Scale of the ratings as released: not recorded."
    else:
        low, high = info.scale
        yield (
            f"* Scale of the ratings as released: {low:g} to {high:g}. A rating r is "
            f"(2 r - {low:g} - {high:g}) / ({high:g} - {low:g}) on [-1, 1]."
        )
    folds = count(info.folds, "fold")
    yield f"* Protocol: {for_markdown(info.protocol)}, {folds}."
    if info.folds > 1:
        yield (
            "* Each fold has models of its own. Together, they were trained on all "
            "utterances of the corpus, so that their mean must not be tested on it."
        )
    yield f"* {footnotes.speakers(facts.table.shared)}."


def _figures(facts: CardFacts) -> Iterator[str]:
    """Yield the table of the report, with notes that name nobody."""
    rows = tuple(row for row in facts.table.rows if row.info is not None)
    notes = tuple(interval_notes.notes(rows))
    table = replace(
        facts.table, rows=rows, encoders=(), pairs=(), comparisons=(), notes=notes
    )
    _, _, body = markdown_report.render([table]).partition("\n")
    yield f"**{for_markdown(table.title)}**"
    yield body.rstrip("\n")
    if record := facts.source.calibrations:
        held = ", ".join(
            f"{name} {figure(scores.coverage, digits=2)}"
            for name, scores in facts.source.scores.items()
        )
        yield ""
        yield (
            f"The predictions are calibrated. Intervals of {record.level:.0%} contain "
            f"these shares of the test ratings: {held}."
        )


def _usage(facts: CardFacts) -> Iterator[str]:
    """Yield a command and a program that predict."""
    speech, text = (m in facts.source.models.modalities for m in ("audio", "text"))
    file = " recording.wav" if speech else ""
    words = ' --text "I am fine."' if text else ""
    source = '["recording.wav"]' if speech else "[None]"
    arguments = [source, *(['text=["I am fine."]'] if text else [])]
    yield from ("```sh", f"affuse predict {facts.name}{file}{words}", "```", "")
    yield from (
        "```python",
        "import affuse",
        "",
        f'model = affuse.load("{facts.name}")',
        f"print(model.predict({', '.join(arguments)}).to_dicts())",
        "```",
    )
    if facts.has_graph:
        yield ""
        yield (
            f"`{BundleFolder.graph}` is the part after the encoders as one ONNX graph. "
            f"Its inputs are named after the modalities, each (batch, dim), float32: "
            f"the embeddings of the encoders below, as `affuse extract` caches them. "
            f"Its output `ratings` is (batch, {len(facts.info.targets)})."
        )


def _encoders(facts: CardFacts) -> Iterator[str]:
    """Yield the table of encoders, and where their weights are."""
    heads = (
        *("modality", "checkpoint", "encoder", "layers", "pooling", "dtype"),
        *("weights (digest)", "licence", "where"),
    )
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    pairs = zip(facts.info.encoders, facts.source.encoders, strict=True)
    for encoder, recipe in pairs:
        yield f"| {' | '.join(map(for_markdown, _cells(encoder, recipe)))} |"


def _cells(encoder: BundledEncoder, recipe: Recipe) -> Sequence[str]:
    """Return the cells of one encoder."""
    layers = ", ".join(map(str, recipe.layers))
    return (
        *(encoder.modality, encoder.checkpoint, encoder.encoder, layers),
        *(recipe.pooling, recipe.dtype, encoder.weights),
        *(encoder.licence or UNKNOWN, place(encoder, recipe)),
    )


def place(encoder: BundledEncoder, recipe: Recipe) -> str:
    """Return a phrase on where the weights of an encoder are.

    Args:
        encoder: of a bundle
        recipe: of the same encoder
    """
    if recipe.is_built_in:
        return "comes with affuse"
    if encoder.folder:
        return encoder.folder
    if encoder.revision:
        return f"on the hub, commit {encoder.revision}"
    return "not included"


def _licence(facts: CardFacts) -> Iterator[str]:
    """Yield sentences on the licence of the bundle, and on what it depends."""
    licences = sorted({f"`{e.licence or UNKNOWN}`" for e in facts.info.encoders})
    yield (
        f"The licences of the encoders in the table above apply: {', '.join(licences)}."
        f" The terms of the corpus apply too."
    )
    restricted = [e for e in facts.info.encoders if _excludes_commerce(e.licence)]
    if restricted:
        names = ", ".join(f"`{e.checkpoint}` ({e.licence})" for e in restricted)
        yield ""
        yield f"**No commercial use:** the licence of {names} excludes or restricts it."


def _excludes_commerce(licence: str) -> bool:
    """Return True if a licence excludes commercial use."""
    return "-nc" in licence or licence == "other"
