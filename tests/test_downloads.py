"""Downloading from a server in this process that has every fault a test asks for."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from hbench import downloads
from hbench.errors import DataError, StoreError
from hbench.records import Remote

CONTENT = b"".join(number.to_bytes(2, "big") for number in range(20_000))  # 40,000 bytes
SUM = hashlib.sha256(CONTENT).hexdigest()
WRONG = bytes(40_000)
PIECE = 10_000  # more than a file's buffer, so that a piece is on disk as soon as it is there
Answer = Callable[[Any], None]


def send(request, content=CONTENT, *, ranges=True, size=None, until=None):
    """Send the content from the byte that is asked for, as if it had ``size``, up to ``until``."""
    asked = request.headers.get("Range") if ranges else None
    begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    request.send_response(206 if asked else 200)
    request.send_header("Content-Length", str((size or len(content)) - begin))
    request.end_headers()
    request.wfile.write(content[begin:until])
    request.wfile.flush()


def whole(request):
    send(request)


def wrong(request):
    send(request, WRONG)


def without_ranges(request):
    send(request, ranges=False)


def cut(request):
    """Promises all, sends half, and hangs up."""
    send(request, until=20_000)
    request.close_connection = True


def short(request):
    """Ends after half as if that was all."""
    send(request, size=20_000, until=20_000)


def stall(request):
    """Sends half, and then nothing until the test is over."""
    send(request, until=20_000)
    request.server.over.wait(20)


def status(code: int, **headers: str) -> Answer:
    def answer(request):
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@dataclass
class Server:
    """Gives one answer after the other, the last one for ever, and keeps the ranges asked for."""

    url: str
    over: Event = field(default_factory=Event)
    answers: list[Answer] = field(default_factory=lambda: [whole])
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.headers["Accept-Encoding"] == "identity"
            place = len(state.asked)
            state.asked.append(self.headers.get("Range"))
            state.answers[min(place, len(state.answers) - 1)](self)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state = Server(f"http://127.0.0.1:{http.server_port}/file")
        http.over = state.over  # type: ignore[attr-defined]
        http.handle_error = lambda *_: None  # type: ignore[method-assign] # a client hung up
        Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield state
        state.over.set()
        http.shutdown()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The downloads folder; afterwards all is settled as before."""
    for name in ("HBENCH_DATA", "HBENCH_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads, "_folder", downloads._folder)
    monkeypatch.setattr(downloads, "PIECE", PIECE)
    downloads.settle(tmp_path / "downloads")
    return tmp_path / "downloads"


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """How long it would have waited between attempts; three of them are allowed."""
    pauses: list[float] = []
    sleep = time.sleep
    monkeypatch.setattr(downloads, "WAITS", (1.0, 2.0))
    monkeypatch.setattr(time, "sleep", lambda s: sleep(s) if s < 1 else pauses.append(s))
    return pauses


@pytest.fixture
def told():
    return []


def remote(*urls):
    return Remote("set/file", urls, SUM, len(CONTENT), "CC0")


def fetched(file, told=None):
    told = [] if told is None else told
    return downloads.fetch(file, lambda share, what: told.append((share, what)))


def test_a_file_is_downloaded_below_its_name_and_only_once(server, folder, told):
    path = fetched(remote(server.url), told)
    assert path == folder / "set" / "file"
    assert path.read_bytes() == CONTENT
    assert fetched(remote(server.url)) == path
    assert server.asked == [None]
    assert told[-1] == (1.0, "downloading set/file")
    assert [share for share, _ in told] == sorted({share for share, _ in told})
    assert not path.with_name("file.part").exists()


@pytest.mark.parametrize("fault", [cut, short])
def test_what_was_cut_off_goes_on_from_where_it_stopped(server, waited, fault):
    server.answers = [fault, whole]
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=20000-"]
    assert waited == [1.0]


def test_a_stalled_server_is_given_up_and_asked_again(server, monkeypatch, told):
    monkeypatch.setattr(downloads, "STALL", 0.2)
    server.answers = [stall, whole]
    assert fetched(remote(server.url), told).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=20000-"]
    assert any("timed out" in what and "next attempt in 1 s" in what for _, what in told)


def test_a_server_that_ignores_ranges_sends_the_whole_anew(server):
    server.answers = [cut, without_ranges]
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=20000-"]


def test_a_refused_range_means_to_start_again(server):
    server.answers = [cut, status(416), whole]
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=20000-", None]


@pytest.mark.parametrize("begun", [WRONG[:20_000], WRONG, WRONG + b"more"])
def test_the_beginning_of_another_file_is_thrown_away(server, folder, begun):
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "file.part").write_bytes(begun)
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert server.asked[-1] is None


def test_a_part_that_is_whole_needs_no_server(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "file.part").write_bytes(CONTENT)
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("content", [WRONG, CONTENT + bytes(500_000)])
def test_wrong_content_is_not_asked_for_twice_and_never_gets_the_name(
    server, folder, told, content
):
    server.answers = [lambda request: send(request, content)]
    with pytest.raises(DataError, match=f"what it sends has sha256 [0-9a-f]{{64}}, expected {SUM}"):
        fetched(remote(server.url), told)
    assert server.asked == [None]
    assert len(told) <= len(CONTENT) / PIECE + 1  # what is too long is not read to its end
    assert [path.name for path in (folder / "set").iterdir()] == ["file.lock"]


def test_the_next_mirror_is_asked_when_one_fails(server, waited):
    server.answers = [wrong, status(404), whole]
    file = remote(f"{server.url}/a", f"{server.url}/b", f"{server.url}/c")
    assert fetched(file).read_bytes() == CONTENT
    assert len(server.asked) == 3
    assert waited == []


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_busy_server_is_asked_again_after_growing_waits(server, waited, code):
    server.answers = [status(code), status(code), whole]
    assert fetched(remote(server.url)).read_bytes() == CONTENT
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize(
    ("asked", "waits"), [("7", 7.0), ("0", 1.0), ("86400", 120.0), ("soon", 1.0)]
)
def test_retry_after_is_honoured_up_to_a_limit(server, waited, asked, waits):
    server.answers = [status(429, Retry_After=asked), whole]
    fetched(remote(server.url))
    assert waited == [waits]


def test_retry_after_may_be_a_date(server, waited):
    at = datetime.now(UTC) + timedelta(seconds=60)
    server.answers = [status(503, Retry_After=format_datetime(at, usegmt=True)), whole]
    fetched(remote(server.url))
    assert waited == [pytest.approx(60, abs=3)]


def test_when_all_mirrors_fail_each_is_named_with_its_cause_and_the_way_by_hand(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens: connections are refused
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        server.answers = [status(404)]
        with pytest.raises(DataError) as caught:
            fetched(remote(dead, server.url, "no-scheme"))
    first, *causes, by_hand, folder = str(caught.value).splitlines()
    assert first == "set/file cannot be downloaded:"
    assert causes[0].startswith(f"  {dead}: ")
    assert "refused" in causes[0]
    assert causes[1] == f"  {server.url}: the server answered 404 Not Found"
    assert causes[2].startswith("  no-scheme: Invalid URL")
    assert f"put {dead} (40,000 bytes, sha256 {SUM}) to $HBENCH_DATA/set/file" in by_hand
    assert folder == "HBENCH_DATA is not set: name a folder of yours"
    assert len(server.asked) == 1


def test_a_mirror_that_keeps_failing_is_left_and_what_came_stays_for_the_next_run(server, folder):
    server.answers = [cut]
    with pytest.raises(DataError, match="IncompleteRead"):
        fetched(remote(server.url))
    assert server.asked == [None, "bytes=20000-", "bytes=20000-"]
    assert (folder / "set" / "file.part").read_bytes() == CONTENT[:20_000]
    assert not (folder / "set" / "file").exists()
    assert downloads.local(remote(server.url)) is None


def test_a_damaged_download_is_fetched_anew_and_said(server, folder, told):
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "file").write_bytes(WRONG)
    assert fetched(remote(server.url), told).read_bytes() == CONTENT
    assert told[0] == (0.0, f"{folder}/set/file has a wrong sum and is downloaded again")


def test_a_damaged_download_that_cannot_be_replaced_is_absent(server, folder):
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "file").write_bytes(WRONG)
    server.answers = [status(404)]
    with pytest.raises(DataError, match="404"):
        fetched(remote(server.url))
    assert not (folder / "set" / "file").exists()


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    base = tmp_path / "data"
    (base / "set").mkdir(parents=True)
    monkeypatch.setenv("HBENCH_DATA", str(base))
    return base


def test_the_data_folder_goes_before_the_downloads(server, folder, data_folder):
    file = remote(server.url)
    downloaded = fetched(file)
    assert downloads.local(file) == downloaded == folder / "set" / "file"
    (data_folder / "set" / "file").write_bytes(CONTENT)
    assert downloads.local(file) == fetched(file) == data_folder / "set" / "file"


def test_a_wrong_file_in_the_data_folder_is_refused_and_left_alone(server, data_folder):
    own = data_folder / "set" / "file"
    own.write_bytes(WRONG)
    found = hashlib.sha256(WRONG).hexdigest()
    with pytest.raises(DataError, match=f"set/file has sha256 {found}, expected {SUM}; it is"):
        fetched(remote(server.url))
    assert own.read_bytes() == WRONG
    assert server.asked == []


def test_offline_all_missing_files_are_listed_at_once(server, data_folder, monkeypatch):
    (data_folder / "set" / "file").write_bytes(CONTENT)
    others = [Remote(f"set/{name}", (server.url,), SUM, 1_234_567, "CC0") for name in "ab"]
    downloads.require(others)  # nothing is asked of it while it may download
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    assert downloads.missing([remote(server.url), *others]) == others
    downloads.require([remote(server.url)])
    with pytest.raises(DataError) as caught:
        downloads.require([remote(server.url), *others])
    lines = str(caught.value).splitlines()
    assert "--offline or HBENCH_OFFLINE" in lines[0]
    assert lines[1:] == [
        f"  put {server.url} (1,234,567 bytes, sha256 {SUM}) to $HBENCH_DATA/set/a",
        f"  put {server.url} (1,234,567 bytes, sha256 {SUM}) to $HBENCH_DATA/set/b",
        f"HBENCH_DATA is {data_folder}",
    ]


def test_offline_nothing_is_asked_of_a_server(server, monkeypatch):
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    with pytest.raises(DataError, match=r"to \$HBENCH_DATA/set/file"):
        fetched(remote(server.url))
    assert server.asked == []


@pytest.mark.parametrize(
    ("variable", "expected"), [(None, False), ("", False), ("0", False), ("1", True), ("yes", True)]
)
def test_the_variable_forbids_downloads_unless_it_says_no(monkeypatch, variable, expected):
    if variable is not None:
        monkeypatch.setenv("HBENCH_OFFLINE", variable)
    assert downloads.is_offline() is expected


def test_a_downloads_folder_that_cannot_be_written_is_the_users_to_mend(server, tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    downloads.settle(tmp_path / "taken")
    with pytest.raises(StoreError, match=r"taken/set/file.lock: cannot be written \("):
        fetched(remote(server.url))


FETCH = """
import os, sys
from pathlib import Path
from hbench import downloads
from hbench.records import Remote

folder, url, sha256, size, piece = sys.argv[1:]
downloads.settle(Path(folder))
downloads.PIECE = int(piece)

def progress(share, what):
    if "waiting" in what:
        Path(folder, f"{os.getpid()}.waits").touch()

print(downloads.fetch(Remote("set/file", (url,), sha256, int(size), "CC0"), progress))
"""


def another_process(folder, url):
    """Fetches the file in a process of its own."""
    options = [str(folder), url, SUM, str(len(CONTENT)), str(PIECE)]
    sources = str(Path(downloads.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *options],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": sources},
    )  # fmt: skip


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.01)


def test_of_processes_that_start_together_one_downloads_and_the_others_wait(server, folder):
    def once_two_wait(request):
        until(lambda: len(list(folder.glob("*.waits"))) == 2)
        send(request)

    server.answers = [once_two_wait]
    processes = [another_process(folder, server.url) for _ in range(3)]
    printed = [process.communicate(timeout=40)[0] for process in processes]
    assert printed == [f"{folder}/set/file\n"] * 3
    assert server.asked == [None]
    assert len(list(folder.glob("*.waits"))) == 2


def test_a_process_that_dies_is_not_waited_for_and_what_it_got_is_used(server, folder, told):
    server.answers = [stall, whole]
    part = folder / "set" / "file.part"
    with another_process(folder, server.url) as process:
        until(lambda: part.exists() and part.stat().st_size == 20_000)

        def progress(share, what):
            told.append(what)
            if "waiting" in what:
                process.kill()

        path = downloads.fetch(remote(server.url), progress)
    assert path.read_bytes() == CONTENT
    assert told[0] == "waiting for the process that downloads file"
    assert server.asked == [None, "bytes=20000-"]
