"""Error by which a decoder or an encoder refuses one utterance."""

from affuse.data.errors import AffuseError


class Unusable(AffuseError):
    """Error for an utterance that cannot be encoded; the message is the reason."""
