"""Report of the utterances of a fold that are left out or truncated."""

from collections.abc import Iterator

from affuse.data.modality import modality_named
from affuse.data.reading import problem_summary
from affuse.data.splits.protocols import abbreviate
from affuse.extract.finetune.fold_inputs import Material
from affuse.fuse.wording import count


def remarks(material: Material, *, longest: float) -> Iterator[str]:
    """Yield one line for each reason, with the number of utterances.

    Args:
        material: the training and the validation part of a fold
        longest: seconds to which recordings are truncated

    Yields:
        lines on utterances that are left out, then a line for each modality with
        truncated inputs
    """
    for line in problem_summary.lines(material.problems, listed=0):
        yield f"left out: {line}"
    for modality, ids in material.cut.items():
        if not ids:
            continue
        noun = modality_named(modality).noun
        beginning = f"{longest:g} s are encoded, see --max-seconds"
        if modality == "text":
            beginning = f"{_longest(material)} tokens are encoded"
        utterances = f"{count(len(ids), noun)} ({abbreviate(ids)})"
        yield f"cut off: of {utterances}, only the first {beginning}"


def _longest(material: Material) -> int:
    """Return the number of tokens of the longest text, the limit of truncated texts.

    An encoder may have positions for fewer tokens than the limit of stage one.
    """
    both = material.train, material.validation
    return max(len(tokens) for part in both for tokens in part.inputs["text"])
