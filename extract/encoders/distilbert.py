"""DistilBERT (Sanh et al., 2019) and other text encoders: BERT, RoBERTa, XLM-R.

They compute one hidden state for each token of a transcript, including the special
tokens at its beginning and end.
"""

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import DistilBertConfig, DistilBertModel

from affuse.data.errors import AffuseError
from affuse.extract.audio.decoding import Unusable
from affuse.extract.checkpoints import (
    checkpoint_files,
    checkpoint_tokenizers,
    encoder_families,
)
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.checkpoints.library_failures import told
from affuse.extract.encoding.headless_encoder import HeadlessEncoder
from affuse.extract.encoding.protocol import Prepared
from affuse.extract.networks import packed_attention
from affuse.extract.networks.hidden_layers import Layers, send
from affuse.extract.networks.text_length import cut, longest_input

T = TypeVar("T")
TokeniseAll = Callable[[Sequence[str]], list[list[int]]]

MODALITY = "text"
CHECKPOINT = checkpoint_files.SHORT["distilbert"]
MAX_TOKENS = 128  # limit of the paper
TINY_VOCABULARY = 1_000  # number of token ids of the random model


class Encoder(HeadlessEncoder):
    """Hidden states of a text encoder.

    Args:
        checkpoint: a model that takes ``input_ids``
        tokenise: returns the token ids of a text with special tokens, not truncated
        vocabulary: digest of the settings that determine the token ids of a text
        tokenise_all: the same as `tokenise` for many texts; None to call it for each
        longest: largest number of tokens that the model accepts; `MAX_TOKENS` is the
            limit of all models
        layers: ``last``, ``all``, or numbers
        device: torch device
        dtype: of the model, ``float32``, ``bfloat16`` or ``float16``
    """

    NO_HEAD = "text encoders have no head"

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        tokenise: Callable[[str], list[int]],
        vocabulary: str,
        tokenise_all: TokeniseAll | None = None,
        longest: int = MAX_TOKENS,
        layers: str = "last",
        device: str = "cpu",
        dtype: str = "float32",
    ):
        self.checkpoint = checkpoint
        top = checkpoint.model.config.num_hidden_layers
        self.layers = checkpoint_files.choose_layers(
            layers, top, f"the {MODALITY} checkpoint {checkpoint.name!r}"
        )
        self.tokenise, self.longest = tokenise, longest
        self.tokenise_all = tokenise_all
        self.model = checkpoint.model.eval().to(device, getattr(torch, dtype))
        if isinstance(self.model, DistilBertModel) and packed_attention.suits(
            self.model
        ):
            packed_attention.confine(self.model)
            self.packed = self._packed
        sample = send(
            np.array([cut(tokenise("a a"), longest) or [0]]), self.model.device
        )
        tried = None if self.packed else {"input_ids": sample}
        self._run = Layers(self.model, self.layers, top, tried)
        self.inputs: Mapping[str, Any] = {
            "max_tokens": self.most_tokens,
            "vocabulary": vocabulary,
        }

    @classmethod
    def pretrained(
        cls, checkpoint: str, *, revision: str = "", head: bool = False, **options: Any
    ) -> Self:
        """Load a checkpoint with its tokenizer from the hub or a folder."""
        cls.refuse_head(head)
        origin = checkpoint_files.find(checkpoint, revision, MODALITY)
        encoder_families.demand(origin, MODALITY)
        loaded = checkpoint_files.load(origin)
        config = loaded.model.config
        if loaded.model.main_input_name != "input_ids" or config.is_encoder_decoder:
            raise AffuseError(
                f"checkpoint {origin.name!r} is a {config.model_type} model, not a "
                f"text encoder; {encoder_families.advice(MODALITY)}"
            )
        tokenizer = checkpoint_tokenizers.load(origin, config.vocab_size)
        fault = f"the tokenizer of checkpoint {origin.name!r} fails"

        def tokenise(text: str) -> list[int]:
            with told(f"{fault} on the text {text[:40]!r}"):
                return checkpoint_tokenizers.token_ids(tokenizer, [text])[0]

        def tokenise_all(texts: Sequence[str]) -> list[list[int]]:
            try:
                with told(fault):
                    return checkpoint_tokenizers.token_ids(tokenizer, texts)
            except AffuseError:  # Single texts tell which one is the reason.
                return [tokenise(text) for text in texts]

        # The first call sets padding and truncation, which is not safe in threads.
        tokenise("")
        longest = longest_input(loaded, tokenise("a a") or [0], MAX_TOKENS)
        vocabulary = hashlib.sha256(
            checkpoint_tokenizers.describe(tokenizer).encode()
        ).hexdigest()[:16]
        options |= {"vocabulary": vocabulary, "longest": longest}
        return cls(loaded, tokenise=tokenise, tokenise_all=tokenise_all, **options)

    @classmethod
    def tiny(cls, **options: Any) -> Self:
        """Return an encoder with seeded random weights and hashed words as tokens."""
        config = DistilBertConfig(
            vocab_size=TINY_VOCABULARY, dim=32, n_layers=2, n_heads=2, hidden_dim=64
        )
        return cls(
            checkpoint_files.random_checkpoint(lambda: DistilBertModel(config)),
            tokenise=_hash_words,
            vocabulary="hashed words",
            **options,
        )

    @property
    def most_tokens(self) -> int:
        """Return the largest number of tokens of a text that are encoded."""
        return min(MAX_TOKENS, self.longest)

    def prepare(self, source: str) -> Prepared:
        """Return the token ids of a text, truncated to `most_tokens`.

        The ids of an empty text are those of the special tokens, see
        `affuse.data.reading.transcript_rule`.

        Args:
            source: transcript of an utterance

        Raises:
            Unusable: if there is no token, as for an empty text and a tokenizer
                without special tokens
        """
        return self._prepared(self.tokenise(source))

    def prepare_all(self, sources: Sequence[str]) -> list[Prepared | Unusable]:
        """Return the token ids of many texts, or the reason why one has none.

        Args:
            sources: transcripts of utterances
        """
        if self.tokenise_all is None:
            rows = [self.tokenise(text) for text in sources]
        else:
            rows = self.tokenise_all(sources)
        results: list[Prepared | Unusable] = []
        for tokens in rows:
            try:
                results.append(self._prepared(tokens))
            except Unusable as error:
                results.append(error)
        return results

    def _prepared(self, tokens: list[int]) -> Prepared:
        """Return token ids, truncated to `most_tokens`."""
        most = self.most_tokens
        if not tokens:
            raise Unusable(
                "the tokenizer returns no token for its text, not even a special "
                "token; the utterance is left out of the text modality"
            )
        if len(tokens) <= most:
            return Prepared((np.array(tokens, np.int64),))
        note = f"transcript cut from {len(tokens)} to {most} tokens"
        return Prepared((np.array(cut(tokens, most), np.int64),), (note,))

    def __call__(self, batch: np.ndarray, each: Callable[[Tensor], T]) -> list[T]:
        """Return the results of `each` for the layers, (n, tokens, dim) each."""
        return self._run(each, input_ids=send(batch, self.model.device))

    def _packed(self, batch: Sequence[np.ndarray], each: Callable[..., T]) -> list[T]:
        """Return the results of `each` for the layers, (1, all tokens, dim) each."""
        counts = [len(tokens) for tokens in batch]
        device = self.model.device
        places = np.concatenate([np.arange(count) for count in counts])
        with packed_attention.inputs(counts, device):
            return self._run(
                partial(each, counts=counts),
                input_ids=send(np.concatenate(batch)[None], device),
                position_ids=send(places[None], device),
            )


def _hash_words(text: str) -> list[int]:
    """Return token ids without a vocabulary: 1, a hash of each word, 2."""
    words = re.findall(r"\w+", text.lower())
    return [1, *(3 + zlib.crc32(w.encode()) % (TINY_VOCABULARY - 3) for w in words), 2]
