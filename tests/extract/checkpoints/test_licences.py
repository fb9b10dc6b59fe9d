from types import SimpleNamespace

import pytest
from learnable_corpus import recipe

from affuse.extract.checkpoints import licences

CARD = "---\nlibrary_name: transformers\nlicense: {}\n---\n\nlicense: mit\n"


@pytest.mark.parametrize(
    ("name", "modality", "licence"),
    [
        ("mini", "audio", "mit"),
        ("mini", "text", "apache-2.0"),
        ("distilbert-base-uncased", "text", "apache-2.0"),
        (licences.SHORT["audeering"], "audio", "cc-by-nc-sa-4.0"),
        ("eGeMAPSv02", "audio", "other"),
    ],
)
def test_licences_of_common_encoders_are_known(name, modality, licence):
    assert licences.find_licence(recipe(modality, checkpoint=name), None) == licence


@pytest.mark.parametrize(
    ("file", "text", "licence"),
    [
        ("README.md", CARD.format("CC-BY-NC-4.0"), "cc-by-nc-4.0"),
        ("README.md", CARD.format("'apache-2.0'"), "apache-2.0"),
        ("README.md", "license: mit\n", ""),
        ("README.md", "---\nname: x\n---\nlicense: mit\n", ""),
        ("LICENSE", "\nMIT License\n\nCopyright", "mit"),
        ("LICENSE.txt", "   Apache License\n   Version 2.0", "apache-2.0"),
        ("LICENSE", "All rights reserved.", ""),
    ],
)
def test_a_licence_is_read_from_the_card_or_the_file(tmp_path, file, text, licence):
    (tmp_path / file).write_text(text)
    assert licences.find_licence(recipe("audio", checkpoint="x"), tmp_path) == licence


def test_the_licence_of_a_commit_is_read_on_the_hub(tmp_path, monkeypatch):
    card = tmp_path / "hub" / "README.md"
    card.parent.mkdir()
    card.write_text(CARD.format("openrail"))
    calls = []

    def download(*words, **options):
        calls.append(SimpleNamespace(words=words, options=options))
        return str(card)

    monkeypatch.setattr(licences, "hf_hub_download", download)
    named = recipe("audio", checkpoint="me/mine", revision="0123abc")
    (tmp_path / "empty").mkdir()
    assert licences.find_licence(named, tmp_path / "empty") == "openrail"
    assert calls[0].words == ("me/mine", "README.md")
    assert calls[0].options == {"revision": "0123abc"}


def test_a_hub_that_is_not_reached_states_no_licence(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(licences, "hf_hub_download", fail)
    named = recipe("audio", checkpoint="me/mine", revision="0123abc")
    assert licences.find_licence(named, tmp_path) == ""


@pytest.mark.parametrize("name", ["", "other", "unknown", "proprietary", "mit-like"])
def test_unknown_licences_permit_no_redistribution(name):
    assert not licences.permits_redistribution(name, changed=False)


@pytest.mark.parametrize(
    ("names", "licence"),
    [
        (["mit", "apache-2.0"], "other"),
        (["mit", "cc-by-nc-4.0", "apache-2.0"], "cc-by-nc-4.0"),
        (["mit", ""], "unknown"),
        (["cc-by-nc-4.0", ""], "other"),
    ],
)
def test_a_restricted_licence_is_inherited(names, licence):
    assert licences.inherited(names) == licence
