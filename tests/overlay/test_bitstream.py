"""Where a bitstream goes once it is built: into the package, and to a server, from where PYNQ's own code fetches it."""

from __future__ import annotations

from pathlib import Path

import pytest

import bitstream
import build_plan


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow that makes a bitstream at once, and a package to install it in; the folder of the results."""

    def flow(plan: build_plan.Plan, jobs: int) -> None:
        (plan.results / "phantom.bit").write_bytes(b"bits of " + plan.config.encode())

    monkeypatch.setitem(bitstream.FLOWS, "open", flow)
    monkeypatch.setattr(bitstream, "OVERLAYS", tmp_path / "overlays")
    (tmp_path / "overlays").mkdir()
    return tmp_path / "results" / "small"


def build(results: Path, *arguments: str) -> None:
    assert bitstream.main(["--flow", "open", "--config", results.name, "--results", str(results.parent), *arguments]) == 0


def test_an_interrupted_build_leaves_no_bitstream(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the one that lies there unjudged, and not that of a build before it."""
    build(built)

    def flow(plan: build_plan.Plan, jobs: int) -> None:
        (plan.results / "phantom.bit").write_bytes(b"not judged yet")
        raise KeyboardInterrupt

    monkeypatch.setitem(bitstream.FLOWS, "open", flow)
    assert bitstream.main(["--flow", "open", "--config", "small", "--results", str(built.parent)]) == 130
    assert not list(built.iterdir())


def test_nothing_is_installed_unless_asked_for(built: Path) -> None:
    build(built)
    assert sorted(path.name for path in built.iterdir()) == ["phantom.bit", "phantom.hwh"]
    assert not list(bitstream.OVERLAYS.iterdir())


def test_the_pair_goes_into_the_package(built: Path) -> None:
    build(built, "--install")
    assert (bitstream.OVERLAYS / "phantom.bit").read_bytes() == b"bits of small"
    assert (bitstream.OVERLAYS / "phantom.hwh").read_bytes() == (built / "phantom.hwh").read_bytes()


def installed() -> list[str]:
    return sorted(path.name for path in bitstream.OVERLAYS.iterdir())


def test_the_links_alone_go_into_the_package(built: Path) -> None:
    build(built, "--install")
    build(built, "--install", "--link", "https://example.org/phantom")
    assert installed() == ["phantom.bit.link", "phantom.hwh.link"]
    build(built, "--install")
    assert installed() == ["phantom.bit", "phantom.hwh"]


def test_a_build_that_fails_leaves_no_earlier_pair_in_the_package(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(built, "--install")

    def fails(plan: build_plan.Plan, jobs: int) -> None:
        raise build_plan.BuildError("timing is not met")

    monkeypatch.setitem(bitstream.FLOWS, "open", fails)
    assert bitstream.main(["--flow", "open", "--results", str(built.parent), "--install"]) == 1
    assert installed() == []


def test_what_was_installed_can_be_taken_out(built: Path) -> None:
    build(built, "--install", "--link", "https://example.org/phantom")
    (bitstream.OVERLAYS / "__init__.py").touch()
    (built / "phantom.bit").write_bytes(b"kept")
    assert bitstream.main(["--uninstall"]) == 0
    assert installed() == ["__init__.py"]
    assert (built / "phantom.bit").read_bytes() == b"kept"


def test_pynq_fetches_what_the_links_name(built: Path, tmp_path: Path) -> None:
    """By pynqutils, unchanged, from a folder that stands for the server; a file that was changed there is refused."""
    setup = pytest.importorskip("pynqutils.setup_utils")
    build(built, "--link", built.as_uri() + "/")

    def fetch(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for link in built.glob("*.link"):
            (folder / link.name).write_bytes(link.read_bytes())
        try:
            setup.download_overlays(str(folder), fail_at_lookup=True)
        except Exception as error:
            assert "checksum" in str(error)
        return folder

    got = fetch("good")
    for name in ("phantom.bit", "phantom.hwh"):
        assert (got / name).read_bytes() == (built / name).read_bytes()
    (built / "phantom.bit").write_bytes(b"other bits")
    assert not (fetch("bad") / "phantom.bit").exists()


def test_links_of_an_earlier_build_do_not_stay(built: Path) -> None:
    build(built, "--link", "https://example.org/phantom")
    assert "https://example.org/phantom/phantom.bit" in (built / "phantom.bit.link").read_text()
    build(built)
    assert not list(built.glob("*.link"))
