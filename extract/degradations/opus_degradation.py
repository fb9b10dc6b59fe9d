"""Lossy coding with Opus (RFC 6716) at its lowest bit rate in libsndfile."""

from affuse.extract.degradations.degradation_record import Degradation
from affuse.extract.degradations.lossy_codecs import LossyCodec

CODEC = LossyCodec("OGG", "OPUS", 1.0)

DEGRADATION = Degradation(
    modality="audio",
    meaning="coding with Opus (RFC 6716) at its lowest quality, about 6 kbit/s",
    apply=CODEC.code,
    is_default=True,
)
