"""Selection of the embeddings of one training corpus, or of several together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from affuse.data.cache.corpus_rows import stack_corpora
from affuse.data.cache.recipe import Recipe
from affuse.data.cache.store import Embeddings
from affuse.data.corpus_naming import corpus_names
from affuse.data.errors import OptionError
from affuse.data.options.run_options import RunInput
from affuse.data.options.training_options import TrainingInputs
from affuse.data.system import scratch_arrays
from affuse.fuse.inputs import input_selection, joint_corpus
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.inputs.input_selection import Sources


def select_training_set(
    options: TrainingInputs, modalities: Sequence[str], choice: FeatureChoice
) -> Sources:
    """Return the training corpus and its caches, or several corpora as one.

    The options select the caches of the first corpus by name. Those of the others have
    the same recipes.

    Args:
        options: options that select corpora and caches
        modalities: modalities that the designs need
        choice: layers and statistics to take of each cache

    Raises:
        OptionError: if fold-specific encoders are requested for several corpora
        AffuseError: if no caches or several fit, or recipes differ between corpora
    """
    names = corpus_names(options.corpus)
    one = replace(options, corpus=names[0] if names else "")
    if len(names) < 2:
        return input_selection.select_for_training(one, modalities, choice)
    if options.finetuned:
        raise OptionError(
            f"--finetuned {options.finetuned} has encoders for the folds of one "
            f"corpus, and --corpus names {len(names)}; leave out --finetuned, or name "
            f"one corpus"
        )
    first = input_selection.select_for_training(one, modalities, choice)
    recipes = {m: cache.recipe for m, cache in first.embeddings.items()}
    others = [input_selection.select_like(options, n, recipes) for n in names[1:]]
    return join_sources([first, *others], gib=options.memory)


def select_for_run(
    options: RunInput, recipes: Mapping[str, Mapping[str, Recipe]]
) -> Sources:
    """Return one corpus or several as one, to which the models of a run are applied.

    Args:
        options: the command that the user typed, which an error repeats
        recipes: recipes of the run, {fold: {modality: recipe}}

    Raises:
        AffuseError: as `input_selection.find_caches`
    """
    names = corpus_names(options.corpus)
    if len(names) < 2:
        return input_selection.select_for_run(options, recipes)
    each = [replace(options, corpus=name) for name in names]
    return join_sources([input_selection.select_for_run(o, recipes) for o in each])


def join_sources(sources: Sequence[Sources], gib: float | None = None) -> Sources:
    """Return several corpora and their caches as one training set.

    Modalities that a corpus lacks are left out.

    Args:
        sources: of each corpus, in the order of their names
        gib: memory in GiB, above which gathered arrays are scratch files; None for
            `affuse.data.system.scratch_arrays.budget`
    """
    corpora = [source.corpus for source in sources]
    shared = set.intersection(*({*source.embeddings} for source in sources))
    stacked = {
        m: stack_corpora([source.embeddings[m] for source in sources])
        for m in sources[0].embeddings
        if m in shared
    }
    corpus = joint_corpus.join_corpora(corpora)
    copies = joint_corpus.find_copies(corpus, stacked.get("audio"))
    return Sources(
        corpus,
        tuple(shown for source in sources for shown in source.shown),
        _limited(stacked, sources, gib),
        remarks=(*joint_corpus.describe(corpora), *copies),
    )


def _limited(
    stacked: Mapping[str, Embeddings], sources: Sequence[Sources], gib: float | None
) -> dict[str, Embeddings]:
    """Return embeddings with a folder for scratch files if they exceed the memory.

    Each corpus may fit alone where all together do not.
    """
    size = sum(4 * len(each.ids) * each.width for each in stacked.values())
    if size <= (scratch_arrays.budget() if gib is None else gib * 2**30):
        return dict(stacked)
    folder = scratch_arrays.choose_folder(sources[0].shown[0][0].path.parent)
    return {m: replace(each, scratch=folder) for m, each in stacked.items()}
