"""Assignment of a cache's parts to the shards of an array of batch jobs."""

import re
from dataclasses import dataclass

from affuse.data.errors import OptionError


@dataclass(frozen=True)
class JobShare:
    """Shard with every n-th part, so that all shards have inputs of similar lengths."""

    number: int = 1  # of `total`, counted from 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> "JobShare":
        """Return the shard that ``--shard`` names.

        Args:
            text: as typed, such as ``2/10``

        Raises:
            OptionError: if the text is not a number of a shard and their total

        Examples:
            >>> JobShare.parse("2/10")
            JobShare(number=2, total=10)
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        number, total = map(int, match.groups()) if match else (0, 0)
        if match is None or total < 1:
            raise OptionError(
                f"--shard {text!r}: write the number of the shard and their total, as "
                f"in 1/10"
            )
        if not 1 <= number <= total:
            raise OptionError(
                f"--shard {text}: shards are numbered from 1 to {total}; for an array "
                f"of jobs in Slurm, use --array=1-{total}"
            )
        return cls(number, total)

    def __contains__(self, part: int) -> bool:
        return part % self.total == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


ALL_PARTS = JobShare()
