"""Tokens and passwords, where errors could show them: against a real server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sk_m2v.cli.configuration import check, read
from sk_m2v.cli.configuration._record import recorded

LOAD = "StaticEmbedding.from_pretrained('a/b'{})"
PUSH = "StaticEmbedding.from_pretrained().push_to_hub('a/b'{})"
SECRETS = ["hf_ofTheEnvironment", "hf_ofTheParameter", "passWord", "userName"]


class _Refuses(BaseHTTPRequestHandler):
    status = 401

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(params=[401, 500])
def address(request) -> Iterator[str]:
    handler = type("Handler", (_Refuses,), {"status": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://userName:passWord@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("what", [LOAD, PUSH])
@pytest.mark.parametrize("options", ["", ", token='hf_ofTheParameter'"])
def test_whole_traceback(address, tmp_path, what, options):
    """Also of the errors behind an error, and of what is logged."""
    code = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "import os; token = os.environ.pop('SECRET')\n"
        f"from sk_m2v import StaticEmbedding; {what.format(options)}"
    ).replace("'hf_ofTheParameter'", "token")
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "HF_ENDPOINT": address,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path),
            "HF_TOKEN": "hf_ofTheEnvironment",
            "SECRET": "hf_ofTheParameter",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = result.stdout + result.stderr
    assert "Error" in said
    # Lines of the library's own log are not ours.
    ours = [it for it in said.splitlines() if not it.startswith(("INFO:", "WARNING:"))]
    assert not [it for it in ours if any(secret in it for secret in SECRETS)]


def test_recorded_configurations(tmp_path: Path):
    file = tmp_path / "run.toml"
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    file.write_text(
        '[data]\ntrain = "a.csv"\ntext = "text"\nlabel = "label"\n'
        '[output]\nfolder = "out"\n'
        '[track]\nexperiment = "x"\ntracking_uri = "http://userName:passWord@host/a"\n'
    )
    text = recorded(check(read(file)), tmp_path)
    assert "http://host/a" in text
    assert "passWord" not in text
