"""A server on this machine that answers as the Hugging Face Hub does.

Below ``/fault/NAME`` it does so with a fault: a status instead of an answer, or answers
that are slow, or files that are cut or changed on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB_ID = "someone/tiny-model"


class _Hub(BaseHTTPRequestHandler):
    """Read access to one repository."""

    root: Path

    def _files(self) -> dict[str, bytes]:
        paths = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in paths}

    fault = ""

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            is_file = "ETag" in headers
            if is_file and self.fault == "cut":
                body = body[: len(body) // 2]
                self.close_connection = True
            if is_file and self.fault == "changed":
                body = body.replace(b"e", b"E")
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        if path.startswith("fault/"):
            _, self.fault, path = path.split("/", 2)
        if self.fault.isdigit():
            return self._send(int(self.fault))
        if self.fault == "slow":
            time.sleep(3)
        files = self._files()
        if path.startswith(f"api/models/{HUB_ID}/revision/"):
            if path.rsplit("/", 1)[-1] not in ("main", "v1", COMMIT):
                return self._send(404, X_Error_Code="RevisionNotFound")
            siblings = [{"rfilename": name} for name in files]
            info = {"id": HUB_ID, "sha": COMMIT, "siblings": siblings, "tags": []}
            return self._send(200, json.dumps(info).encode())
        if path.startswith(f"api/models/{HUB_ID}/tree/"):
            tree = [
                {
                    "type": "file",
                    "path": name,
                    "size": len(data),
                    "oid": hashlib.sha1(data).hexdigest(),
                }
                for name, data in files.items()
            ]
            return self._send(200, json.dumps(tree).encode())
        prefix = f"{HUB_ID}/resolve/"
        if path.startswith(prefix):
            name = path.removeprefix(prefix).partition("/")[2]
            if name not in files:
                return self._send(404, X_Error_Code="EntryNotFound")
            etag = f'"{hashlib.sha1(files[name]).hexdigest()}"'
            return self._send(200, files[name], ETag=etag, X_Repo_Commit=COMMIT)
        return self._send(404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *arguments: object) -> None:
        """Be silent about those who hang up."""


def serve(root: Path, home: Path) -> Iterator[dict[str, str]]:
    """Environment of a process that knows only this hub, for as long as it is open."""
    handler = type("Handler", (_Hub,), {"root": root})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {
        **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    server.shutdown()
    thread.join()
    server.server_close()
