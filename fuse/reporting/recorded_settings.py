"""Values of the settings that a run recorded, or that it was trained with anyway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from affuse.fuse.setting_scopes import unrecorded
from affuse.fuse.settings import Settings

ADDED = unrecorded(Settings)  # value of each setting that a run without it had


@dataclass(frozen=True)
class NotRecorded:
    """Placeholder for a setting that a run of another version did not record."""

    def __str__(self) -> str:
        return "not recorded"


NOT_RECORDED = NotRecorded()


def value_of(settings: Mapping[str, Any], name: str) -> Any:
    """Return the value of a setting, or `NOT_RECORDED` if its value is not known.

    Args:
        settings: all settings that a run recorded, with dotted names
        name: of one setting
    """
    return settings.get(name, ADDED.get(name, NOT_RECORDED))
