"""The command `serve` before it listens: packages, options and addresses."""

import socket
import sys

import pytest
from cli_calls import call

from affuse.data.errors import AffuseError
from affuse.data.options.serving_options import Serve
from affuse.extract.inference.serving.serving_request import RequestLimits
from affuse.extract.inference.serving.web_server import listen


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, "gradio", None)
    done = call("serve", tmp_path)
    assert done.exit_code == 1
    assert "the command serve needs the package gradio" in done.output
    assert "[serve]" in done.output


def test_a_language_without_a_recogniser_is_refused(tmp_path):
    done = call("serve", tmp_path, "--language", "de")
    assert done.exit_code == 2
    assert "--language de is for speech recognition" in done.output


def test_a_port_in_use_and_a_foreign_address_are_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(AffuseError, match=rf"127\.0\.0\.1, port {port}: Address al"),
            listen("127.0.0.1", port),
        ):
            pass
    with pytest.raises(AffuseError, match="choose another"), listen("192.0.2.1", 0):
        pass


def test_limits_are_those_of_the_options(tmp_path):
    options = Serve(run=tmp_path, max_megabytes=3, max_seconds=9, max_waiting=2)
    limits = RequestLimits.of(options)
    assert (limits.file_bytes, limits.seconds, limits.waiting) == (3 * 2**20, 9.0, 2)
    assert limits.file_size == "3 MB"
    assert limits.held_bytes == 4 * limits.file_bytes
    assert Serve(run=tmp_path).host == "127.0.0.1"
