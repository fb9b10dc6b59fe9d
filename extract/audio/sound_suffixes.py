"""Usual suffixes of the audio files that this project decodes.

A suffix only selects files in a folder. How a file is decoded depends on its content,
see `affuse.extract.audio.decoding`.
"""

from pathlib import Path

from affuse.extract.audio import media_containers

SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".mp3", ".mp2", ".opus", ".aif", ".aiff", ".aifc",
    ".au", ".caf", ".sph", ".nist", ".w64", ".rf64", *media_containers.SUFFIXES,
)  # fmt: skip


def is_sound_name(name: str) -> bool:
    """Return True if the name of a file has one of SUFFIXES, in any case.

    Examples:
        >>> is_sound_name("a.WAV"), is_sound_name("a.txt"), is_sound_name("wav")
        (True, False, False)
    """
    return Path(name).suffix.lower() in SUFFIXES
