"""Contract of every encoder, that is, of every file in extract/encoders.

Numbers in comments are those of the list in
`affuse.extract.encoding.protocol.EncoderPlugin`.
"""

import importlib.util
import inspect
import json
import re
import sys
import tracemalloc
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from affuse.data import plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import modality_named, modality_names
from affuse.data.plugin_kinds import ENCODER_KIND
from affuse.extract.audio import waveform_standardisation
from affuse.extract.audio.decoding import Unusable
from affuse.extract.encoders import distilbert, wav2vec2
from affuse.extract.encoding import batching, pooling
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import (
    encoder_for_checkpoint,
    load,
    make_recipe,
)
from affuse.extract.encoding.protocol import (
    EncoderPlugin,
    Prepared,
    hidden,
    is_pooled,
    is_weightless,
    prepares_all,
    prepares_standardised,
)

RATE = 16_000
NAMES = plugins.names(ENCODER_KIND)
# one input alone and among others: float32 sums in another order
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}


def noise(seconds, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal(int(RATE * seconds))).astype(np.float32)


INPUTS = {  # of three lengths, the first two equal
    "audio": [noise(0.5, 1), noise(0.5, 2), noise(0.8, 3), noise(0.1, 4)],
    "text": ["so very good", "not my day", "what a lovely morning it is", "no"],
}


@pytest.fixture(params=NAMES)
def module(request):
    return plugins.load(ENCODER_KIND, request.param)


def is_installed(module):
    """Whether the package of the extra that an encoder needs is there."""
    return importlib.util.find_spec(getattr(module, "EXTRA", "json")) is not None


@pytest.fixture
def usable(module):
    """An encoder whose package is installed; the tests of others are skipped."""
    if not is_installed(module):
        pytest.skip(f"needs the package {module.EXTRA}, which is not installed")
    return module


@pytest.fixture
def encoder(usable):
    return usable.Encoder.tiny()


@pytest.fixture
def inputs(module):
    return INPUTS[module.MODALITY]


def block(encoder, source):
    (found,) = encoder.prepare(copy(source)).blocks  # it may be changed
    return found


def alone(encoder, source):
    return hidden(encoder, block(encoder, source)[None])[0]


def of_default(module, **options):
    """The encoder of the default checkpoint; none is downloaded for one without."""
    return module.Encoder.pretrained(module.CHECKPOINT, **options)


def demands():
    """Return the numbers of the list of requirements for an encoder."""
    return re.findall(r"^ {4}(\d+)\. ", EncoderPlugin.__doc__, re.MULTILINE)


def test_each_item_of_the_list_has_a_test():
    source = Path(__file__).read_text(encoding="utf-8")
    marked = re.findall(
        r"^def test_\w+\(.*\):  # (\d+(?:, \d+)*)$", source, re.MULTILINE
    )
    tested = {number for numbers in marked for number in numbers.split(", ")}
    assert tested == {*demands()} == {str(n + 1) for n in range(len(tested))}


def test_modules_define_modality_checkpoint_and_kinds(module):  # 1
    assert module.MODALITY in modality_names()
    assert isinstance(module.CHECKPOINT, str)
    assert module.CHECKPOINT
    for names in ("KINDS", "PACKAGES"):
        assert all(isinstance(name, str) for name in getattr(module, names, ()))


def test_an_extra_that_is_missing_is_named(module, monkeypatch):  # 1
    if extra := getattr(module, "EXTRA", ""):
        monkeypatch.setitem(sys.modules, extra, None)
        for call in (module.Encoder.tiny, partial(of_default, module)):
            with pytest.raises(AffuseError, match=rf"pip install .*{extra}\]"):
                call()


def test_a_kind_of_checkpoint_chooses_its_encoder(module, tmp_path):  # 1
    name = module.__name__.rpartition(".")[2]
    for kind in getattr(module, "KINDS", ()):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
        assert encoder_for_checkpoint(module.MODALITY, str(tmp_path), "") == name


def test_class_methods_take_the_documented_options(usable):  # 3
    usual = {"layers": "last", "device": "cpu", "dtype": "float32"}
    own = dict.fromkeys(modality_named(usable.MODALITY).options, 20.0)
    assert usable.Encoder.tiny(**usual, **own).layers
    accepted = inspect.signature(usable.Encoder.pretrained).parameters.values()
    assert [p.name for p in accepted][:3] == ["checkpoint", "revision", "head"]
    assert [p.kind for p in accepted][1:] == [
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.VAR_KEYWORD,
    ]


def test_a_missing_head_is_refused(module, encoder, tmp_path):  # 12
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "hubert"}))
    with pytest.raises(AffuseError, match="leave out --head"):
        module.Encoder.pretrained(str(tmp_path), head=True)
    assert encoder.head == ()
    with pytest.raises(AffuseError, match="head"):
        encoder.regress(np.zeros(32, np.float32))


def test_hidden_states_have_one_row_per_input(encoder, inputs):  # 6
    stack = np.stack([block(encoder, source) for source in inputs[:2]])
    found = hidden(encoder, stack)
    assert found.shape[:2] == (2, len(encoder.layers))
    assert found.dim() == 4
    assert not torch.equal(found[0], found[1])


def test_hidden_states_do_not_depend_on_other_inputs(encoder, inputs):  # 7
    stack = np.stack([block(encoder, source) for source in inputs[:2]])
    for place, source in enumerate(inputs[:2]):
        torch.testing.assert_close(
            hidden(encoder, stack)[place], alone(encoder, source), **ROUNDING
        )
        torch.testing.assert_close(
            hidden(encoder, stack[::-1].copy())[1 - place],
            alone(encoder, source),
            **ROUNDING,
        )


def test_batches_of_equal_length_agree_with_single_inputs(encoder, inputs):  # 7
    blocks = [block(encoder, source) for source in inputs]
    for batch in batching.equal_length_batches([len(b) for b in blocks], budget=10**9):
        found = hidden(encoder, np.stack([blocks[i] for i in batch]))
        for row, i in zip(found, batch, strict=True):
            torch.testing.assert_close(row, alone(encoder, inputs[i]), **ROUNDING)


def test_tiny_encoders_are_deterministic(usable, inputs):  # 2
    one, two = usable.Encoder.tiny(), usable.Encoder.tiny()
    assert one.checkpoint.weights == two.checkpoint.weights
    for source in inputs:
        assert torch.equal(alone(one, source), alone(one, source))
        assert torch.equal(alone(one, source), alone(two, source))


def test_tiny_leaves_the_random_state_alone(usable):  # 2
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    usable.Encoder.tiny()
    assert torch.equal(torch.rand(4), wanted)


def test_the_model_is_not_in_training_mode(encoder):  # 10
    model = getattr(encoder, "model", torch.nn.Identity().eval())
    assert not any(part.training for part in model.modules())


def test_no_gradients_are_kept(encoder, inputs):  # 6
    assert not alone(encoder, inputs[0]).requires_grad


def test_layers_are_selected_by_name_and_number(usable, inputs):  # 4, 8
    every = usable.Encoder.tiny(layers="all")
    top = every.layers[-1]
    assert every.layers == tuple(range(top + 1))
    assert usable.Encoder.tiny(layers="last").layers == (top,)
    some = usable.Encoder.tiny(layers=f"{top},0")
    assert some.layers == tuple(sorted({0, top}))
    found = alone(every, inputs[0])
    assert torch.equal(alone(some, inputs[0]), found[list(some.layers)])
    assert torch.equal(alone(usable.Encoder.tiny(), inputs[0]), found[[top]])
    assert len({layer.sum().item() for layer in found}) == top + 1


SEVERAL = "the (audio|text) checkpoint 'tiny' has layers from 0 "
ONE = r"the encoder '\w+' has one layer, 0"


@pytest.mark.parametrize("layers", ["99", "-1", "0,99", "first", "", "1.5", "all,1"])
def test_missing_layers_are_refused(usable, layers):  # 4
    where = SEVERAL if len(usable.Encoder.tiny(layers="all").layers) > 1 else ONE
    with pytest.raises(OptionError, match=rf"^layers '{re.escape(layers)}': {where}"):
        usable.Encoder.tiny(layers=layers)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_cpu_half_precision_is_near_float32(usable, encoder, inputs, dtype):  # 9
    found = alone(usable.Encoder.tiny(dtype=dtype), inputs[0]).float().mean(dim=1)
    exact = alone(encoder, inputs[0]).mean(dim=1)
    assert found.isfinite().all()
    # bfloat16 keeps eight bits, of which some are lost from layer to layer
    assert torch.linalg.norm(found - exact) < 0.05 * torch.linalg.norm(exact)


def test_input_settings_can_be_stored_in_a_recipe(encoder):  # 11
    assert all(
        isinstance(k, str) and isinstance(v, (str, int, float, bool))
        for k, v in encoder.inputs.items()
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu(usable, encoder, inputs):  # 13
    on_gpu = usable.Encoder.tiny(device="cuda")
    for source in inputs:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            found = alone(on_gpu, source).cpu()
        # other kernels, the same float32
        torch.testing.assert_close(found, alone(encoder, source), rtol=1e-3, atol=1e-3)


LONGER = {"audio": noise(2.5, 5), "text": "what a lovely morning " * 8}


def test_only_pooled_encoders_give_one_step(usable, encoder, inputs):  # 14
    long = LONGER[usable.MODALITY]
    steps = [alone(encoder, source).shape[1] for source in (inputs[3], long)]
    assert steps == [1, 1] if is_pooled(encoder) else steps[1] > steps[0]
    if (
        is_pooled(encoder)
        and "block_seconds" in modality_named(usable.MODALITY).options
    ):
        brief = usable.Encoder.tiny(block_seconds=1.0)
        assert np.array_equal(block(brief, long), block(encoder, long))


def test_the_recipe_of_a_pooled_encoder_has_the_mean(usable, encoder):  # 14
    name = usable.__name__.rpartition(".")[2]
    for how in pooling.POOLINGS:
        choice = Choice(usable.MODALITY, name, "tiny", pooling=how)
        wanted = "mean" if is_pooled(encoder) else how
        assert make_recipe("toy", choice, encoder, "0").pooling == wanted
    if is_pooled(encoder):
        with pytest.raises(OptionError, match="--pooling frames: .*leave out"):
            load(choice, Machine(threads=1))


def test_a_weightless_encoder_needs_no_file(usable, encoder, inputs):  # 15
    if not is_weightless(encoder):
        return
    default = of_default(usable)
    assert default.checkpoint == encoder.checkpoint
    assert default.inputs == encoder.inputs
    for settings in ({"dtype": "float16"}, {"device": "cuda"}, {"block_seconds": 1.0}):
        other = of_default(usable, **settings)
        found = alone(other, inputs[2])
        assert (found.dtype, found.device.type) == (torch.float32, "cpu")
        assert torch.equal(found, alone(encoder, inputs[2]))
    stack = np.stack([block(encoder, source) for source in inputs[:2]])
    for row, source in zip(hidden(encoder, stack), inputs, strict=False):
        assert torch.equal(row, alone(encoder, source))
    for name in ("mini", "tiny", "audeering"):
        with pytest.raises(AffuseError, match=f"leave out the checkpoint '{name}'"):
            usable.Encoder.pretrained(name)
    with pytest.raises(AffuseError, match="leave out --revision 0123abc"):
        of_default(usable, revision="0123abc")


# What only speech encoders do


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.7])
def test_frames_are_counted_as_the_model_does(seconds):
    encoder = wav2vec2.Encoder.tiny()
    samples = int(RATE * seconds)
    wanted = int(encoder.model._get_feat_extract_output_lengths(samples))
    assert encoder.count_frames(samples) == wanted
    assert alone(encoder, noise(seconds)).shape[1] == wanted


def test_the_default_window_and_hop_in_samples():
    encoder = wav2vec2.Encoder.tiny()
    assert (encoder.window, encoder.hop) == (400, 320)
    assert encoder.count_frames(RATE) == 49


@pytest.mark.parametrize("samples", [1, 399])
def test_a_recording_shorter_than_a_frame_is_refused(samples):
    with pytest.raises(Unusable, match=rf"has {samples} samples at 16 kHz, under the "):
        wav2vec2.Encoder.tiny().prepare(noise(1.0)[:samples])


def test_one_frame_is_enough():
    assert alone(wav2vec2.Encoder.tiny(), noise(1.0)[:400]).shape[1] == 1


def test_samples_after_the_last_frame_count_in_the_statistics_only():
    encoder = wav2vec2.Encoder.tiny()
    prepared = block(encoder, noise(1.0))
    assert len(prepared) == 400 + 48 * 320
    whole = noise(1.0).astype(np.float64)
    wanted = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    np.testing.assert_allclose(prepared, wanted[: len(prepared)], atol=1e-6)  # float32
    # they change nothing: what is cut off is not seen by any frame
    uncut = hidden(encoder, wanted.astype(np.float32)[None])[0]
    torch.testing.assert_close(uncut, hidden(encoder, prepared[None])[0], **ROUNDING)


def standardised(samples):
    whole = samples.astype(np.float64)
    return (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)


@pytest.mark.parametrize("samples", [999, 1000, 1001, 4321])
def test_standardisation_uses_statistics_of_the_whole_recording(monkeypatch, samples):
    monkeypatch.setattr(waveform_standardisation, "FLOAT64_SAMPLES", 1000)
    source = 3 * noise(1.0)[:samples] + np.linspace(0, 1, samples, dtype=np.float32)
    kept, wanted = source.copy(), standardised(source)
    np.testing.assert_allclose(
        waveform_standardisation.standardise(source), wanted, atol=1e-6
    )
    np.testing.assert_array_equal(source, kept)
    found = waveform_standardisation.standardise(source, out=source)
    assert found is source
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_standardisation_up_to_a_minute_is_exact():
    source = noise(60.0) + np.float32(0.2)
    wanted = standardised(source).astype(np.float32)
    np.testing.assert_array_equal(waveform_standardisation.standardise(source), wanted)


def test_a_long_recording_is_not_copied(monkeypatch):
    monkeypatch.setattr(waveform_standardisation, "FLOAT64_SAMPLES", 1000)
    source = noise(10.0)
    encoder = wav2vec2.Encoder.tiny(block_seconds=1.0)
    tracemalloc.start()
    try:
        found = encoder.prepare(source)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.blocks) == 10
    assert most < source.nbytes / 4


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_silence_is_encoded(level):
    encoder = wav2vec2.Encoder.tiny()
    prepared = block(encoder, np.full(RATE, level, np.float32))
    np.testing.assert_allclose(prepared, 0.0, atol=1e-4)  # rounding of the mean / 3e-4
    assert hidden(encoder, prepared[None]).isfinite().all()


@pytest.mark.parametrize("seconds", [0.95, 1.0, 2.34, 3.0])
def test_blocks_have_as_many_frames_as_the_whole(seconds):
    whole = wav2vec2.Encoder.tiny(block_seconds=60.0)
    cut = wav2vec2.Encoder.tiny(block_seconds=0.5)
    found = cut.prepare(noise(seconds))
    frames = [hidden(cut, b[None]).shape[2] for b in found.blocks]
    assert sum(frames) == alone(whole, noise(seconds)).shape[1]
    assert set(frames[:-1]) == {25}  # 0.5 s at 50 frames a second
    assert found.notes == (f"encoded in {len(frames)} blocks",)


def test_blocks_hold_the_samples_of_their_frames():
    whole = block(wav2vec2.Encoder.tiny(), noise(2.0))
    blocks = wav2vec2.Encoder.tiny(block_seconds=0.5).prepare(noise(2.0)).blocks
    for place, found in enumerate(blocks):
        begin = place * 25 * 320
        np.testing.assert_array_equal(found, whole[begin : begin + len(found)])
    assert begin + len(found) == len(whole)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.01])
def test_blocks_shorter_than_a_frame_are_refused(seconds):
    with pytest.raises(ValueError, match="--block-seconds .* shorter than one frame"):
        wav2vec2.Encoder.tiny(block_seconds=seconds)


def test_no_head_without_a_checkpoint():
    with pytest.raises(ValueError, match="loaded without its head"):
        wav2vec2.Encoder.tiny().regress(np.zeros(32, np.float32))


# What only text encoders do


def test_an_empty_text_is_encoded_as_its_special_tokens():
    found = distilbert.Encoder.tiny().prepare("")
    assert [b.tolist() for b in found.blocks] == [[1, 2]]


@pytest.mark.parametrize(("words", "kept"), [(126, 128), (127, 128), (4000, 128)])
def test_long_texts_are_cut_and_noted(words, kept):
    found = distilbert.Encoder.tiny().prepare("word " * words)
    (tokens,) = found.blocks
    assert len(tokens) == kept
    assert (tokens[0], tokens[-1]) == (1, 2)
    note = f"transcript cut from {words + 2} to 128 tokens"
    assert found.notes == ((note,) if words > 126 else ())


def equal(one, other):
    """Return True if two prepared inputs have the same blocks and notes."""
    pairs = zip(one.blocks, other.blocks, strict=True)
    return one.notes == other.notes and all(np.array_equal(*pair) for pair in pairs)


def test_standardised_waveforms_are_prepared_alike(encoder, inputs):  # 16
    prepare = prepares_standardised(encoder)
    for source in inputs if prepare else ():
        ready = waveform_standardisation.standardise(source)
        assert equal(prepare(ready), encoder.prepare(copy(source)))
    if prepare:
        with pytest.raises(Unusable) as caught:
            encoder.prepare(noise(0.001))
        with pytest.raises(Unusable, match=re.escape(str(caught.value))):
            prepare(noise(0.001))


def test_many_inputs_are_prepared_alike(encoder, inputs):  # 16
    if prepare_all := prepares_all(encoder):
        found = prepare_all([copy(source) for source in inputs])
        wanted = [encoder.prepare(copy(source)) for source in inputs]
        assert all(map(equal, found, wanted))
        assert len(found) == len(wanted)


def test_prepared_inputs_are_one_dimensional(encoder, inputs):  # 5
    for source in inputs:
        found = encoder.prepare(copy(source))
        assert isinstance(found, Prepared)
        assert all(b.ndim == 1 for b in found.blocks)
        again = encoder.prepare(copy(source)).blocks
        assert all(map(np.array_equal, found.blocks, again))
