"""Loading of the tokenizer of a checkpoint, and its use for many texts at once."""

from collections.abc import Sequence
from typing import Any

from transformers import AutoTokenizer
from transformers.utils import is_protobuf_available, is_sentencepiece_available

from affuse.data.errors import AffuseError
from affuse.data.system.mismatches import shown
from affuse.extract.checkpoints.checkpoint_files import Origin
from affuse.extract.checkpoints.library_failures import told


def token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of texts with special tokens, by one call of a tokenizer.

    Args:
        tokenizer: of transformers
        texts: to tokenise
    """
    encoded = tokenizer(
        list(texts),
        verbose=False,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    rows: list[list[int]] = encoded["input_ids"]
    return rows


def load(origin: Origin, vocabulary: int) -> Any:
    """Load the tokenizer of a checkpoint.

    Args:
        origin: of the checkpoint
        vocabulary: number of token ids that the weights have embeddings for

    Raises:
        AffuseError: if it is missing, damaged, or of another checkpoint, or if its
            format needs packages that are not installed
    """
    is_slow = not (origin.folder / "tokenizer.json").exists()
    pieces = sorted(path.name for path in origin.folder.glob("*.model"))
    if (
        is_slow
        and pieces
        and not (is_sentencepiece_available() and is_protobuf_available())
    ):
        raise AffuseError(
            f"the tokenizer of checkpoint {origin.name!r} is {pieces[0]}, which needs "
            f"two packages: pip install sentencepiece protobuf (or put tokenizer.json "
            f"beside its weights in {origin.folder})"
        )
    with told(f"cannot read the tokenizer of checkpoint {origin.name!r}"):
        tokenizer = AutoTokenizer.from_pretrained(
            origin.folder, trust_remote_code=False
        )
        numbers = list(tokenizer.get_vocab().values())
    files = set(tokenizer.vocab_files_names.values())
    # Without these files, transformers silently returns a tokenizer without words.
    if not numbers or not any((origin.folder / name).is_file() for name in files):
        raise AffuseError(
            f"checkpoint {origin.name!r} has no tokenizer: put tokenizer.json or "
            f"vocab.txt beside its weights in {origin.folder}"
        )
    if odd := [n for n in numbers if type(n) is not int or n < 0]:
        raise AffuseError(
            f"the tokenizer of checkpoint {origin.name!r} numbers a word "
            f"{shown(odd[0])}; its vocabulary is damaged"
        )
    if (highest := max(numbers)) >= vocabulary:
        raise AffuseError(
            f"the tokenizer of checkpoint {origin.name!r} numbers words up to "
            f"{highest}, but its weights have {vocabulary} embeddings; one of them "
            f"belongs to another checkpoint"
        )
    return tokenizer


def describe(tokenizer: Any) -> str:
    """Return a text with all settings that determine the token ids of a text.

    Args:
        tokenizer: of transformers
    """
    if tokenizer.is_fast:
        return str(tokenizer.backend_tokenizer.to_str())
    settings = sorted((k, str(v)) for k, v in tokenizer.init_kwargs.items())
    return f"{sorted(tokenizer.get_vocab().items())} {settings}"
