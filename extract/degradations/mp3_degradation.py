"""Lossy coding with MP3 (MPEG-2 layer III) at its lowest bit rate in libsndfile."""

from affuse.extract.degradations.degradation_record import Degradation
from affuse.extract.degradations.lossy_codecs import LossyCodec

CODEC = LossyCodec("MP3", "MPEG_LAYER_III", 0.99, "VARIABLE")

DEGRADATION = Degradation(
    modality="audio",
    meaning="coding with MP3 (MPEG-2 layer III) at its lowest quality, about 21 kbit/s",
    apply=CODEC.code,
    is_default=True,
)
