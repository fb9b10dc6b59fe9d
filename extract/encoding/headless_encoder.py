"""What encoders have in common whose checkpoints predict no ratings themselves."""

from typing import ClassVar

import numpy as np

from affuse.data.errors import AffuseError
from affuse.extract.encoding.protocol import Packed


class HeadlessEncoder:
    """The part of `affuse.extract.encoding.protocol.Encoder` that needs no model.

    Such an encoder takes inputs of equal length together, has no head, and gains
    nothing by compilation, because nearly all its work is in matrix products.
    """

    NO_HEAD: ClassVar[str] = "this encoder has no head for ratings"  # of its errors

    packed: Packed | None = None
    head: tuple[str, ...] = ()

    @classmethod
    def refuse_head(cls, head: bool) -> None:
        """Refuse ``--head``.

        Raises:
            AffuseError: if `head` is True
        """
        if head:
            raise AffuseError(f"{cls.NO_HEAD}; leave out --head")

    def compile(self) -> None:
        """Do nothing."""

    def regress(self, mean: np.ndarray) -> np.ndarray:
        """Refuse to predict ratings.

        Raises:
            AffuseError: always
        """
        raise AffuseError(f"{self.NO_HEAD}; leave out --head")
