"""Records of the commands `cache list`, `cache verify` and `cache repair`."""

from dataclasses import dataclass
from typing import ClassVar

from affuse.data.options.option_fields import option
from affuse.data.options.shared_options import CacheOption


@dataclass(frozen=True, kw_only=True)
class ListCaches(CacheOption):
    """Options of `cache list`: list every cache."""

    COMMAND: ClassVar[str] = "cache list"


@dataclass(frozen=True, kw_only=True)
class VerifyCaches(CacheOption):
    """Options of `cache verify`: compare every file of the cache with its digest."""

    COMMAND: ClassVar[str] = "cache verify"


@dataclass(frozen=True, kw_only=True)
class RepairCaches(CacheOption):
    """Options of `cache repair`: encode damaged and missing parts again."""

    COMMAND: ClassVar[str] = "cache repair"
    dry_run: bool = option(
        "--dry-run",
        default=False,
        help="Only name the files that would be removed and encoded "
        "again.  [default: the cache is repaired]",
    )
