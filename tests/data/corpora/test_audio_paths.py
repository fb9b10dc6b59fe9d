"""Audio paths of a table, names on the disk, and links."""

import unicodedata

import pytest
from manifest_tables import read, reasons, write


@pytest.mark.parametrize(
    "stem",
    [
        "Recording 10.30.15\u202fAM",  # what macOS writes before AM
        "no\xa0break",
        "क्\u200dष",  # a joiner that scripts of India need
        "zero\u200bwidth",
        "soft\xadhyphen",
        "wide\u3000blank",
    ],
)
def test_file_names_with_blanks_and_joiners_are_read(tmp_path, stem):
    name = f"{stem}.wav"
    corpus = read(tmp_path, f"file,text\n{name},kept\n", audio=[name])
    assert reasons(corpus) == []
    (found,) = corpus.utterances
    assert found.audio == tmp_path / name
    assert found.id.isprintable()


def test_unprintable_characters_of_ids_are_escaped_with_a_note(tmp_path):
    corpus = read(tmp_path, "id,text\na\xa0b,one\nc\u202fd,two\ne f,three\n")
    assert [u.id for u in corpus.utterances] == ["a\\xa0b", "c\\u202fd", "e f"]
    (note,) = corpus.problems
    assert not note.fatal
    assert "as in 'a\\xa0b' (rows: 2)" in note.reason.replace("\\\\", "\\")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x1b", "\u2028", "\x7f"])
def test_control_characters_in_audio_paths_are_refused(tmp_path, mark):
    name = f"a{mark}b.wav"
    corpus = read(tmp_path, f"file,text\n{name},kept\n", audio=[name])
    (reason,) = reasons(corpus)
    assert "unprintable characters" in reason
    assert "rename the file" in reason
    assert corpus.utterances[0].audio is None


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        ("wav/Jos\u00e9.wav", unicodedata.normalize("NFD", "wav/Jos\u00e9.wav")),
        ("Jos\u00e9/a.wav", unicodedata.normalize("NFD", "Jos\u00e9/a.wav")),
        ("a b.wav", "a\xa0b.wav"),
        ("ab.wav", "a\u200db.wav"),
        ("A.WAV", "a.wav"),
    ],
)
def test_the_error_names_a_file_that_looks_the_same(tmp_path, listed, there):
    corpus = read(tmp_path, f"file,text\n{listed},kept\n", audio=[there])
    (reason,) = reasons(corpus)
    assert f"the table has {ascii(listed)}, the disk has {ascii(there)}" in reason


def test_the_error_names_none_of_two_similar_files(tmp_path):
    corpus = read(tmp_path, "file,text\na b.wav,kept\n", audio=["A B.wav", "a  b.wav"])
    assert "copy it there, or correct the path" in reasons(corpus)[0]


def write_hub_cache(folder, repository="datasets--ann--voices"):
    """Write a data set in the layout of the Hugging Face cache, with links to blobs."""
    write(folder / repository, "", name="x", audio=["blobs/0a1b", "secret.wav"])
    snapshot = folder / repository / "snapshots" / "c0ffee"
    (snapshot / "wav").mkdir(parents=True)
    (snapshot / "a.wav").symlink_to("../../blobs/0a1b")
    (snapshot / "wav" / "b.wav").symlink_to("../../../blobs/0a1b")
    (snapshot / "out.wav").symlink_to("../../secret.wav")
    (snapshot / "up.wav").symlink_to("../../blobs/../secret.wav")
    return snapshot


def test_links_of_a_hugging_face_cache_are_followed(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    corpus = read(snapshot, "file\na.wav\nwav/b.wav\n")
    assert reasons(corpus) == []
    assert [u.audio for u in corpus.utterances] == [
        snapshot / "a.wav",
        snapshot / "wav/b.wav",
    ]


def test_a_table_below_a_snapshot_folder_is_read(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    assert reasons(read(snapshot / "wav", "file\nb.wav\n")) == []


def test_other_links_out_of_a_snapshot_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    found = reasons(read(snapshot, "file\nout.wav\nup.wav\n"))
    assert len(found) == 2
    assert all("leads out of the folder" in reason for reason in found)


def test_blobs_that_are_a_link_themselves_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    repository = tmp_path / "datasets--ann--voices"
    (repository / "blobs").rename(tmp_path / "elsewhere")
    (repository / "blobs").symlink_to(tmp_path / "elsewhere")
    (reason,) = reasons(read(snapshot, "file\na.wav\n"))
    assert "leads out of the folder" in reason


def test_links_of_the_same_layout_under_another_name_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path, "voices")
    (reason,) = reasons(read(snapshot, "file\na.wav\n"))
    assert "leads out of the folder" in reason


def absolute_reason(folder, cell):
    """Return the reason why an absolute path in a table of a folder is refused."""
    folder.mkdir(exist_ok=True)
    (reason,) = reasons(read(folder, f"file,text\n{cell},kept\n"))
    assert " is absolute, and only files below the folder of the table are" in reason
    return reason


def test_the_error_on_an_absolute_path_says_what_to_write(tmp_path):
    here, beside = tmp_path / "t", tmp_path / "clips" / "a.wav"
    assert absolute_reason(here, here / "wav" / "a.wav").endswith("; write 'wav/a.wav'")
    reason = absolute_reason(here, beside)
    assert reason.endswith(f" such as {str(tmp_path)!r}, and write 'clips/a.wav'")
    reason = absolute_reason(here, "/elsewhere/a.wav")
    assert reason.endswith("to a folder above its recordings, or copy them here")
