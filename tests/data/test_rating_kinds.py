import pytest
from irregular_files import KINDS, put_irregular_file

from affuse.data.errors import AffuseError
from affuse.data.rating_kinds import REHEARSAL, SIDECAR, read_nature, write_nature
from affuse.data.records import NATURES


@pytest.mark.parametrize("nature", NATURES)
def test_the_written_kind_of_ratings_is_read(tmp_path, nature):
    write_nature(tmp_path, nature)
    assert read_nature(tmp_path) == nature


def test_ratings_without_a_sidecar_are_human(tmp_path):
    assert read_nature(tmp_path) == "human"
    assert read_nature(tmp_path / "nowhere") == "human"
    (tmp_path / SIDECAR).write_text('{"scale": [1, 5]}')
    assert read_nature(tmp_path) == "human"


def test_a_rehearsal_tree_is_always_synthetic(tmp_path):
    write_nature(tmp_path, "human")
    (tmp_path / REHEARSAL).write_text("{}")
    assert read_nature(tmp_path) == "synthetic"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'"synthetic"', b"\xff\xfe", b'{"nature": "alien"}']
    + [b'{"nature": null}', b'{"nature": ["human"]}', b'{"nature": "Human"}'],
)
def test_an_invalid_sidecar_is_refused(tmp_path, content):
    (tmp_path / SIDECAR).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{SIDECAR} should hold {{\"nature\""):
        read_nature(tmp_path)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"scale": ' + b"9" * 5_000])
def test_a_malformed_sidecar_is_refused_with_a_message(tmp_path, content):
    (tmp_path / SIDECAR).write_bytes(content)
    with pytest.raises(AffuseError, match=f"{SIDECAR} should hold"):
        read_nature(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sidecar_that_is_no_regular_file_is_refused(tmp_path, kind):
    put_irregular_file(tmp_path / SIDECAR, kind)
    with pytest.raises(AffuseError, match=f"{SIDECAR} is damaged: it is no regular fi"):
        read_nature(tmp_path)


def test_a_manifest_released_with_a_corpus_is_ignored(tmp_path):
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {SIDECAR}\n")
    write_nature(tmp_path, "proxy")
    assert read_nature(tmp_path) == "proxy"
