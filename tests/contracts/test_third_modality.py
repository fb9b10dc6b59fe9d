"""Third modality from plug-in files: its record, its encoder, and all commands.

The inputs are arrays in files, which a column of a manifest names.
"""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from random_damage import call

from affuse.data import plugin_kinds, plugins
from affuse.data.cache import cache_selection, provenance, store
from affuse.data.corpora import manifest
from affuse.data.errors import AffuseError, OptionError
from affuse.data.modality import InputFacts, Modality, modality_named, modality_names
from affuse.data.options.extraction_options import Extract
from affuse.data.options.training_options import Train
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Corpus, Utterance
from affuse.extract.caching import encoder_inputs
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.checkpoints import checkpoint_files
from affuse.extract.commands import encoding_choices, next_commands
from affuse.extract.encoding import encoder_revisions
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.encoder_loading import load, make_recipe, named_encoders
from affuse.extract.finetune.trainable_modalities import modalities_to_train
from affuse.extract.parallel.shards import reduce_source

MODALITY = """
import numpy as np
from affuse.data.modality import InputFacts, Modality, file_in_column
from affuse.data.system import digests


def inspect(path):
    frames = np.load(path, mmap_mode="r", allow_pickle=False)
    return InputFacts(digests.digest(path)[:32], float(len(frames)))


def read(path):
    return np.load(path, allow_pickle=False)


MODALITY = Modality(
    name="face", unit="frame", noun="face track", encoder="landmarks", part_rows=8,
    part_size=1000.0, batch={"cpu": 64.0, "cuda": 64.0}, columns=("face",),
    source=file_in_column("face"), inspect=inspect, read=read,
)
"""
ENCODER = """
import numpy as np
import torch
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.encoding.headless_encoder import HeadlessEncoder
from affuse.extract.encoding.protocol import Prepared

MODALITY, CHECKPOINT, WIDTH = "face", "identity", 4


class Encoder(HeadlessEncoder):
    layers, inputs = (0,), {"width": WIDTH}

    def __init__(self, name, layers="last", device="cpu", dtype="float32"):
        self.checkpoint = Checkpoint(None, name, "", "")

    @classmethod
    def pretrained(cls, checkpoint, *, revision="", head=False, **options):
        cls.refuse_head(head)
        return cls(checkpoint, **options)

    @classmethod
    def tiny(cls, **options):
        return cls("tiny", **options)

    def prepare(self, source):
        return Prepared((source.astype(np.float32).reshape(-1),))

    def __call__(self, batch, each):
        return [each(torch.from_numpy(batch).reshape(len(batch), -1, WIDTH))]
"""
DESIGN = """
from affuse.fuse.models.designs._concatenated import Concatenated

MODALITIES = ("text", "face")


class Fusion(Concatenated):
    modalities = MODALITIES
"""
FILES = {
    (plugin_kinds.MODALITY_KIND, "face"): MODALITY,
    (plugin_kinds.ENCODER_KIND, "landmarks"): ENCODER,
    (plugin_kinds.DESIGN_KIND, "talkinghead"): DESIGN,
}
COUNT = 36
BROKEN, ABSENT, FACELESS = "u03", "u07", "u11"


@pytest.fixture(scope="module", autouse=True)
def face(tmp_path_factory):
    """Install three plug-in files in folders that are added to the package paths."""
    for (kind, name), content in FILES.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / f"{name}.py").write_text(content)
        importlib.import_module(kind.package).__path__.append(str(folder))
    yield
    for kind, name in FILES:
        importlib.import_module(kind.package).__path__.pop()
        sys.modules.pop(f"{kind.package}.{name}", None)


def write_corpus(folder):
    """Write texts, and tracks of two to four frames that depend on the ratings."""
    rng = np.random.default_rng(0)
    lines = [f"id,text,speaker,face,{','.join(RATINGS)}"]
    (folder / "faces").mkdir(parents=True)
    for row in range(COUNT):
        name, ratings = f"u{row:02d}", rng.integers(1, 6, 3)
        track = np.append(ratings, 1) + 0.1 * rng.normal(size=(2 + row % 3, 4))
        path = f"faces/{name}.npy"
        np.save(folder / path, track)
        if name == BROKEN:
            (folder / path).write_bytes(b"no array")
        if name == ABSENT:
            (folder / path).unlink()
        cell = "" if name == FACELESS else path
        spoken = " ".join(rng.choice(["good", "bad", "day", "so"], 3))
        cells = (name, spoken, f"s{row % 6}", cell, *ratings)
        lines.append(",".join(map(str, cells)))
    (folder / "table.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder in which commands from check to predict ran, and their outputs."""
    folder = tmp_path_factory.mktemp("work")
    write_corpus(folder / "faces")
    read = ("manifest", "faces", "--scale", "1", "5")
    quick = ("--seeds", "1", "--folds", "3", "--set", "epochs=2", "--set", "hidden=8")
    other = (
        "--modality",
        "face",
        "--checkpoint",
        "face=other",
        "--encoder",
        "landmarks",
    )
    return folder, {
        "check": call(folder, "check", *read),
        "extract": call(folder, "extract", *read, "--text-checkpoint", "tiny"),
        "list": call(folder, "cache", "list"),
        "train": call(folder, "train", "--fusion", "talkinghead", *quick),
        "ridge": call(folder, "train", "--fusion", "ridge", *quick),
        "report": call(folder, "report"),
        "verify": call(folder, "verify"),
        "again": call(folder, "extract", *read, *other),
        "ambiguous": call(folder, "train", "--fusion", "ridge", *quick),
        "joined": call(folder, "train", *BOTH, "--fusion", "talkinghead,ridge", *quick),
    }


BOTH = (
    *("--embeddings", "face=identity", "--embeddings", "face=other"),
    *("--set", "layers=face:other=last", "--runs", "joined"),
)


def said(folder, command, code=0):
    done = folder[1][command]
    assert (done.crash, done.code) == ("", code), done
    return done.out + done.err


def test_check_counts_inputs_and_names_unreadable_files(folder):
    out = said(folder, "check", 1)
    assert f"{COUNT} with text, {COUNT - 1} with face\n" in out
    assert f"faces/{BROKEN}.npy: cannot be read: " in out
    assert f"faces/{ABSENT}.npy: cannot be read: No such file" in out


def test_the_modality_is_extracted_with_the_others(folder):
    out = said(folder, "extract", 1)
    assert f"face: {COUNT - 3} utterances in " in out
    assert "frame/s)" in out
    assert "has no face track, so it is not in face" in out


def test_the_cache_of_the_modality_is_listed_and_verified(folder):
    (line,) = [x for x in said(folder, "list").split("\n") if " face " in x]
    assert "identity, code " in line
    assert f"{COUNT - 3} utterances" in line
    assert "damaged" not in said(folder, "verify")


def test_a_design_and_a_baseline_train_on_the_modality(folder):
    for command in ("train", "ridge"):
        assert "using " in said(folder, command)
        assert "left out: 3 with no face embedding" in said(folder, command)
    table = said(folder, "report")
    assert "talkinghead" in table
    assert "ridge" in table
    (run,) = (folder[0] / "runs").glob("*-ridge-*")
    assert json.loads((run / "run.json").read_text())["encoders"].keys() == {
        "face",
        "text",
    }


def test_runs_with_the_modality_predict(folder):
    (run,) = (folder[0] / "runs").glob("*-talkinghead-*")
    done = call(folder[0], "predict", f"runs/{run.name}")
    assert (done.crash, done.code) == ("", 0), done
    assert len(done.out.split("\n")) == COUNT - 3 + 2  # a header, and the last line end


def test_two_encoders_of_the_modality_are_joined(folder):
    said(folder, "joined")
    for design in ("talkinghead", "ridge"):
        (run,) = (folder[0] / "joined").glob(f"*-{design}-*")
        record = json.loads((run / "run.json").read_text())["encoders"]["face"]
        assert record["checkpoint"] == "identity + other"
        assert [len(each["layers"]) for each in record["encoders"]] == [1, 1]


def test_another_checkpoint_makes_another_cache_with_provenance(folder):
    assert f"face: {COUNT - 3} utterances in " in said(folder, "again", 1)
    cache = folder[0] / "cache"
    (found,) = [c for c in store.find(cache, "faces") if c.recipe.checkpoint == "other"]
    call = provenance.load(found.path)
    assert call.checkpoint("face") == "other"
    assert call.encoders == ("face=landmarks",)
    assert str(provenance.command(call, Path("cache"))).endswith(
        "--modality face --checkpoint face=other --encoder face=landmarks "
        "--layers all --pooling mean+std --dtype float32"
    )


def test_one_of_several_caches_is_selected_by_embeddings(folder):
    out = said(folder, "ambiguous", 2)
    assert (
        "there are 2 face caches; choose one with --embeddings face=DIGEST, or" in out
    )
    assert re.search(r"\n  --embeddings face=[0-9a-f]{12}  faces face  other, ", out)
    options = Train(designs=("ridge",), embeddings=("face=other",))
    chosen = cache_selection.choose(folder[0] / "cache", named=options.cache_names())
    assert chosen["face"][0].recipe.checkpoint == "other"
    again = cache_selection.selection(
        folder[0] / "cache", {"face": chosen["face"][0].path}
    )
    assert again.embeddings == ("face=other",)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["face"], "--checkpoint face: write MODALITY=NAME"),
        (["fac=x"], "no modality 'fac'; choose from audio, text, face; did you mean"),
        (["face=a", "face=b"], "--checkpoint face=b: face has two; leave one out"),
        (["text=b"], "--checkpoint text=b: --text-checkpoint a names another"),
        (["audio=b"], "'audio' is not encoded here, only text and face"),
    ],
)
def test_invalid_checkpoint_options_are_refused(values, reason):
    options = Extract(
        corpus="", text_checkpoint="a", other_checkpoints=tuple(values), device="cpu"
    )
    words = Utterance("a", text="so", columns={"face": "a.npy"})
    found = Corpus("toy", Path(), (words,), None, "speakers")
    with pytest.raises(OptionError, match=re.escape(reason)):
        encoding_choices.choices(found, options)


def test_the_next_command_suits_the_modalities():
    assert next_commands._design(["text"]) == "text"
    assert next_commands._design(["face"]) == "all"
    assert next_commands._design(["text", "face"]) == "all"
    assert next_commands._design(["audio", "text", "face"]) == "early"


def test_a_column_of_inputs_is_always_kept(tmp_path):
    rows = [f"u{row},word,{'deep/' * 30}{row}.npy" for row in range(1_100)]
    (tmp_path / "table.csv").write_text("\n".join(["id,text,face", *rows]) + "\n")
    found = manifest.read(tmp_path)
    assert found.utterances[0].columns == {"face": f"{'deep/' * 30}0.npy"}
    assert found.problems == ()
    assert "text from 'text', face from 'face'" in found.reading[0]


def test_a_row_with_only_the_third_modality_is_kept(tmp_path):
    rows = "id,text,face\na,,a.npy\nb,,\nc,word,\n"
    (tmp_path / "table.csv").write_text(rows)
    found = manifest.read(tmp_path)
    assert [u.id for u in found.utterances] == ["a", "c"]
    assert [p.reason for p in found.problems if p.fatal] == [
        "row has neither audio nor text"
    ]


@pytest.mark.parametrize("form", ["../out.npy", "{}/out.npy", "link.npy"])
def test_no_file_outside_the_corpus_is_opened(tmp_path, monkeypatch, form):
    root = tmp_path / "corpus"
    root.mkdir()
    np.save(tmp_path / "out.npy", np.ones(4))
    np.save(root / "in.npy", np.ones(4))
    (root / "link.npy").symlink_to("../out.npy")
    rows = f"id,text,face\na,one,{form.format(tmp_path)}\nb,two,{root}/in.npy\n"
    (root / "table.csv").write_text(rows)
    corpus = manifest.read(root)
    real, opened = np.load, []
    monkeypatch.setattr(np, "load", lambda p, **k: opened.append(p) or real(p, **k))
    sources, problems = encoder_inputs.find(
        corpus, "face", limit=None, threads=1, progress=False
    )
    assert [source.utterance.id for source in sources] == ["b"]
    (problem,) = problems
    assert problem.id == "a"
    assert "is not below the folder of the corpus" in problem.reason
    assert opened == [root / "in.npy"]


def test_other_processes_get_only_the_columns_of_the_modality():
    whole = Utterance("a", text="so", columns={"face": "a.npy"}, speaker="s")
    source = InputSource(whole, "0" * 32, 1.0)
    sent = reduce_source(source, "face").utterance
    assert sent == Utterance("a", columns={"face": "a.npy"})
    assert reduce_source(source, "text").utterance == Utterance("a", text="so")


def test_code_that_reads_inputs_is_part_of_the_recipe():
    choice = Choice("face")
    code = make_recipe("toy", choice, load(choice, Machine(threads=1)), "0").code
    assert re.fullmatch(r"code [0-9a-f]{12}, inputs code [0-9a-f]{12}", code)
    encoder_revisions.modality_code_identity.cache_clear()
    path = Path(plugins.load(plugin_kinds.MODALITY_KIND, "face").__file__)
    kept = path.read_text()
    try:
        path.write_text(kept + "\nSCALE = 2\n")
        other = make_recipe("toy", choice, load(choice, Machine(threads=1)), "0").code
    finally:
        path.write_text(kept)
        encoder_revisions.modality_code_identity.cache_clear()
    assert other.split(", ")[0] == code.split(", ")[0]
    assert other != code


def test_fine_tuning_the_modality_is_refused():
    with pytest.raises(AffuseError, match="takes face, and only encoders of"):
        modalities_to_train("talkinghead")


def test_the_modality_has_no_mini_encoder():
    with pytest.raises(AffuseError, match="no small encoder for face, so 'mini'"):
        checkpoint_files.find("mini", "", "face")


@pytest.mark.parametrize(
    ("values", "encoders"),
    [
        (["landmarks"], {"face": "landmarks"}),
        (
            ["text=distilbert", "face=landmarks"],
            {"text": "distilbert", "face": "landmarks"},
        ),
    ],
)
def test_an_encoder_is_chosen_by_name(values, encoders):
    assert named_encoders(values, ["text", "face"]) == encoders


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            ["landmark"],
            "no encoder has this name; choose from distilbert, landmarks; "
            "did you mean 'landmarks'?",
        ),
        (
            ["face=distilbert"],
            "no encoder of face has the name 'distilbert'; choose from landmarks",
        ),
        (["whisper"], "'audio' is not encoded here, only text and face"),
        (["landmarks", "face=landmarks"], "face has two; leave one out"),
    ],
)
def test_invalid_encoder_options_are_refused(values, reason):
    with pytest.raises(OptionError, match=re.escape(reason)):
        named_encoders(values, ["text", "face"])


def test_a_record_without_inspect_and_read_is_refused():
    facts = {"name": "x", "unit": "y", "noun": "z", "encoder": "e", "part_size": 1.0}
    more = {"batch": {"cpu": 1.0, "cuda": 1.0}, "source": lambda u, root: None}
    with pytest.raises(AffuseError, match="neither how its inputs are inspected nor"):
        Modality(**facts, **more)


@pytest.mark.parametrize("facts", [("0" * 31, 1.0), ("0" * 32, -1.0), ("", 0.0)])
def test_invalid_input_facts_are_refused(facts):
    with pytest.raises(AffuseError, match="its plug-in gives the digest"):
        InputFacts(*facts)


def test_a_modality_file_without_its_record_is_refused(monkeypatch):
    module = plugins.load(plugin_kinds.MODALITY_KIND, "face")
    monkeypatch.setattr(module, "MODALITY", modality_named("text"))
    with pytest.raises(AffuseError, match="the modality 'face' lacks its record"):
        modality_named("face")
    assert modality_names() == ("audio", "text", "face")
