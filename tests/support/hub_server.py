"""Stand-in for the Hugging Face hub: an HTTP server on this machine, for tests alone.

It answers the calls of `huggingface_hub` that create a repository, commit files, list
them and download them. All files are committed as regular ones, in base64; uploads by
LFS and Xet, which the real hub asks for large files, are not imitated.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(BaseHTTPRequestHandler):
    """Answers one call; the repositories are those of its server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Write nothing."""

    def answer(self, content, status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, code):
        self.answer({"error": code}, 404, X_Error_Code=code)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, hub = unquote(self.path.partition("?")[0]), self.server
        hub.calls.append(f"POST {path}")
        if path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "Bearer" not in self.headers.get("Authorization", ""):
            self.answer({"error": "Invalid username or password."}, 401)
        elif path == "/api/repos/create":
            facts = json.loads(body)
            name = f"{facts.get('organization') or 'me'}/{facts['name']}"
            shown = "private" if facts.get("private") else "public"
            hub.visibility[name] = facts.get("visibility", shown)
            hub.files.setdefault(name, {})
            self.answer({"url": f"{hub.address}/{name}", "name": name})
        elif match := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            asked = [each["path"] for each in json.loads(body)["files"]]
            files = [
                {"path": p, "uploadMode": "regular", "shouldIgnore": False}
                for p in asked
            ]
            self.answer({"files": files})
        elif match := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            self.commit(match[1], body)
        else:
            self.missing("EntryNotFound")

    def commit(self, name, body):
        files = self.server.files[name]
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(
                    line["value"]["content"]
                )
            elif line["key"] == "deletedFile":
                del files[line["value"]["path"]]
        url = f"{self.server.address}/{name}/commit/{COMMIT}"
        self.answer({"success": True, "commitOid": COMMIT, "commitUrl": url})

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path, files = unquote(self.path.partition("?")[0]), self.server.files
        self.server.calls.append(f"{self.command} {path}")
        listing = re.fullmatch(r"/api/models/(.+?/.+?)(/revision/\w+|/tree/.+)?", path)
        named = re.fullmatch(r"/(.+?/.+?)/resolve/(\w+)/(.+)", path)
        name = (listing or named or [None, ""])[1]
        if name not in files:
            self.missing("RepoNotFound")
        elif listing and "/tree/" in (listing[2] or ""):
            self.answer([tree_entry(n, c) for n, c in files[name].items()])
        elif listing:
            siblings = [{"rfilename": n} for n in files[name]]
            self.answer({"id": name, "sha": COMMIT, "siblings": siblings})
        elif named[3] not in files[name]:
            self.missing("EntryNotFound")
        else:
            content = files[name][named[3]]
            tag = f'"{hashlib.sha1(content).hexdigest()}"'
            self.answer(content, ETag=tag, X_Repo_Commit=COMMIT)


def tree_entry(name, content):
    """Return a file in the form of the hub's listing."""
    digest = hashlib.sha1(content).hexdigest()
    return {"type": "file", "path": name, "size": len(content), "oid": digest}


@contextmanager
def serve(monkeypatch, cache):
    """Run the stand-in while the context lasts, with an empty cache of downloads."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.visibility, server.calls = {}, {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    address = server.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    places = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", places)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_TOKEN", "hf_standin")
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
