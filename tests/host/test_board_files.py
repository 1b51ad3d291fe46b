"""The files of a bitstream, opened by PYNQ's own Overlay: whole, missing, fetched by their links, or damaged as files can be."""

from __future__ import annotations

import hashlib
import json
import platform
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("pynq")
from pynq.pl_server import embedded_device
from pynq.pl_server.device import Device
from pynq_board import Board, without_xrt, write_pair

from phantom import overlays
from phantom.config import load_config
from phantom.devices import open_overlay
from phantom.errors import DeviceError

CONFIG = load_config("pynq_z2")


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Board:
    """The one that PYNQ finds. We are in the folder `here`, and the package's folder for overlays is `package`."""
    device = Board()
    monkeypatch.setattr(Device, "_devices", [device], raising=False)
    monkeypatch.setattr(embedded_device, "_create_xclbin", without_xrt)
    monkeypatch.setattr(platform, "machine", lambda: "armv7l")
    monkeypatch.setenv("BOARD", "Pynq-Z2")
    for name in ("here", "package"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(overlays, "__path__", [str(tmp_path / "package")])
    return device


@pytest.mark.parametrize("place", ["here", "package"])
def test_a_whole_pair_is_loaded(board: Board, tmp_path: Path, place: str) -> None:
    write_pair(tmp_path / place, b"\1\2\3\4" * 4)
    overlay = open_overlay("board", CONFIG)
    assert board.loaded == [b"\4\3\2\1" * 4]
    assert overlay.ip_dict["phantom_0"]["registers"]["ID"]


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "half": half,
    "all but its end": lambda content: content[:-3],
    "text": lambda content: b"<html><body>404 Not Found</body></html>\n",
    "several lines of text": lambda content: b"404\nNot Found\n\nthe server says\n" * 40,
    "noise": lambda content: bytes((7 * i * i + i) & 0xFF for i in range(5000)),
    "another description": lambda content: b"<EDKSYSTEM><MODULES/></EDKSYSTEM>",
}


@pytest.mark.parametrize("name", ["phantom.bit", "phantom.hwh"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_an_error_of_one_line(board: Board, tmp_path: Path, name: str, damage: str) -> None:
    write_pair(tmp_path / "package")
    path = tmp_path / "package" / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with pytest.raises(DeviceError, match=r"^phantom.bit cannot be loaded \(\w+: .*\); .* whole, with its .hwh$") as caught:
        open_overlay("board", CONFIG)
    assert "\n" not in str(caught.value)
    assert not board.loaded


@pytest.mark.parametrize("name", ["phantom.bit", "phantom.hwh"])
def test_a_missing_file_is_an_error_of_one_line(board: Board, tmp_path: Path, name: str) -> None:
    write_pair(tmp_path / "package")
    (tmp_path / "package" / name).unlink()
    with pytest.raises(
        DeviceError, match=r"^phantom.bit cannot be loaded \(.*(does not exist|metadata).*\); it must lie here or in "
    ):
        open_overlay("board", CONFIG)


class Server(ThreadingHTTPServer):
    """Has the files of a folder; `asked` is what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.server.folder / self.path.strip("/")
        content = path.read_bytes() if path.exists() else b"404 Not Found"
        self.send_response(200 if path.exists() else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Has a pair; their links, and nothing else, are in the package."""
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "server").mkdir()
    with Server(tmp_path / "server") as server:
        release(server, tmp_path / "package", b"\1\2\3\4")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def release(server: Server, package: Path, payload: bytes) -> None:
    write_pair(server.folder, payload)
    for name in overlays.PAIR:
        digest = hashlib.md5((server.folder / name).read_bytes()).hexdigest()
        (package / f"{name}.link").write_text(json.dumps({"url": f"{server.url}/{name}", "md5sum": digest}))


def test_links_are_followed_once(server: Server, board: Board, tmp_path: Path) -> None:
    assert open_overlay("board", CONFIG).ip_dict["phantom_0"]
    assert open_overlay("board", CONFIG)
    assert board.loaded == [b"\4\3\2\1"] * 2
    assert server.asked == ["/phantom.bit", "/phantom.hwh"]
    assert sorted(path.name for path in (tmp_path / "package").iterdir()) == sorted(
        [*overlays.PAIR, *(f"{name}.link" for name in overlays.PAIR)]
    )


def test_pynq_alone_does_not_follow_links(server: Server) -> None:
    """If it ever does, ours can go."""
    import pynq

    with pytest.raises(OSError, match="does not exist"):
        pynq.Overlay("phantom.bit", device=Board())
    assert not server.asked


def test_other_links_fetch_other_files(server: Server, board: Board, tmp_path: Path) -> None:
    """As after an upgrade of the package, which does not remove what was fetched; or where a file was damaged since."""
    open_overlay("board", CONFIG)
    release(server, tmp_path / "package", b"\5\6\7\x08")
    open_overlay("board", CONFIG)
    assert board.loaded == [b"\4\3\2\1", b"\x08\7\6\5"]
    (tmp_path / "package" / "phantom.hwh").write_text("<EDK")
    assert open_overlay("board", CONFIG)


def test_what_lies_here_needs_no_network(server: Server, board: Board, tmp_path: Path) -> None:
    write_pair(tmp_path / "here", b"here")
    assert open_overlay("board", CONFIG)
    assert not server.asked


@pytest.mark.parametrize("name", overlays.PAIR)
def test_a_wrong_sum_leaves_nothing(server: Server, board: Board, tmp_path: Path, name: str) -> None:
    (server.folder / name).write_bytes(b"another build")
    with pytest.raises(
        DeviceError, match=rf"^http.*/{name} has the MD5 sum \w+; .*{name}.link wants \w+: the server has another"
    ):
        open_overlay("board", CONFIG)
    assert not (tmp_path / "package" / name).exists() and not board.loaded


def test_no_network_and_no_such_file(server: Server, board: Board, tmp_path: Path) -> None:
    advice = "as .*link wants; without a network, put phantom.bit and phantom.hwh into the folder that you start from"
    (server.folder / "phantom.bit").unlink()
    with pytest.raises(DeviceError, match=rf"^http.*/phantom.bit cannot be fetched \(HTTP Error 404: .*\), {advice}$"):
        open_overlay("board", CONFIG)
    server.shutdown()
    server.server_close()
    with pytest.raises(DeviceError, match=rf"^http.*/phantom.bit cannot be fetched \(.*refused.*\), {advice}$"):
        open_overlay("board", CONFIG)


@pytest.mark.parametrize("link", ["", "[]", "{}", '{"url": "https://example.org"}', "\0"])
def test_a_damaged_link(server: Server, tmp_path: Path, link: str) -> None:
    (tmp_path / "package" / "phantom.hwh.link").write_text(link)
    with pytest.raises(DeviceError, match=r"phantom.hwh.link cannot be read \(\w+: .*\); it must be \{"):
        open_overlay("board", CONFIG)


def test_urls_that_are_none(server: Server, tmp_path: Path) -> None:
    for url in ("no url", "http://[", "http://127.0.0.1:x/", "http://a b/"):
        (tmp_path / "package" / "phantom.bit.link").write_text(json.dumps({"url": url, "md5sum": ""}))
        with pytest.raises(DeviceError, match="cannot be fetched"):
            open_overlay("board", CONFIG)


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "package" / "phantom.bit").mkdir()
    with pytest.raises(DeviceError, match=r"phantom.bit cannot be written \(.*\); run as root"):
        open_overlay("board", CONFIG)
    assert not list((tmp_path / "package").glob("*.part*"))
