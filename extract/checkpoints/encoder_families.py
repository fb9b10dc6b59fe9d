"""Families of encoders that tests load, as messages and the README name them."""

from collections.abc import Mapping

from transformers import CONFIG_MAPPING, AutoConfig

from affuse.data.errors import AffuseError
from affuse.data.system.mismatches import shown
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.checkpoints.checkpoint_files import Origin

# Modality -> family -> well-known checkpoints of the family.
FAMILIES: Mapping[str, Mapping[str, str]] = {
    "audio": {
        "Wav2Vec2": "XLSR-53, XLS-R, MMS",
        "HuBERT": "mHuBERT, DistilHuBERT",
        "WavLM": "",
        "Data2Vec audio": "",
        "UniSpeech": "",
        "UniSpeech-SAT": "",
        "SEW": "",
        "SEW-D": "",
        "Wav2Vec2-Conformer": "",
        "w2v-BERT": "w2v-BERT 2.0",
        "Whisper": "its encoder",
    },
    "text": {
        "DistilBERT": "DistilmBERT",
        "BERT": "mBERT, MiniLM, E5, LaBSE",
        "RoBERTa": "",
        "XLM-RoBERTa": "multilingual E5, BGE-M3",
        "XLM-RoBERTa-XL": "",
        "CamemBERT": "",
        "DeBERTa": "",
        "DeBERTa-v2": "DeBERTa-v3, mDeBERTa",
        "ALBERT": "",
        "ELECTRA": "",
        "MPNet": "",
        "ModernBERT": "mmBERT",
        "RemBERT": "",
        "Data2Vec text": "",
        "XLNet": "",
    },
}


def advice(modality: str) -> str:
    """Return a clause that lists the tested families of a modality."""
    families = (
        f"{family} ({well_known})" if well_known else family
        for family, well_known in FAMILIES[modality].items()
    )
    return f"these families are tested: {', '.join(families)}"


def demand(origin: Origin, modality: str) -> None:
    """Raise an error for a model type that is not an encoder, before it is loaded.

    Args:
        origin: of the checkpoint
        modality: whose families the message lists

    Raises:
        AffuseError: if transformers does not know the model type, or it has a decoder;
            this includes checkpoints with only the encoder of such a model, such as T5
    """
    kind = checkpoint_files.kind(origin)
    if kind and kind not in CONFIG_MAPPING:
        why = f"transformers does not know its model type {shown(kind)}"
    elif kind and getattr(AutoConfig.for_model(kind), "is_encoder_decoder", False):
        why = f"it is a {kind} model, whose encoder has a decoder"
    else:
        return
    raise AffuseError(
        f"cannot load the checkpoint {origin.name!r} from {origin.folder}: {why}; "
        f"{advice(modality)}"
    )
