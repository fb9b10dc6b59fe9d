"""Lossy coding with Vorbis at its lowest bit rate in libsndfile."""

from affuse.extract.degradations.degradation_record import Degradation
from affuse.extract.degradations.lossy_codecs import LossyCodec

CODEC = LossyCodec("OGG", "VORBIS", 1.0)

DEGRADATION = Degradation(
    modality="audio",
    meaning="coding with Vorbis at its lowest quality, about 25 kbit/s",
    apply=CODEC.code,
)
