import csv
import io
import json
import wave

import pytest
from cli_calls import call, commands, error_sentence
from small_caches import fill, flip, recipe

from affuse.data.cache import parts
from affuse.data.corpora import iemocap, manifest
from affuse.data.reading.corpus_csv import COLUMNS

TINY = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny", "--threads", "1")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Folder with samples of two corpora, which no test may change."""
    root = tmp_path_factory.mktemp("corpora")
    for name, reader in {"iemocap": iemocap, "manifest": manifest}.items():
        (root / name).mkdir()
        reader.sample(root / name)
    return root


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_help(words):
    result = call(*words, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")
    assert "--help" in result.output
    lines = [line.rstrip() for line in result.output.splitlines()]
    assert max(map(len, lines)) <= 100


def test_documented_commands_exist():
    known = {" ".join(words) for words in commands()}
    promised = {"check", "extract", "train", "report", "cache list", "cache verify"}
    promised |= {"cache repair"}
    promised |= {"sample", "utterances", "predict", "calibrate", "sweep"}
    assert promised <= known


def test_check_passes_a_corpus_without_problems(corpora):
    result = call("check", "manifest", corpora / "manifest")
    assert result.exit_code == 0
    assert result.output.startswith("manifest (synthetic): 30 utterances of 6 speakers")


def test_check_fails_if_counts_differ_from_the_published_ones(corpora):
    result = call("check", "iemocap", corpora / "iemocap", "--no-audio")
    assert result.exit_code == 1
    assert result.output.startswith("iemocap (synthetic): 194 utterances of 10 speake")
    assert "50 of 50 counts are not as published:" in result.output


def test_check_prints_json(corpora):
    result = call("check", "manifest", corpora / "manifest", "--json")
    found = json.loads(result.output)
    assert (found["utterances"], found["clean"]) == (30, True)
    (reason,) = {problem["reason"] for problem in found["problems"]}
    assert reason.startswith("the text is empty, so text encoders read the empty sent")
    assert [problem["fatal"] for problem in found["problems"]] == [False] * 6
    result = call("check", "iemocap", corpora / "iemocap", "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert {count["what"]: count["found"] for count in found["counts"]}["wavs"] == 194


def test_check_names_problems_and_fails(tmp_path):
    assert call("sample", "manifest", tmp_path / "own").exit_code == 0
    (tmp_path / "own" / "wav" / "ann.wav").unlink()
    result = call("check", "manifest", tmp_path / "own")
    assert result.exit_code == 1
    # the transcripts of ann stay; two of her four turns have text, but no audio
    assert "problems:\n  table.csv:2" in result.output
    assert "audio file 'wav/ann.wav' not found" in result.output


@pytest.mark.parametrize(("name", "count"), [("iemocap", 194), ("manifest", 30)])
def test_utterances_are_written_as_csv(corpora, tmp_path, name, count):
    file = tmp_path / "found.csv"
    shown = call("utterances", name, corpora / name)
    assert shown.exit_code == 0
    assert call("utterances", name, corpora / name, "--output", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == shown.stdout
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert len(rows) == count
    more = ("emotion",) if name == "iemocap" else ()  # a column without a role
    assert tuple(rows[0]) == (*COLUMNS, *more)


@pytest.fixture
def twice_rated(tmp_path):
    """Sample of IEMOCAP with two different ratings of one turn, and id of that turn."""
    iemocap.sample(tmp_path)
    path = next(tmp_path.rglob("EmoEvaluation/*.txt"))
    text = path.read_text(encoding="utf-8")
    start = text.index("\n[") + 1
    block = text[start : text.find("\n[", start)].rstrip("\n")
    head, mark, ratings = block.partition("\t[")
    assert mark
    again = f"{head}\t[4.2500, 4.2500, 4.2500]{ratings[ratings.index(']') + 1 :]}"
    path.write_text(f"{text.rstrip()}\n\n{again}\n", encoding="utf-8")
    return tmp_path, head.split("\t")[1]


def test_check_and_utterances_name_a_turn_with_two_ratings(twice_rated):
    root, name = twice_rated
    done = call("utterances", "iemocap", root)
    assert done.exit_code == 1
    assert name in done.stderr
    assert "contradicts" in done.stderr
    assert "which was kept" in done.stderr
    assert done.stdout.startswith("id,speaker")
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == 194
    checked = call("check", "iemocap", root, "--no-audio")
    assert "contradicts" in checked.output


def test_a_sample_overwrites_nothing(tmp_path):
    result = call("sample", "iemocap", tmp_path / "new")
    assert (result.exit_code, result.output.split(" in ")[0]) == (
        0,
        "194 synthetic utterances",
    )
    assert "is not empty; name a new folder" in error_sentence(
        call("sample", "iemocap", tmp_path / "new")
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("check", "iemocap", "nowhere"), "no IEMOCAP in nowhere"),
        (("utterances", "manifest", "nowhere"), "nowhere not found"),
        (("extract", "emobank", "nowhere"), "nowhere"),
        (("train", "--fusion", "early", "--cache", "nowhere"), "no embeddings below"),
        (("report", "--runs", "nowhere"), "nowhere"),
        (("predict", "nowhere", "--cache", "nowhere"), "nowhere"),
    ],
)
def test_an_error_is_printed_as_one_sentence(tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    found = error_sentence(call(*words))
    assert sentence in found
    assert "\n" not in found
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("check", "manifest", "nowhere", "--map", "valence"), "write ROLE=COLUMN"),
        (("check", "iemocap", "nowhere", "--scale", 1, 5), "does not take --scale"),
    ],
)
def test_a_usage_error_is_printed_as_one_sentence(words, sentence):
    assert sentence in error_sentence(call(*words), status=2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("extract", "none", "nowhere"), "'none' is not one of 'demo', 'emobank'"),
        (("train",), "Missing option '--fusion'"),
        (("train", "--fusion", "early", "--seeds", 0), "0 is not in the range x>=1"),
        (("check", "manifest", "x", "--nature", "alien"), "'alien' is not one of"),
    ],
)
def test_a_wrong_option_has_exit_status_2(words, sentence):
    result = call(*words)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_debug_shows_the_traceback_of_an_error():
    result = call("--debug", "check", "iemocap", "nowhere")
    assert result.exit_code == 1
    assert isinstance(result.exception, FileNotFoundError)
    assert result.exc_info[2].tb_next is not None


def test_an_interruption_has_a_message_and_exit_status_130(monkeypatch):
    def interrupt(corpus, root):
        raise KeyboardInterrupt

    monkeypatch.setattr("affuse.data.reading.corpus_reading.sample", interrupt)
    result = call("sample", "iemocap", "nowhere")
    assert result.exit_code == 130
    assert "what is finished is kept, repeat to go on" in result.stderr


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_an_empty_cache_is_listed_and_has_nothing_to_verify(tmp_path, name):
    listed = call("cache", "list", "--cache", tmp_path / name)
    assert listed.exit_code == 0
    assert listed.output.startswith("no embeddings below ")
    done = call("cache", "verify", "--cache", tmp_path / name)
    assert "neither a cache nor a run below" in error_sentence(done)


def test_an_undamaged_cache_is_listed_and_verified(tmp_path):
    fill(tmp_path)
    listed = call("cache", "list", "--cache", tmp_path)
    assert (listed.exit_code, listed.output.count("\n")) == (0, 1)
    assert listed.output.startswith(f"{recipe().digest()}  toy text  tiny")
    verified = call("cache", "verify", "--cache", tmp_path)
    assert verified.exit_code == 0
    assert verified.output == f"2 parts below {tmp_path}, all intact\n"


def test_damaged_parts_are_listed_and_fail_the_verification(tmp_path):
    whole, broken = recipe(corpus="whole"), fill(tmp_path, rows=(1, 2, 3))
    fill(tmp_path, of=whole)
    parts.part_path(broken, 0).write_bytes(b"")
    flip(parts.part_path(broken, 2))
    listed = call("cache", "list", "--cache", tmp_path)
    assert listed.exit_code == 0
    assert listed.output.startswith(f"{whole.digest()}  whole text  tiny")
    assert "part-00000.h5 is damaged" in listed.output
    verified = call("cache", "verify", "--cache", tmp_path)
    assert verified.exit_code == 1
    *faults, summary = verified.output.splitlines()
    assert len(faults) == 2
    assert summary == f"5 parts below {tmp_path}, 2 damaged or missing"
    assert "part-00000.h5 is damaged" in verified.output
    assert "part-00002.h5 is damaged" in verified.output


def test_extraction_is_not_repeated_and_its_caches_are_listed(corpora, tmp_path):
    cache = tmp_path / "cache"
    words = ("extract", "iemocap", corpora / "iemocap", *TINY, "--cache", cache)
    first = call(*words, "--name", "sample")
    assert first.exit_code == 0, first.output
    assert "audio: 194 utterances in" in first.stdout
    assert "next: python cli.py train --fusion early" in first.stdout
    made = {path: path.stat().st_mtime_ns for path in cache.glob("*/*/*.h5*")}
    assert call(*words, "--name", "sample").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in cache.glob("*/*/*.h5*")} == made
    listed = call("cache", "list", "--cache", cache).output.splitlines()
    assert [line.split()[1:4] for line in listed] == [
        ["sample", "audio", "tiny"],
        ["sample", "text", "tiny"],
    ]
    assert all(line.endswith("194 utterances") for line in listed)
    assert call("cache", "verify", "--cache", cache).exit_code == 0


def test_recordings_that_cannot_be_encoded_are_reported_and_others_encoded(tmp_path):
    root, cache = tmp_path / "own", tmp_path / "cache"
    root.mkdir()
    manifest.sample(root)
    (root / "wav" / "ben.wav").write_bytes(b"no audio")
    result = call("extract", "manifest", root, *TINY, "--cache", cache)
    assert result.exit_code == 1
    assert "audio: 20 utterances in" in result.stdout
    report = (cache / "own" / "problems.csv").read_text(encoding="utf-8")
    assert report.count("left out,wav/ben.wav") == 4


@pytest.mark.parametrize("name", ["../out", "a b"])
def test_a_corpus_name_that_is_no_folder_name_is_refused(corpora, tmp_path, name):
    words = ("extract", "iemocap", corpora / "iemocap", *TINY, "--name", name)
    found = error_sentence(call(*words, "--cache", tmp_path / "cache"))
    assert "becomes a folder: use letters" in found
    assert not list(tmp_path.iterdir())


def test_a_design_of_one_modality_is_trained_calibrated_and_swept(tmp_path, caplog):
    lines = ["file,text,speaker,valence"]
    for i in range(60):
        lines.append(f",{'good' if i % 2 else 'bad'} {i},s{i % 3},{1 + 4 * (i % 2)}")
    path = tmp_path / "own.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    sound = tmp_path / "tone.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(range(250)) * 64)
    path.write_text("\n".join([*lines, "tone.wav,NaN,s0,3"]), encoding="utf-8")
    cache, runs = tmp_path / "cache", tmp_path / "runs"
    tiny = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny")
    made = call("extract", "manifest", path, "--scale", 1, 5, "--cache", cache, *tiny)
    assert made.exit_code == 0, made.output
    where = ("--cache", cache, "--runs", runs, "--set", "epochs=2")
    done = call("train", "--fusion", "text", "--folds", 3, "--seeds", 1, *where)
    assert done.exit_code == 0, done.output
    assert "; 60 utterances" in done.output
    assert "Protocol speakers: 3 speakers in 3 groups of 1" in done.output
    (run,) = runs.iterdir()
    caplog.clear()
    said = call("predict", run, "--cache", cache)
    assert said.stdout.startswith(
        "id,valence,valence_deviation,valence_1_to_5,valence_deviation_1_to_5,"
        "trained_on,file,start,end\n"
    )
    assert said.stdout.count(",2,,,\n") == 60  # of three models, one tests it
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("60 of 60 utterances were in the training")
    assert said.stdout.count("\n") == 61
    assert call("calibrate", run).exit_code == 0
    said = call("predict", run, "--cache", cache, "--calibrated")
    names = "valence,valence_deviation,valence_calibrated,valence_low,valence_high"
    again = ",".join(f"{name}_1_to_5" for name in names.split(","))
    assert said.stdout.startswith(f"id,{names},{again},trained_on,file,start,end\n")
    where = (*where, "--folds", 3, "--seeds", 1, "--sweeps", tmp_path / "sweeps")
    swept = call("sweep", "--fusion", "text", "--grid", "latent=4,8", *where)
    assert swept.exit_code == 0, swept.output
    assert "Protocol speakers: 3 speakers in 3 groups of 1" in swept.output
    (line,) = (s for s in swept.output.splitlines() if s.startswith("next: "))
    assert line.startswith("next: python cli.py train --fusion text ")
    assert " --experiment " in line


def test_a_corpus_without_speakers_or_splits_cannot_be_trained_on(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("text,valence\ngood,5\nbad,1\n", encoding="utf-8")
    where = ("--cache", tmp_path / "cache")
    made = ("--scale", 1, 5, "--text-checkpoint", "tiny", *where)
    assert call("extract", "manifest", path, *made).exit_code == 0
    done = call("train", "--fusion", "text", *where)
    assert done.exit_code == 1
    assert "neither speakers nor a split" in done.stderr


def test_utterances_never_replaces_a_table_of_the_user(tmp_path):
    table = tmp_path / "own.csv"
    table.write_text("id,text\na,hi\n", encoding="utf-8")
    result = call("utterances", "manifest", table, "--output", table)
    assert result.exit_code == 2
    assert "exists and holds another table; name another file" in result.output
    assert table.read_text(encoding="utf-8") == "id,text\na,hi\n"
    for _ in range(2):  # its own output may be replaced
        done = call("utterances", "manifest", table, "--output", tmp_path / "out.csv")
        assert done.exit_code == 0, done.output


def test_utterances_replaces_its_table_that_a_spreadsheet_saved(tmp_path):
    table, output = tmp_path / "own.csv", tmp_path / "out.csv"
    table.write_text("id,text\na,hi\n", encoding="utf-8")
    command = ("utterances", "manifest", table, "--output", output)
    assert call(*command).exit_code == 0
    first, *rows = output.read_text(encoding="utf-8").splitlines()
    header = ",".join(f'"{name}"' for name in first.split(","))
    output.write_text("\r\n".join((header, *rows)), encoding="utf-8-sig")
    assert call(*command).exit_code == 0
    output.write_text("\nid,text\na,hi\n", encoding="utf-8")
    assert call(*command).exit_code == 2
    output.write_bytes(b"\0\xff\n" * 100_000)
    assert call(*command).exit_code == 2
