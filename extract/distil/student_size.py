"""Size of a student."""

from dataclasses import dataclass

from affuse.data.errors import AffuseError


@dataclass(frozen=True)
class StudentSize:
    """Size of a student's transformer; its feed-forward layers have 4 x `width`."""

    layers: int
    width: int  # of hidden states, and so of embeddings
    heads: int
    vocabulary: int = 0  # word pieces, for text students only

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.heads) < 1:
            raise AffuseError(
                f"--layers {self.layers}, --width {self.width} and --heads "
                f"{self.heads} must each be 1 or more"
            )
        if self.width % self.heads:
            raise AffuseError(
                f"--width {self.width} must be a multiple of --heads {self.heads}; "
                f"take --width {self.heads * max(1, round(self.width / self.heads))}"
            )
