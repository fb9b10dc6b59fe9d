"""Functionals of eGeMAPSv02 (Eyben et al., 2016) by openSMILE, with 88 features.

openSMILE is a package of audEERING under a licence for research and other
non-commercial purposes. This project ships nothing of it: the extra ``opensmile``
installs the package, and whoever installs it accepts that licence.
"""

from typing import Any

import numpy as np

from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.encoding.weightless_encoder import WeightlessEncoder

MODALITY = "audio"
CHECKPOINT = "eGeMAPSv02"
EXTRA = "opensmile"  # of setup.cfg, with the package that the encoder needs
PACKAGES = ("opensmile",)  # that the values depend on


class Encoder(WeightlessEncoder):
    """Functionals of eGeMAPSv02 of a whole utterance, as one hidden state.

    Args:
        options: layers, and options for models, which have no effect

    Raises:
        AffuseError: if the package opensmile is not installed
    """

    NAME, FEATURE_SET = "opensmile", CHECKPOINT
    NO_HEAD = "the encoder 'opensmile' has no head for ratings"
    SHORTEST = 1_600  # samples, 0.1 s; openSMILE gives NaN for less than 0.06 s

    def __init__(self, **options: Any):
        self._extractor = _extractor()
        settings = {"sample_rate": SAMPLE_RATE, "feature_set": CHECKPOINT}
        super().__init__(self._extractor.feature_names, settings, **options)

    def describe(self, samples: np.ndarray) -> np.ndarray:
        """Return the features of an utterance, (features,) float32.

        Args:
            samples: (samples,) at 16 kHz as they were recorded, at least `SHORTEST`
        """
        found: np.ndarray = self._extractor(samples, SAMPLE_RATE)
        return found.reshape(-1).astype(np.float32)


def _extractor() -> Any:
    """Return openSMILE's extractor of the features.

    Raises:
        AffuseError: if the package opensmile is not installed
    """
    try:
        import opensmile
    except ImportError as error:
        raise AffuseError(
            f"the encoder 'opensmile' needs the package opensmile, whose licence by "
            f"audEERING excludes commercial use; if it suits you, "
            f"{extra_command(EXTRA)}"
        ) from error
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=1,
    )
