"""How a command reaches the gateway: the admin socket, the lock, and what stands between."""

import http.server
import json
import os
import socket
import socketserver
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.group import Trouble
from gateway.cli.reach import Refused, opened
from gateway.lock import only_writer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A stand-in for the daemon's admin socket: answers with what `reply` gives."""

    daemon_threads = False
    block_on_close = True


@contextmanager
def daemon(path, status=200, body=b'{"result": 1}'):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, json.loads(text)))
            if body is None:
                return
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    path = Path(path)
    path.unlink(missing_ok=True)
    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_the_daemon_is_asked(settings):
    with daemon(settings.parent / "admin.sock") as asked, opened(settings) as session:
        assert session.running
        assert session.call("trace", message="1", who="ä") == 1
        assert asked == [("/op/trace", {"message": "1", "who": "ä"})]
        assert not (settings.parent / "gateway.sqlite.lock").exists()


def test_another_place_of_the_socket(settings, tmp_path):
    settings.write_text(settings.read_text() + '[server]\nadmin = "run.sock"\n')
    with daemon(tmp_path / "run.sock"), opened(settings) as session:
        assert session.call("status") == 1


@pytest.mark.parametrize(
    ("status", "body", "error", "code", "said"),
    [
        (400, b'{"error": "no such thing"}', Refused, 1, "no such thing"),
        (404, b"Not Found", Refused, 1, "knows no 'status'; it may be an older version"),
        (503, b'{"error": "the store is full"}', Trouble, 1, "cannot do it now: the store is full"),
        (500, b"<html>", Trouble, 3, "answered 'status' with 500; its log says why"),
        (200, b"not json", Trouble, 3, "answered 'status' with 200"),
        (200, b"[]", Trouble, 3, "answered 'status' with 200"),
        (200, None, Trouble, 3, "the answer broke off"),
    ],
)
def test_answers(settings, status, body, error, code, said):
    with (
        daemon(settings.parent / "admin.sock", status, body),
        opened(settings) as session,
        pytest.raises(error, match=said) as raised,
    ):
        session.call("status")
    assert raised.value.code == code


def test_no_answer_in_time(settings, monkeypatch):
    monkeypatch.setattr("gateway.cli.reach.PATIENCE", 0.1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(settings.parent / "admin.sock"))
        silent.listen()
        with opened(settings) as session, pytest.raises(Trouble, match="no answer in time"):
            session.call("status")


def test_a_socket_that_nobody_listens_on(settings):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(settings.parent / "admin.sock"))
    with opened(settings) as session:
        assert not session.running
        with pytest.raises(Trouble, match="it never ran with these settings"):
            session.call("status")


def test_a_long_path(settings, tmp_path):
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    settings.write_text(settings.read_text() + f'[store]\npath = "{folder}/g.sqlite"\n')
    handle = os.open(folder, os.O_PATH)
    try:
        with daemon(f"/proc/self/fd/{handle}/admin.sock"), opened(settings) as session:
            assert session.call("status") == 1
    finally:
        os.close(handle)


def test_the_lock_is_held_but_nobody_answers(settings, gateway):
    with only_writer(settings.parent / "gateway.sqlite"):
        found = gateway("status")
    assert found.exit_code == 3
    assert f"is in use by process {os.getpid()}" in found.stderr
    assert "nobody answers at admin.sock: it is starting, ending or stuck" in found.stderr


@pytest.mark.parametrize(
    ("owner", "instead"),
    [
        (65534, "run sudo -u nobody gateway …"),
        (62874, "take gateway_offline of docs/operations.md"),
    ],
)
def test_files_of_somebody_else(settings, gateway, owner, instead):
    """Root is told that nothing runs, what to look at, and how to go on without it."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    os.chown(settings.parent, owner, owner)
    found = gateway("status")
    assert found.exit_code == 3
    assert "the gateway does not run; see why: systemctl status message-gateway" in found.stderr
    assert instead in found.stderr
    assert not (settings.parent / "gateway.sqlite.lock").exists()


def test_a_status_by_the_socket_decides_the_exit(settings, gateway):
    data = {
        "version": "1", "now": 10**15, "time_zone": "Europe/Berlin", "senders": {},
        "messages": [], "people": {}, "waiting": [], "inputs": {}, "live": {}, "stops": {},
    }  # fmt: skip
    held = [{"state": "held", "code": "x", "n": 1, "reason": ""}]
    stops = {"all": {"reason": "lunch", "since": 10**15}}
    for more, code in (({}, 0), ({"waiting": held}, 1), ({"stops": stops}, 2)):
        body = json.dumps({"result": data | more}).encode()
        with daemon(settings.parent / "admin.sock", body=body):
            assert gateway("status").exit_code == code
            assert json.loads(gateway("status", "--json").stdout)["exit"] == code


def test_an_import_that_breaks_off_says_how_far_it_came(settings, gateway, tmp_path):
    (tmp_path / "a.csv").write_text("phone\n" + "+491713920033\n" * 3)
    with daemon(settings.parent / "admin.sock", 503, b'{"error": "full"}'):
        found = gateway("contacts", "import", "a.csv")
    assert found.exit_code == 1
    assert "lines up to 0 are imported; repeating the import is safe" in found.stderr
