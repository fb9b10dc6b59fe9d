"""Upload and download of bundles, with a stand-in for the hub's HTTP calls."""

import hub_server
import pytest
import small_bundles
from huggingface_hub import constants
from trained_runs import file_contents

from affuse.extract.inference import model_sources
from affuse.extract.inference.hub_bundles import (
    demand_hub_name,
    fetch_bundle,
    holds_bundle,
    push_bundle,
)
from affuse.extract.inference.model_sources import ModelRequest
from affuse.fuse.bundles.bundle_reading import read_bundle

NAME = "me/toy"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return small_bundles.make(tmp_path_factory.mktemp("made"))[1]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_server.serve(monkeypatch, tmp_path / "hub") as server:
        yield server


def test_a_bundle_that_was_pushed_is_fetched_and_read(bundle, hub):
    address = push_bundle(bundle, NAME)
    assert address.endswith(f"/{NAME}")
    assert hub.visibility == {NAME: "private"}
    expected = {path.as_posix(): text for path, text in file_contents(bundle).items()}
    assert hub.files[NAME] == expected
    assert holds_bundle(NAME)
    fetched = fetch_bundle(NAME)
    assert file_contents(fetched) == file_contents(bundle)
    assert read_bundle(fetched).info.design == "early"


def test_predict_opens_a_bundle_by_its_name_on_the_hub(bundle, hub, monkeypatch):
    push_bundle(bundle, NAME)
    monkeypatch.setattr(model_sources, "load_recorded", lambda *_: {})
    model = model_sources.open_model(ModelRequest(NAME))
    assert (model.facts.corpus, model.facts.models) == ("toy", 10)


def test_files_of_an_earlier_version_are_removed(bundle, hub):
    hub.files[NAME] = {"models/9/seed-0/model.json": b"{}", ".gitattributes": b""}
    push_bundle(bundle, NAME)
    assert "models/9/seed-0/model.json" not in hub.files[NAME]
    assert ".gitattributes" in hub.files[NAME]


def test_files_that_may_hold_code_are_not_fetched(bundle, hub):
    push_bundle(bundle, NAME)
    hub.files[NAME] |= {"modeling.py": b"", "encoders/text-0/pytorch_model.bin": b""}
    hub.files[NAME][".gitattributes"] = b""
    fetched = fetch_bundle(NAME)
    assert not any("pytorch" in c or "modeling" in c for c in hub.calls)
    assert read_bundle(fetched).info.design == "early"


def test_a_fetched_bundle_is_used_without_the_hub(bundle, hub, monkeypatch):
    push_bundle(bundle, NAME)
    first = fetch_bundle(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert holds_bundle(NAME)
    assert fetch_bundle(NAME) == first


def test_without_the_hub_an_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert not holds_bundle(NAME)
    sentence = "cannot fetch the bundle 'me/toy': the hub cannot be reached"
    with pytest.raises(ValueError, match=sentence):
        fetch_bundle(NAME)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("me/other", "it is no bundle, because it has no bundle.json"),
        ("me/nothing", "there is no such repository, or it is private; log in"),
    ],
)
def test_a_repository_that_is_no_bundle_is_refused(hub, name, sentence):
    hub.files["me/other"] = {"config.json": b"{}"}
    assert not holds_bundle(name)
    with pytest.raises(ValueError, match=sentence):
        fetch_bundle(name)


def test_an_upload_without_a_token_is_refused(bundle, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "nowhere")
    with pytest.raises(ValueError, match="cannot upload the bundle.*hf auth login"):
        push_bundle(bundle, NAME)


@pytest.mark.parametrize("name", ["a/b/c", "me/my model", "--x"])
def test_an_invalid_name_of_a_repository_is_refused(name):
    with pytest.raises(ValueError, match="is no name of a repository"):
        demand_hub_name(name)
