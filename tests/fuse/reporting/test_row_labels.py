import dataclasses

import pytest
from report_runs import AUDIO, TEXT, info_of, save

from affuse.data.errors import AffuseError
from affuse.data.options.report_options import ReportContents
from affuse.data.runs import run_information
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands.report_command import collect
from affuse.fuse.reporting.rival_commands import BY_FOLD
from affuse.fuse.reporting.row_labels import describe, row_details

ACOUSTIC = {"checkpoint": "acoustic", "layers": [0], "pooling": "mean"}


def both(*members):
    """Return the record of joined encoders, as a run writes it."""
    names = " + ".join(member["checkpoint"] for member in members)
    return {"checkpoint": names, "encoder": "a + b", "encoders": list(members)}


def labels(tmp_path, *audio):
    """Return the labels of runs of one design that differ in their audio encoders."""
    runs = []
    for number, record in enumerate(audio):
        name = f"iemocap-early-session5-{number:08x}"
        info = info_of("early", name=name, encoders={"audio": record, "text": TEXT})
        save(tmp_path, info)
        runs.append(read_run(tmp_path / name))
    return row_details(runs)


def test_joined_encoders_are_all_described():
    assert describe("audio", both(ACOUSTIC, AUDIO)) == (
        "audio: acoustic, layer 0, mean pooling + hub/w2v2, layer 12, mean pooling"
    )


def test_a_label_names_all_encoders(tmp_path):
    found = labels(tmp_path, AUDIO, both(ACOUSTIC, AUDIO))
    assert found == [
        "w2v2, audio layer 12, audio mean",
        "acoustic + w2v2, audio layer 0 + layer 12, audio mean + mean",
    ]


def test_a_label_names_what_differs_between_joined_encoders(tmp_path):
    deep = {**AUDIO, "layers": [6, 9]}
    found = labels(tmp_path, both(ACOUSTIC, AUDIO), both(ACOUSTIC, deep))
    assert found == ["audio layer 0 + layer 12", "audio layer 0 + layers 6, 9"]


def test_rows_on_other_encoders_are_not_compared_as_if_they_had_the_same(tmp_path):
    joined = both(ACOUSTIC, AUDIO)
    save(tmp_path, info_of("audio"), gain=0.3)
    save(tmp_path, info_of("early", encoders={"audio": joined, "text": TEXT}))
    (table,) = collect(tmp_path, ReportContents())
    (sentence,) = [s for s in table.comparisons if s.startswith("No row of audio")]
    assert (
        "is on the encoder audio: acoustic, layer 0, mean pooling + hub/w" in sentence
    )
    assert sentence.endswith(f"--audio acoustic --audio hub/w2v2 --runs {tmp_path}")


def test_no_command_names_the_joined_encoders_of_a_fine_tuning(tmp_path):
    tuned = {**AUDIO, "checkpoint": f"toy-early {BY_FOLD}"}
    joined = both(ACOUSTIC, tuned)
    save(tmp_path, info_of("text"))
    save(tmp_path, info_of("early", encoders={"audio": joined, "text": TEXT}))
    (table,) = collect(tmp_path, ReportContents())
    (sentence,) = [s for s in table.comparisons if s.startswith("No row of audio")]
    assert "--fusion audio" in sentence
    assert "--audio" not in sentence


def test_a_row_of_one_modality_is_compared_on_the_same_joined_encoders(tmp_path):
    joined = both(ACOUSTIC, AUDIO)
    save(tmp_path, info_of("audio", encoders={"audio": joined}), gain=0.3)
    fused = {"audio": joined, "text": TEXT}
    save(tmp_path, info_of("early", encoders=fused), gain=0.9)
    (table,) = collect(tmp_path, ReportContents(design=["early", "audio"]))
    (row,) = [r for r in table.rows if r.design == "early"]
    assert row.versus["all"].name.startswith("audio")
    assert row.versus["all"].verdict == "better"


@pytest.mark.parametrize("members", [[], 5, [5], [{"layers": "x"}], {"a": {}}])
def test_a_forged_record_of_joined_encoders_is_refused(tmp_path, members):
    record = {"checkpoint": "a + b", "encoders": members}
    info = info_of("early", encoders={"audio": record, "text": TEXT})
    run_information.write_info(tmp_path / info.name, dataclasses.replace(info))
    with pytest.raises(AffuseError):
        run_information.read_info(tmp_path / info.name)


def test_labels_name_the_transcripts_if_they_differ(tmp_path):
    recognised = {**TEXT, "transcripts": "small.en-0123abcd"}
    runs = []
    for number, text in enumerate((TEXT, recognised)):
        name = f"iemocap-text-session5-{number:08x}"
        save(tmp_path, info_of("text", name=name, encoders={"text": text}))
        runs.append(read_run(tmp_path / name))
    assert row_details(runs) == ["gold transcripts", "transcripts of small.en-0123abcd"]
    assert row_details(runs[1:]) == [""]
    assert describe("text", recognised).endswith(", transcripts of small.en-0123abcd")
