"""Lines on inputs of a fold that are not trained on as they were given."""

from collections.abc import Iterator

from affuse.data.modality import modality_named
from affuse.data.reading import problem_summary
from affuse.data.splits.protocols import some
from affuse.extract.finetune.fold_inputs import Material
from affuse.fuse.wording import count


def remarks(material: Material, *, longest: float) -> Iterator[str]:
    """Yield one line for each reason, with the number of utterances.

    Args:
        material: the training and the validation part of a fold
        longest: seconds of a recording that are heard

    Yields:
        lines on utterances that are left out, then one for each modality on inputs that
        are cut
    """
    for line in problem_summary.lines(material.problems, listed=0):
        yield f"left out: {line}"
    for modality, ids in material.cut.items():
        if not ids:
            continue
        noun = modality_named(modality).noun
        rest = f"{longest:g} s are heard, see --max-seconds"
        if modality == "text":
            rest = f"{_longest(material)} tokens are read"
        whole = f"{count(len(ids), noun)} ({some(ids)})"
        yield f"cut off: of {whole}, only the first {rest}"


def _longest(material: Material) -> int:
    """Return the tokens of the longest text, as many as the encoder takes of a cut one.

    An encoder may have positions for fewer tokens than are read of a text at most.
    """
    both = material.train, material.validation
    return max(len(tokens) for part in both for tokens in part.inputs["text"])
