"""A valid bundle predicts as its run does; a forged one ends in one sentence."""

import dataclasses
import json
import os
import pickle
import shutil

import numpy as np
import pytest
import small_bundles

from affuse.data.system.digests import MANIFEST, list_files
from affuse.fuse.bundles.bundle_reading import read_bundle
from affuse.fuse.calibration.applying import calibrate, calibrated_columns
from affuse.fuse.trained.prediction import load_run

MODEL = "models/0/seed-0"
LENGTH = 1_000  # characters of a sentence


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of a calibrated run and of its bundle; tests do not change them."""
    return small_bundles.make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def forged(made, tmp_path):
    """Copy of the bundle in another folder, to be edited."""
    return shutil.copytree(made[1], tmp_path / "forged")


def test_a_bundle_in_another_folder_predicts_as_its_run(made, forged):
    bundle = read_bundle(forged)
    available = {"": small_bundles.embeddings()}
    expected = load_run(made[0]).predict(available)
    # the caller compares encoders by the digests of their weights
    trained = next(iter(bundle.models.recipes.values()))
    renamed = {
        m: dataclasses.replace(e, recipe=trained[m])
        for m, e in small_bundles.embeddings().items()
    }
    applied = bundle.models.predict({"": renamed})
    assert applied.ids == expected.ids
    np.testing.assert_array_equal(applied.mean, expected.mean)
    columns = calibrate(bundle.calibrations, applied).columns
    for name, values in calibrated_columns(made[0], expected).items():
        np.testing.assert_array_equal(columns[name], values)
    (text,) = [e for e in bundle.info.encoders if e.modality == "text"]
    assert bundle.encoder_folders == {text.weights: f"{forged}/encoders/text-0"}


def test_hidden_files_beside_a_bundle_are_ignored(forged):
    (forged / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    (forged / ".git").mkdir()
    (forged / ".git" / "config").write_text("[core]\n")
    assert read_bundle(forged).info.design == "early"


def test_links_into_the_blobs_of_the_hubs_cache_are_followed(forged, tmp_path):
    snapshot = tmp_path / "models--me--toy" / "snapshots" / "0123abc"
    blobs = tmp_path / "models--me--toy" / "blobs"
    blobs.mkdir(parents=True)
    for number, path in enumerate(sorted(p for p in forged.rglob("*") if p.is_file())):
        blob = blobs / str(number)
        shutil.copy(path, blob)
        link = snapshot / path.relative_to(forged)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    assert read_bundle(snapshot).info.design == "early"


def flip(name):
    def edit(folder):
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return edit


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def listed(edit, *names):
    """Return an edit after which the digests are those of the edited files."""

    def make(folder):
        edit(folder)
        list_files(folder, names)

    return make


def put(name, change):
    """Return an edit of a JSON file whose digest is then that of the edited file."""

    def edit(folder):
        facts = json.loads((folder / name).read_text())
        change(facts)
        (folder / name).write_text(json.dumps(facts))

    return listed(edit, name)


def link(name, target):
    def edit(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return edit


def replace_digest(folder):
    text = (folder / MANIFEST).read_text().replace("0", "1", 1)
    (folder / MANIFEST).write_text(text)


def list_outside(folder):
    (folder.parent / "secret").write_text("secret")
    list_files(folder, ["../secret"])


def link_folder(folder):
    shutil.move(folder / "models", folder.parent / "elsewhere")
    (folder / "models").symlink_to(folder.parent / "elsewhere")


class Trap:
    """Object whose pickle creates a folder when it is loaded."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


FILES = (
    *("bundle.json", "calibration.json", "README.md", MANIFEST),
    *(f"{MODEL}/model.json", f"{MODEL}/model.safetensors"),
    *("encoders/text-0/config.json", "encoders/text-0/model.safetensors"),
)
OTHER = "encoders/text-0/pytorch_model.bin"
LINK = "encoders/text-0/config.json"
CASES = {
    **{f"a flipped bit in {name}": (flip(name), "") for name in FILES},
    **{f"{name} is missing": (remove(name), "") for name in FILES},
    "a wrong digest": (replace_digest, "is not as it was written"),
    "a pickle beside": (write(OTHER, pickle.dumps(Trap())), "a pickle"),
    "a pickle that is listed": (listed(write(OTHER, b""), OTHER), "a pickle"),
    "code": (write("encoders/text-0/modeling.py", b""), "not listed"),
    "code that is listed": (listed(write("a.py", b""), "a.py"), "which no bundle has"),
    "an unknown file": (
        write("notes.txt", b""),
        "notes.txt is not listed in SHA256SUMS; remove it if you added it, or copy or "
        "download it again",
    ),
    "weights that are none": (
        listed(
            write(f"{MODEL}/model.safetensors", b"no"), f"{MODEL}/model.safetensors"
        ),
        "copy or download the bundle again, or use the version",
    ),
    "an unlisted configuration": (
        write("encoders/text-0/adapter_config.json", b"{}"),
        "not listed",
    ),
    "a path that leads outside": (list_outside, "'../secret', which no bundle has"),
    "a link to a file": (link(LINK, "/etc/hostname"), "is a link"),
    "a link within": (link(LINK, "seen.json"), "is a link"),
    "a link to nothing": (link(LINK, "nothing"), "is a link"),
    "a linked folder": (link_folder, "is a link"),
    "a linked manifest": (link(MANIFEST, "/dev/zero"), "is a link"),
    "a foreign manifest": (
        write(MANIFEST, b"0" * 64 + b"  bundle.json\n"),
        "no SHA256SUMS of this project",
    ),
    "a later format": (
        put("bundle.json", lambda f: f.update(format=2)),
        "format is 2, not one of 1",
    ),
    "a description with another model": (
        put("bundle.json", lambda f: f["models"].append("models/9/seed-0")),
        "it lacks models/9/seed-0",
    ),
    "a model outside": (
        put("bundle.json", lambda f: f["models"].append("../../other")),
        "no folder of a model",
    ),
    "a description with fewer models": (
        put("bundle.json", lambda f: f["models"].pop(0)),
        f"does not describe {MODEL}",
    ),
    "an encoder outside": (
        put("bundle.json", lambda f: f["encoders"][0].update(folder="/etc")),
        "no folder of an encoder",
    ),
    "other weights of an encoder": (
        put("bundle.json", lambda f: f["encoders"][0].update(weights="f" * 16)),
        "has an encoder that bundle.json does not name",
    ),
    "other ratings": (
        put("bundle.json", lambda f: f.update(targets=["valence"])),
        "other ratings",
    ),
    "ratings in another order": (
        put("bundle.json", lambda f: f["targets"].reverse()),
        "not in the usual order",
    ),
    "a scale that falls": (
        put("bundle.json", lambda f: f.update(scale=[5, 1])),
        "does not rise",
    ),
    "a calibration of other models": (
        put("calibration.json", lambda f: f.update(seeds=[7])),
        "calibrated with",
    ),
    "a design of another model": (
        put(f"{MODEL}/model.json", lambda f: f.update(fusion="late")),
        "",
    ),
    "a model of another seed": (
        put(f"{MODEL}/model.json", lambda f: f.update(seed=1)),
        "another fold or seed",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_forged_bundle_is_refused_with_a_sentence(forged, name, monkeypatch):
    monkeypatch.chdir(forged.parent)
    edit, expected = CASES[name]
    edit(forged)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read_bundle(forged)
    sentence = str(error.value)
    assert expected in sentence
    assert "forged" in sentence
    assert "\n" not in sentence
    assert sentence.count(" again") <= 1  # one remedy
    assert len(sentence) < LENGTH
    assert not (forged.parent / "executed").exists()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere not found; name the folder"):
        read_bundle(tmp_path / "nowhere")
