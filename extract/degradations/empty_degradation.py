"""Empty transcripts, as of a speech recogniser that fails."""

from affuse.extract.degradations.degradation_record import Degradation, Draws


def remove_text(text: str, _: float, draws: Draws) -> str:
    """Return the empty text, which encoders read as the empty sentence.

    Args:
        text: cleaned transcript
        _: not used
        draws: not used
    """
    return ""


DEGRADATION = Degradation(
    modality="text",
    meaning="empty transcripts, which encoders read as the empty sentence",
    apply=remove_text,
    is_default=True,
)
