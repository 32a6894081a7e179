"""Downloads: checked before use, whole or not at all. The only server is this process, on the loopback interface."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from helpers.datasets import download, manifest
from helpers.datasets.manifest import Entry, File
from helpers.errors import InputError

CONTENT = b"ITEM_ID,ITEM_TITLE\r\n1,LAMP\r\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextmanager
def serving(content: bytes, promised: int | None = None):
    """Serve ``content`` at every address, announcing ``promised`` bytes; yield the address and the list of requests."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(promised or len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def left(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_git_object_id_is_gits(tmp_path):
    # printf 'hello\n' | git hash-object --stdin
    (tmp_path / "a").write_bytes(b"hello\n")
    assert download.git_object_id(tmp_path / "a") == "ce013625030ba8dba906f756967f9e9ca394464a"
    (tmp_path / "b").touch()
    assert download.git_object_id(tmp_path / "b") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_right_file_arrives(tmp_path):
    with serving(CONTENT) as (url, _):
        download.download(File("item.csv", f"{url}/item.csv", bytes=len(CONTENT), sha256=SHA256), tmp_path / "new" / "item.csv")
    assert (tmp_path / "new" / "item.csv").read_bytes() == CONTENT
    assert left(tmp_path) == ["new", "new/item.csv"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is not 000"),
        ({"git_sha1": "0" * 40}, "its git object id is not 000"),
        ({"sha256": SHA256, "bytes": 7}, "bytes instead of 7"),
    ],
)
def test_a_wrong_file_is_thrown_away_and_the_old_one_kept(tmp_path, wrong, message):
    (tmp_path / "item.csv").write_text("old")
    with serving(CONTENT) as (url, requests), pytest.raises(InputError, match=message):
        download.download(File("item.csv", f"{url}/item.csv", **wrong), tmp_path / "item.csv")
    assert left(tmp_path) == ["item.csv"] and (tmp_path / "item.csv").read_text() == "old"
    assert len(requests) == 1


def test_a_download_cut_short_leaves_nothing(tmp_path):
    with (
        serving(CONTENT, promised=len(CONTENT) + 100) as (url, _),
        pytest.raises(InputError, match="could not be downloaded|SHA-256"),
    ):
        download.download(File("item.csv", f"{url}/item.csv", sha256=SHA256), tmp_path / "item.csv")
    assert left(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(url, output_file, pooch):
        with open(output_file, "wb") as file:
            file.write(CONTENT[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(download.pooch, "HTTPDownloader", lambda *_, **__: interrupted)
    with pytest.raises(KeyboardInterrupt):
        download.download(File("item.csv", "http://127.0.0.1/item.csv", sha256=SHA256), tmp_path / "item.csv")
    assert left(tmp_path) == []


def test_an_unreachable_server_is_an_input_error(tmp_path):
    with serving(CONTENT) as (url, _):
        pass  # closed again: nobody listens there now
    with pytest.raises(InputError, match="could not be downloaded"):
        download.download(File("item.csv", f"{url}/item.csv", sha256=SHA256), tmp_path / "item.csv")
    assert left(tmp_path) == []


def entry(*files: File) -> Entry:
    return Entry("sample", "Sample", "MIT", "here", loader="glue", folder="sample", files=files)


def test_fetch_gets_only_what_is_not_there(tmp_path, monkeypatch):
    with serving(CONTENT) as (url, requests):
        files = (File("a.csv", f"{url}/a", sha256=SHA256), File("b.csv", f"{url}/b", sha256=SHA256))
        monkeypatch.setattr(manifest, "entries", lambda: {"sample": entry(*files)})
        monkeypatch.setattr(manifest, "RAW", tmp_path)
        (tmp_path / "sample").mkdir()
        (tmp_path / "sample" / "a.csv").write_bytes(CONTENT)
        assert download.fetch("sample") == tmp_path / "sample"
        assert requests == ["/b"]
        (tmp_path / "sample" / "a.csv").write_text("damaged")
        download.fetch("sample")
        assert requests == ["/b", "/a"]
    assert left(tmp_path) == ["sample", "sample/a.csv", "sample/b.csv"]


def test_without_a_hash_nothing_is_downloaded(tmp_path, monkeypatch):
    with serving(CONTENT) as (url, requests):
        files = (File("a.csv", f"{url}/a", sha256=SHA256), File("b.zip", f"{url}/b", archive=True))
        monkeypatch.setattr(manifest, "entries", lambda: {"sample": entry(*files)})
        with pytest.raises(InputError, match=f"no hash of b.zip is known.*Download {url}/b yourself and unpack its files into"):
            download.fetch("sample", into=tmp_path)
        with pytest.raises(InputError, match="no hash is known"):
            download.download(files[1], tmp_path / "b.zip")
    assert requests == [] and left(tmp_path) == []


def test_movielens_is_placed_by_hand(tmp_path):
    with pytest.raises(InputError, match="no hash of ml-latest-small.zip is known.*files.grouplens.org.*unpack its files into"):
        download.fetch("movielens-small-as-aws", into=tmp_path)
    assert left(tmp_path) == []


def test_the_manifest_is_sound():
    for name, found in manifest.entries().items():
        assert found.name == name and bool(found.built_in) != bool(found.folder)
        for file in found.files:
            assert file.url.startswith("https://") and not file.path.startswith("/")
            assert file.has_hash or file.archive
            assert not file.sha256 or len(file.sha256) == 64
            assert not file.git_sha1 or len(file.git_sha1) == 40
    assert download.fetch("gift-shop") == manifest.ROOT / "data" / "gift-shop"
    with pytest.raises(InputError, match="Did you mean 'gift-shop'"):
        download.fetch("giftshop")


def test_the_manifests_hash_of_the_real_item_file(data_dir):
    file = manifest.get("glue-sample").files[0]
    assert download.fault_of(data_dir / "glue-sample" / file.path, file) is None
