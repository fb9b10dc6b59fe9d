import dataclasses

import pytest
from learnable_corpus import recipe

from affuse.data.errors import AffuseError, OptionError
from affuse.fuse.experiment_files import dump, load
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.setting_history import compared, identity
from affuse.fuse.settings import Settings, change, override

DEEP = {"layers": tuple(range(13)), "pooling": "mean+std"}
AUDIO, TEXT = recipe("audio", **DEEP), recipe("text", **DEEP)
VECTOR = recipe("audio", layers=(0,), layer_meaning="0 is the vector of features")


def taken(choice, cached):
    found = choice.narrowed(cached)
    assert found == cached.selected(found.layers, found.pooling)
    return found.layers, found.pooling


@pytest.mark.parametrize(
    ("layers", "audio", "text"),
    [
        ("all", tuple(range(13)), tuple(range(13))),
        ("weighted", tuple(range(13)), tuple(range(13))),
        ("last", (12,), (12,)),
        ("6", (6,), (6,)),
        ("12,0,6,6", (0, 6, 12), (0, 6, 12)),
        ("audio=0,6,text=last", (0, 6), (12,)),
        ("last,audio=0", (0,), (12,)),
        ("audio=0", (0,), tuple(range(13))),
    ],
)
def test_layers_are_chosen_for_each_modality(layers, audio, text):
    choice = FeatureChoice.of(Settings(layers=layers))
    assert taken(choice, AUDIO) == (audio, "mean+std")
    assert taken(choice, TEXT) == (text, "mean")


@pytest.mark.parametrize(
    ("layers", "first", "second"),
    [
        ("audio:one=0,6", (0, 6), tuple(range(13))),
        ("last,audio:one=all", tuple(range(13)), (12,)),
        ("audio=3,audio:hub/two=6,4,text=0", (3,), (4, 6)),
        ("audio:one=last,audio:two=0", (12,), (0,)),
    ],
)
def test_layers_are_chosen_for_each_of_joined_encoders(layers, first, second):
    both = [dataclasses.replace(AUDIO, checkpoint=n) for n in ("one", "hub/two")]
    found = FeatureChoice(layers).narrowed_each(both)
    assert [each.layers for each in found] == [first, second]
    # a digest tells caches of one checkpoint apart, and the order does not matter
    layers = layers.replace("one", both[0].digest()).replace("hub/", "")
    found = FeatureChoice(layers).narrowed_each(both[::-1])
    assert [each.layers for each in found] == [second, first]


def test_pooling_is_chosen_for_each_of_joined_encoders():
    both = [dataclasses.replace(AUDIO, checkpoint=n) for n in ("one", "two")]
    choice = FeatureChoice(pooling="mean,audio:two=mean+std")
    found = [each.pooling for each in choice.narrowed_each(both)]
    assert found == ["mean", "mean+std"]
    means = [dataclasses.replace(each, pooling="mean") for each in both]
    (sentence,) = choice.remarks(means)
    assert sentence.startswith("audio: the cache of two holds means over time alone")


@pytest.mark.parametrize("setting", ["layers", "pooling"])
def test_an_encoder_that_is_not_among_those_of_a_command_is_refused(setting):
    value = {"layers": "audio:oen=last", "pooling": "audio:oen=mean"}[setting]
    choice = FeatureChoice(**{setting: value})
    both = [dataclasses.replace(AUDIO, checkpoint=n) for n in ("one", "two")]
    sentence = rf"{value}: no audio encoder of this command is called 'oen'; choose fro"
    with pytest.raises(OptionError, match=f"{sentence}m one, two; did you mean 'one'"):
        choice.narrowed_each(both)
    assert [each.layers for each in choice.narrowed_each([TEXT])] == [TEXT.layers]


def test_two_names_of_one_encoder_with_different_choices_are_refused():
    cached = dataclasses.replace(AUDIO, checkpoint="hub/one")
    choice = FeatureChoice("audio:one=0,audio:hub/one=6")
    with pytest.raises(OptionError, match="one and hub/one name the same audio encod"):
        choice.narrowed_each([cached])


def test_an_encoder_without_layers_is_not_named_for_some_of_them():
    vector = dataclasses.replace(
        VECTOR, checkpoint="acoustic", inputs={"features": 81}, pooling="mean"
    )
    both = [AUDIO, vector]
    for value in ("audio=6", "audio:acoustic=all", "audio:acoustic=0"):
        assert FeatureChoice(value).narrowed_each(both)[1] == vector
    sentence = "acoustic gives one vector for an utterance, .* leave audio:acoustic out"
    for choice in (
        FeatureChoice("audio:acoustic=6"),
        FeatureChoice(pooling="audio:acoustic=mean+std"),
    ):
        with pytest.raises(OptionError, match=sentence):
            choice.narrowed_each(both)


def test_a_layer_that_one_of_joined_encoders_lacks_is_refused_with_the_way_out():
    shallow = dataclasses.replace(AUDIO, layers=(0, 1), checkpoint="two")
    with pytest.raises(OptionError, match="encoder alone, as in audio:two=1, or extra"):
        FeatureChoice("0,6").narrowed_each([AUDIO, shallow])
    found = FeatureChoice("0,6,audio:two=1").narrowed_each([AUDIO, shallow])
    assert [each.layers for each in found] == [(0, 6), (1,)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("layers=mini=last", "behind its modality, as in audio:mini=last"),
        ("pooling=mini=mean", "behind its modality, as in audio:mini=mean"),
        ("layers=audio:=last", "'audio:' names no encoder"),
        ("layers=audio:mini=weighted", "use layers=weighted, which mixes those of eac"),
        ("layers=audio=weighted", "use layers=weighted, which mixes those of each enc"),
        ("layers=audio:mini=first", "layers must be all, weighted, last or numbers"),
        ("pooling=audio:mini=frames", "pooling must be mean or mean[+]std"),
    ],
)
def test_a_wrong_choice_for_an_encoder_names_the_way_out(value, reason):
    with pytest.raises(OptionError, match=reason):
        override(Settings(), [value])


@pytest.mark.parametrize(
    ("pooling", "audio", "text"),
    [
        ("mean+std", "mean+std", "mean+std"),
        ("mean", "mean", "mean"),
        ("text=mean", "mean+std", "mean"),
        ("mean,text=mean+std", "mean", "mean+std"),
    ],
)
def test_pooling_is_chosen_for_each_modality(pooling, audio, text):
    choice = FeatureChoice.of(Settings(pooling=pooling))
    assert choice.narrowed(AUDIO).pooling == audio
    assert choice.narrowed(TEXT).pooling == text


@pytest.mark.parametrize("pooling", ["mean", "frames"])
def test_what_a_cache_lacks_is_not_taken_from_it(pooling):
    cached = dataclasses.replace(AUDIO, pooling=pooling)
    assert FeatureChoice().narrowed(cached) == cached
    assert FeatureChoice(pooling="mean").narrowed(cached) == cached


def test_a_cache_of_means_alone_is_remarked():
    cached = dataclasses.replace(AUDIO, pooling="mean", checkpoint="hub/w2v2")
    (sentence,) = FeatureChoice().remarks([cached, TEXT])
    assert sentence.startswith("audio: the cache of hub/w2v2 holds means over time")
    assert list(FeatureChoice(pooling="audio=mean").remarks([cached, TEXT])) == []


def test_a_layer_that_is_not_cached_is_refused():
    shallow = dataclasses.replace(AUDIO, layers=(4, 8))
    with pytest.raises(OptionError, match="has no layer 6, only 4, 8; choose from"):
        FeatureChoice("4,6").narrowed(shallow)


def test_another_single_layer_is_not_taken_in_its_place():
    last = dataclasses.replace(AUDIO, layers=(12,))
    with pytest.raises(OptionError, match="has no layer 6, only 12"):
        FeatureChoice("6").narrowed(last)
    assert FeatureChoice("12").narrowed(last) == last


def test_an_encoder_without_layers_gives_its_vector():
    for layers in ("all", "last", "0", "6,12"):
        assert FeatureChoice(layers).narrowed(VECTOR) == VECTOR


def test_a_jointly_trained_head_takes_means_of_the_last_layer():
    settings = Settings(training="end-to-end")
    assert FeatureChoice.of(settings) == FeatureChoice("last", "mean")


@pytest.mark.parametrize(
    "value",
    ["", "first", "-1", "0,,6", "1.5", "audio=weighted", "video=0", "audio=", "0,last"],
)
def test_a_wrong_choice_of_layers_is_refused(value):
    with pytest.raises(AffuseError, match="layers"):
        override(Settings(), [f"layers={value}"])


@pytest.mark.parametrize("value", ["", "std", "mean,std", "audio=frames", "face=mean"])
def test_a_wrong_choice_of_pooling_is_refused(value):
    with pytest.raises(AffuseError, match="pooling"):
        override(Settings(), [f"pooling={value}"])


def test_one_layer_number_is_accepted_as_typed_and_in_a_file(tmp_path):
    assert override(Settings(), ["layers=6"]).layers == "6"
    path = tmp_path / "mine.toml"
    path.write_text("layers = 6\n")
    assert load(path).layers == "6"
    path.write_text(dump(load(path)))
    assert load(path).layers == "6"
    with pytest.raises(AffuseError, match="must be of type str, got True"):
        change(Settings(), {"layers": True})


def test_concat_is_the_old_name_of_all():
    assert Settings(layers="concat") == Settings()
    assert identity(Settings())["layers"] == "concat"
    assert "pooling" not in identity(Settings())


def test_features_enter_the_name_of_a_run_by_their_recipes_alone():
    assert identity(Settings(layers="0,6", pooling="mean")) == identity(Settings())
    assert identity(Settings(layers="weighted")) != identity(Settings())


@pytest.mark.parametrize("layers", ["all", "concat", "0,6", "last"])
def test_tables_compare_a_mix_with_any_concatenation(layers):
    assert compared({"layers": layers, "pooling": "mean"}) == {"layers": "concat"}
    assert compared({"layers": "weighted"}) == {"layers": "weighted"}
    assert compared({"latent": 3}) == {"latent": 3}
