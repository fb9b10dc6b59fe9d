"""Base class of encoders whose checkpoints have no head for ratings."""

from typing import ClassVar

import numpy as np

from affuse.data.errors import AffuseError
from affuse.extract.encoding.protocol import Packed


class HeadlessEncoder:
    """Part of `affuse.extract.encoding.protocol.Encoder` that needs no model.

    Such an encoder has no head and takes batches of inputs with equal lengths. It is
    not compiled, because nearly all its work is in matrix products.
    """

    NO_HEAD: ClassVar[str] = "this encoder has no head for ratings"  # for its errors

    packed: Packed | None = None
    head: tuple[str, ...] = ()
    pooled: bool = False
    weightless: bool = False

    @classmethod
    def refuse_head(cls, head: bool) -> None:
        """Refuse ``--head``.

        Args:
            head: value of the option

        Raises:
            AffuseError: if `head` is True
        """
        if head:
            raise AffuseError(f"{cls.NO_HEAD}; leave out --head")

    def compile(self) -> None:
        """Leave the model as it is."""

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """Refuse to predict ratings.

        Args:
            mean: ignored

        Raises:
            AffuseError: always
        """
        raise AffuseError(f"{self.NO_HEAD}; leave out --head")
