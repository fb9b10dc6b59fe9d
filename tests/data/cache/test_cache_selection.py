import json
import os
from pathlib import Path

import pytest
from small_caches import FRAMES, RECIPE, fill, flip, recipe

from affuse.data.cache import parts, provenance, store
from affuse.data.cache.cache_listing import describe, example, listing
from affuse.data.cache.cache_selection import choose, selection

AUDIO = recipe(modality="audio", encoder="wav2vec2", revision="0123456789" * 4)
OTHER = recipe(corpus="other")
FREE = {}  # no cache is named


def paths(chosen):
    return {modality: cache.path for modality, (cache,) in chosen.items()}


def test_the_only_cache_of_each_modality_is_selected(tmp_path):
    text = fill(tmp_path)
    assert paths(choose(tmp_path, named=FREE)) == {"text": text}
    audio = fill(tmp_path, of=AUDIO)
    wanted = {"audio": audio, "text": text}
    assert paths(choose(tmp_path, named=FREE)) == wanted
    assert paths(choose(tmp_path, corpus="toy", named={"audio": ()})) == wanted


@pytest.mark.parametrize("corpus", ["", "toy"])
def test_without_caches_the_error_advises_a_command(tmp_path, corpus):
    with pytest.raises(
        FileNotFoundError, match="no embeddings below .*, for example: "
    ):
        choose(tmp_path / "nowhere", corpus=corpus, named=FREE)


def test_several_corpora_require_a_name(tmp_path):
    text, other = fill(tmp_path), fill(tmp_path, of=OTHER)
    with pytest.raises(ValueError, match="of other, toy; choose one with --corpus"):
        choose(tmp_path, named=FREE)
    assert paths(choose(tmp_path, corpus="toy", named=FREE)) == {"text": text}
    assert paths(choose(tmp_path, corpus="other", named=FREE)) == {"text": other}
    with pytest.raises(ValueError, match="'none' is not in .*; there are other, toy"):
        choose(tmp_path, corpus="none", named=FREE)


def test_embeddings_without_a_corpus_table_require_a_name(tmp_path):
    text, other = fill(tmp_path), fill(tmp_path, of=OTHER)  # a teacher's, by distil
    (text.parent / "corpus.json").write_text("{}")
    assert paths(choose(tmp_path, named=FREE)) == {"text": text}
    assert paths(choose(tmp_path, corpus="other", named=FREE)) == {"text": other}


def test_several_caches_require_a_name(tmp_path):
    mean, frames = fill(tmp_path), fill(tmp_path, of=FRAMES)
    digests = [RECIPE.digest(), FRAMES.digest()]
    with pytest.raises(ValueError, match="there are 2 text caches; .*--text") as caught:
        choose(tmp_path, named=FREE)
    assert all(digest in str(caught.value) for digest in digests)
    for path, digest in zip((mean, frames), digests, strict=True):
        for name in (digest, digest[:6], path.name):
            assert paths(choose(tmp_path, named={"text": (name,)})) == {"text": path}


def test_an_unknown_cache_name_lists_the_caches(tmp_path):
    fill(tmp_path)
    with pytest.raises(
        ValueError, match=f"'zzz'; there are 1, of tiny\n  --text {RECIPE.digest()}"
    ):
        choose(tmp_path, named={"text": ("zzz",)})
    with pytest.raises(ValueError, match="no audio cache 'zzz'; there are 0"):
        choose(tmp_path, named={"audio": ("zzz",)})


def of(checkpoint, **changes):
    return recipe(checkpoint=checkpoint, weights=checkpoint, **changes)


@pytest.mark.parametrize(
    ("name", "checkpoint"),
    [
        ("mini", "mini"),
        ("facebook/beef", "facebook/beef"),
        ("beef", "facebook/beef"),  # which is no beginning of a digest then
        ("abc", "abc"),
    ],
)
def test_a_cache_is_selected_by_its_checkpoint(tmp_path, name, checkpoint):
    names = ("tiny", "mini", "facebook/beef", "abc")
    made = {each: fill(tmp_path, of=of(each)) for each in names}
    assert paths(choose(tmp_path, named={"text": (name,)})) == {
        "text": made[checkpoint]
    }


@pytest.mark.parametrize("known", [True, False], ids=["provenance", "none"])
def test_a_cache_is_selected_by_its_checkpoint_folder(tmp_path, known, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, other = Path("models/small"), Path("elsewhere/small")
    for each in (folder, other):
        each.mkdir(parents=True)
    made = fill(tmp_path, of=of("small"))
    fill(tmp_path, of=of("tiny"))
    if known:
        call = {
            **dict.fromkeys(
                provenance.FLAGS.keys() - {*provenance.OPTIONAL_FIELDS}, ""
            ),
            **dict.fromkeys(("batch", "threads", "limit", "scale", "nature", "table")),
            **dict.fromkeys(("root", "block_seconds", "max_seconds", "dominance")),
            **dict.fromkeys(("columns", "revision", "layers", "pooling"), []),
            **{"corpus": "demo", "head": False, "modalities": ["text"]},
            "text_checkpoint": str(folder.resolve()),
        }
        provenance.path(made).write_text(json.dumps(call), encoding="utf-8")
    for name in ("models/small", "./models/small/", str(folder.resolve()), "small"):
        assert paths(choose(tmp_path, named={"text": (name,)})) == {"text": made}
    named = {"text": (str(other),)}
    if known:  # it is known to be another one
        with pytest.raises(ValueError, match="no text cache 'elsewhere/small'"):
            choose(tmp_path, named=named)
    else:
        assert paths(choose(tmp_path, named=named)) == {"text": made}


def test_an_unknown_checkpoint_is_not_read_as_a_digest(tmp_path):
    fill(tmp_path, of=of("mini"))
    fill(tmp_path)
    named = {"text": (f"facebook/wav2vec2-{RECIPE.digest()[:2]}",)}
    with pytest.raises(ValueError, match="there are 2, of mini, tiny"):
        choose(tmp_path, named=named)
    with pytest.raises(ValueError, match="of mini, tiny; did you mean 'mini'?"):
        choose(tmp_path, named={"text": ("mimi",)})


def test_caches_of_one_checkpoint_are_listed_with_differences(tmp_path):
    other = {"layers": (2,)}
    recipes = [of("mini"), of("mini", **other), of("mini", **other, head=("valence",))]
    for each in recipes:
        fill(tmp_path, of=each)
    fill(tmp_path)
    with pytest.raises(ValueError, match="there are 3 text caches of 'mini'") as caught:
        choose(tmp_path, named={"text": ("mini",)})
    lines = {line.split()[1]: line for line in str(caught.value).split("\n")[1:]}
    assert list(lines) == sorted(r.digest() for r in recipes)
    for each in recipes:
        assert lines[each.digest()].startswith(f"  --text {each.digest()} ")
        assert paths(choose(tmp_path, named={"text": (each.digest(),)}))
    assert "layers 1,2" in lines[recipes[0].digest()]
    assert lines[recipes[0].digest()].endswith("utterances")
    assert lines[recipes[1].digest()].endswith(", head no")
    assert lines[recipes[2].digest()].endswith(", head yes")


def test_a_checkpoint_selects_the_current_cache(tmp_path):
    old, new = fill(tmp_path), fill(tmp_path, of=recipe(content="repaired"))
    os.utime(old, (1000, 1000))
    assert paths(choose(tmp_path, named={"text": ("tiny",)})) == {"text": new}


def test_a_superseded_cache_is_selected_only_by_digest(tmp_path):
    old, new = fill(tmp_path), fill(tmp_path, of=recipe(content="repaired"))
    os.utime(old, (1000, 1000))
    assert paths(choose(tmp_path, named=FREE)) == {"text": new}
    named = {"text": (RECIPE.digest(),)}
    assert paths(choose(tmp_path, named=named)) == {"text": old}


def test_an_unfinished_cache_is_refused(tmp_path):
    fill(tmp_path, rows=(2, 1), planned=5)
    with pytest.raises(ValueError, match="is unfinished: 2 of 5 parts are there; rep"):
        choose(tmp_path, named=FREE)


def test_damage_affects_only_its_corpus(tmp_path):
    broken, other = fill(tmp_path), fill(tmp_path, of=OTHER)
    parts.part_path(broken, 0).write_bytes(b"")
    with pytest.raises(ValueError, match="part-00000.h5 is damaged"):
        choose(tmp_path, corpus="toy", named=FREE)
    assert paths(choose(tmp_path, corpus="other", named=FREE)) == {"text": other}


def test_a_cache_description_has_its_distinguishing_fields(tmp_path):
    line = describe(store.read_headers(fill(tmp_path, of=AUDIO)))
    assert line == (
        f"{AUDIO.digest()}  toy audio  tiny@01234567 layers 1,2, mean, float32  "
        f"3 utterances"
    )


def test_cache_list_describes_every_cache_and_its_state(tmp_path):
    old = fill(tmp_path, of=recipe(content="old"), rows=(2, 1))
    os.utime(old, (1000, 1000))
    fill(tmp_path, rows=(2, 1))
    fill(tmp_path, of=AUDIO, rows=(2,), planned=4)
    broken = fill(tmp_path, of=OTHER)
    flip(parts.part_path(broken, 1), place=0)
    lines = {line.split(" ")[0]: line for line in listing(tmp_path)}
    assert len(lines) == 4
    assert lines[RECIPE.digest()].endswith("3 utterances")
    assert lines[recipe(content="old").digest()].endswith("3 utterances  superseded")
    assert lines[AUDIO.digest()].endswith("2 utterances  1/4 parts")
    assert "is damaged" in lines[str(parts.part_path(broken, 1))]


def test_an_empty_cache_list_advises_a_command(tmp_path):
    (line,) = listing(tmp_path)
    command = example(tmp_path)
    assert line == (
        f"no embeddings below {tmp_path}; extract some, for example: {command}"
    )


def test_only_requested_modalities_require_a_selection(tmp_path):
    text = fill(tmp_path)
    fill(tmp_path, of=AUDIO)
    fill(tmp_path, of=recipe(modality="audio", encoder="wav2vec2", revision="other"))
    chosen = choose(tmp_path, named=FREE, modalities=("text",))
    assert paths(chosen) == {"text": text}


def test_a_modality_without_a_cache_is_named(tmp_path):
    fill(tmp_path)
    with pytest.raises(ValueError, match="corpus 'toy' has no audio embeddings"):
        choose(tmp_path, named=FREE, modalities=("audio",))


def test_a_cache_of_an_equal_recipe_is_selected(tmp_path):
    fill(tmp_path)
    frames = fill(tmp_path, of=FRAMES)
    like = {"text": recipe(**{**vars(FRAMES), "corpus": "far", "content": "away"})}
    assert paths(choose(tmp_path, named=FREE, recipes=like)) == {"text": frames}


def test_features_without_weights_join_the_only_other_encoder(tmp_path):
    audio = fill(tmp_path, of=AUDIO)
    facts = {"encoder": "acoustic", "checkpoint": "acoustic", "modality": "audio"}
    acoustic = fill(tmp_path, of=recipe(**facts, inputs={"features": 2}))
    (joined,) = choose(tmp_path, named=FREE).values()
    assert {cache.path for cache in joined} == {audio, acoustic}
    (alone,) = choose(tmp_path, named={"audio": ("acoustic",)}).values()
    assert [cache.path for cache in alone] == [acoustic]
    assert selection(tmp_path, {"audio": audio}).audio == ()
    fill(tmp_path, of=recipe(modality="audio", encoder="wav2vec2", checkpoint="other"))
    with pytest.raises(ValueError, match="there are 2 audio caches; choose one"):
        choose(tmp_path, named=FREE)
