"""The parts that one of several jobs makes, as in a batch system's array of jobs."""

import re
from dataclasses import dataclass

from affuse.data.errors import OptionError


@dataclass(frozen=True)
class JobShare:
    """Every n-th part. Parts are sorted by length, so that all shares are alike."""

    number: int = 1  # of `total`, counted from 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> "JobShare":
        """The share that ``--shard`` names.

        Raises:
            OptionError: if it is none

        Examples:
            >>> JobShare.parse("2/10")
            JobShare(number=2, total=10)
        """
        named = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
        number, total = map(int, named.groups()) if named else (0, 0)
        if named is None or total < 1:
            raise OptionError(f"--shard {text!r}: say which of how many, as in 1/10")
        if not 1 <= number <= total:
            raise OptionError(
                f"--shard {text}: shards count from 1 to {total}; for an array of jobs "
                f"in Slurm, say --array=1-{total}"
            )
        return cls(number, total)

    def __contains__(self, part: int) -> bool:
        return part % self.total == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


EVERYTHING = JobShare()
