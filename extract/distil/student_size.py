"""How large a student is."""

from dataclasses import dataclass

from affuse.data.errors import AffuseError


@dataclass(frozen=True)
class StudentSize:
    """The shape of a student's transformer; its feed-forward layers are 4 x `width`."""

    layers: int
    width: int  # of hidden states, so of embeddings
    heads: int
    vocabulary: int = 0  # pieces; of text students only

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
