"""Small limits of cache parts, so that a few inputs fill several parts."""

from dataclasses import replace

from affuse.data.modalities import audio, text


def limit_parts(patch, **limits):
    """Change ``part_rows`` or ``part_size`` of audio and text.

    Args:
        patch: pytest's monkeypatch
        limits: by name of the field
    """
    for module in (audio, text):
        patch.setattr(module, "MODALITY", replace(module.MODALITY, **limits))
