import pytest
from irregular_files import KINDS, put_irregular_file

from affuse.data.errors import AffuseError
from affuse.data.rating_kinds import REHEARSAL, SIDECAR, state, stated
from affuse.data.records import NATURES


@pytest.mark.parametrize("nature", NATURES)
def test_what_was_stated_is_found(tmp_path, nature):
    state(tmp_path, nature)
    assert stated(tmp_path) == nature


def test_a_folder_that_says_nothing_is_of_people(tmp_path):
    assert stated(tmp_path) == "human"
    assert stated(tmp_path / "nowhere") == "human"
    (tmp_path / SIDECAR).write_text('{"scale": [1, 5]}')
    assert stated(tmp_path) == "human"


def test_a_rehearsal_is_synthetic_whatever_else_is_said(tmp_path):
    state(tmp_path, "human")
    (tmp_path / REHEARSAL).write_text("{}")
    assert stated(tmp_path) == "synthetic"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"synthetic"', b"\xff\xfe", b'{"nature": "alien"}']
    + [b'{"nature": null}', b'{"nature": ["human"]}', b'{"nature": "Human"}'],
)
def test_what_cannot_be_understood_is_not_taken_for_people(tmp_path, content):
    (tmp_path / SIDECAR).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{SIDECAR} should hold {{\"nature\""):
        stated(tmp_path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"scale": ' + b"9" * 5_000])
def test_what_would_be_a_traceback_is_a_sentence(tmp_path, content):
    (tmp_path / SIDECAR).write_bytes(content)
    with pytest.raises(AffuseError, match=f"{SIDECAR} should hold"):
        stated(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sidecar_that_is_no_file_is_not_taken_for_people(tmp_path, kind):
    put_irregular_file(tmp_path / SIDECAR, kind)
    with pytest.raises(AffuseError, match=f"{SIDECAR} is damaged: it is no regular fi"):
        stated(tmp_path)


def test_digests_that_a_corpus_was_released_with_do_not_matter(tmp_path):
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {SIDECAR}\n")
    state(tmp_path, "proxy")
    assert stated(tmp_path) == "proxy"
