import encoded_runs
import pytest
from cli_calls import call

from affuse.data.cache import store
from affuse.extract.encoding.choices import Machine
from affuse.extract.inference.encoder_places import EncoderPlaces
from affuse.extract.inference.recorded_encoders import load_recorded


def test_the_provenance_of_a_cache_leads_to_its_checkpoint(tmp_path):
    checkpoint = encoded_runs.text_checkpoint(tmp_path / "encoder")
    cache = tmp_path / "cache"
    words = ("--modality", "text", "--text-checkpoint", checkpoint, "--limit", "2")
    done = call("extract", "demo", *words, "--cache", cache, "--threads", "1")
    assert done.exit_code == 0, done.output
    (made,) = store.find(cache, "demo")
    machine = Machine(threads=1)
    found = load_recorded([made.recipe], EncoderPlaces(cache=cache), machine)
    ((recipe, encoder),) = found.values()
    assert encoder.checkpoint.weights == recipe.weights == made.recipe.weights
    with pytest.raises(ValueError, match="the text encoder 'encoder' with the weights"):
        load_recorded([made.recipe], EncoderPlaces(), machine)


def test_an_encoder_is_found_that_moved_between_two_extractions(tmp_path):
    checkpoint = encoded_runs.text_checkpoint(tmp_path / "encoder")
    cache = tmp_path / "cache"
    for name in ("a", "b"):
        words = ("--modality", "text", "--text-checkpoint", checkpoint, "--limit", "2")
        where = ("--name", name, "--cache", cache, "--threads", "1")
        done = call("extract", "demo", *words, *where)
        assert done.exit_code == 0, done.output
        if name == "a":
            checkpoint = checkpoint.rename(tmp_path / "moved")
    (made,) = store.find(cache, "a")
    found = load_recorded([made.recipe], EncoderPlaces(cache=cache), Machine(threads=1))
    assert len(found) == 1


def test_a_named_checkpoint_that_replaces_no_encoder_is_refused(tmp_path):
    cache = tmp_path / "cache"
    words = ("--modality", "text", "--text-checkpoint", "mini", "--limit", "2")
    done = call("extract", "demo", *words, "--cache", cache, "--threads", "1")
    assert done.exit_code == 0, done.output
    (made,) = store.find(cache, "demo")
    machine = Machine(threads=1)
    places = EncoderPlaces({"text": ["/elsewhere"]})
    with pytest.raises(ValueError, match="--text-checkpoint /elsewhere has no effect: "
                       "the text encoders of the model come with affuse"):  # fmt: skip
        load_recorded([made.recipe], places, machine)
    assert len(load_recorded([made.recipe], EncoderPlaces({"text": ["mini"]}), machine))
