"""Keys, roles, limits, TLS and hostile requests, with the real program. docs/security.md lists
the threat for each test."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from program import Service

DESCRIPTION = Path(__file__).resolve().parents[2] / "src/adapters/api/openapi.json"
AWS_SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLE"
CONFIGURED = "configured-key-of-some-length"
NOBODY = "00000000-0000-7000-8000-000000000000"


def photo(colour: tuple[int, int, int] = (200, 30, 30), size: int = 64) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(file, "JPEG")
    return file.getvalue()


class Keys:
    """`classifier keys` on the data of a service."""

    def __init__(self, binary: Path, data: Path, **settings: str) -> None:
        self.binary = binary
        self.environment = os.environ | {"DATA_DIR": str(data)} | settings
        self.said = ""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binary, "keys", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __call__(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        self.said += done.stderr
        return done.stdout.strip()


def status(service: Service, method: str, path: str, key: str = "", **options: object) -> int:
    headers = {"X-API-Key": key} if key else {}
    answer = requests.request(
        method,
        service.url + path,
        headers=headers,
        timeout=60,
        **options,  # type: ignore[arg-type]
    )
    return answer.status_code


def wait_until(what: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


# Keys and roles


@pytest.fixture(scope="module")
def guarded(
    binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, dict[str, str]]]:
    """A service with a key for each role."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    keys = Keys(binary, data)
    made = {role: keys("add", f"the-{role}", "--role", role) for role in ("read", "write", "admin")}
    service = Service(data)
    yield service, made
    assert service.stop() == 0


def test_a_rotated_key_lives_as_long_as_the_old_one(binary: Path, tmp_path: Path) -> None:
    keys = Keys(binary, tmp_path / "data")

    def days() -> float | None:
        newest = json.loads((tmp_path / "data/api-keys.json").read_text())["keys"][-1]
        if "expires" not in newest:
            return None
        life = datetime.fromisoformat(newest["expires"]) - datetime.fromisoformat(newest["created"])
        return life / timedelta(days=1)

    keys("add", "camera", "--role", "write", "--expires", "30")
    keys("rotate", "camera")
    assert days() == 30
    # The next key does not get the old key's expiry, which --keep-old changed.
    keys("rotate", "camera", "--keep-old", "1h")
    keys("rotate", "camera", "--keep-old", "1h")
    assert days() == 30
    keys("rotate", "camera", "--expires", "7")
    assert days() == 7
    keys("rotate", "camera", "--expires", "0")
    assert days() is None
    keys("rotate", "camera")
    assert days() is None


def test_keys_change_without_a_restart(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data")
    keys = Keys(binary, service.data)
    assert status(service, "GET", "/jobs") == 200  # no key is needed yet
    secret = keys("add", "ci", "--role", "read", "--expires", "30")
    wait_until(lambda: status(service, "GET", "/jobs") == 401)
    assert status(service, "GET", "/jobs", secret) == 200
    file = service.data / "api-keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret.removeprefix("clf_") not in file.read_text()

    rotated = keys("rotate", "ci", "--keep-old", "1h")
    wait_until(lambda: status(service, "GET", "/jobs", rotated) == 200)
    assert status(service, "GET", "/jobs", secret) == 200
    again = keys("rotate", "ci")
    wait_until(lambda: status(service, "GET", "/jobs", again) == 200)
    assert status(service, "GET", "/jobs", rotated) == 401

    listed = keys("list")
    assert "ci" in listed
    assert "read" in listed
    assert again not in listed
    keys("remove", "ci")
    wait_until(lambda: status(service, "GET", "/jobs", again) == 401)
    # Removing the last key does not open access.
    assert status(service, "GET", "/jobs") == 401
    assert service.stop() == 0


def test_keys_command_says_what_is_wrong(binary: Path, tmp_path: Path) -> None:
    keys = Keys(binary, tmp_path / "data")
    keys("add", "ci", "--role", "read")
    for arguments, said in [
        (("add", "ci", "--role", "read"), 'a key "ci" already'),
        (("add", "a b", "--role", "read"), "letters, digits"),
        (("add", "x", "--role", "root"), "root"),
        (("add", "x"), "role"),
        (("remove", "none"), 'no key "none"'),
        (("rotate", "none"), 'no key "none"'),
        (("rotate", "ci", "--keep-old", "soon"), "24h"),
        ((), "a command is missing"),
    ]:
        done = keys.run(*arguments)
        assert done.returncode != 0, arguments
        assert said in done.stderr, (arguments, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr


def test_a_key_file_that_others_may_write_stops_the_start(binary: Path, tmp_path: Path) -> None:
    keys = Keys(binary, tmp_path / "data")
    keys("add", "ci", "--role", "read")
    file = tmp_path / "data/api-keys.json"
    file.chmod(0o666)
    with pytest.raises(RuntimeError, match="chmod 600"):
        Service(tmp_path / "data")
    file.chmod(0o600)
    file.write_text("{")
    with pytest.raises(RuntimeError, match="not a file of API keys"):
        Service(tmp_path / "data")


def test_every_call_needs_the_role_that_is_described(
    guarded: tuple[Service, dict[str, str]],
) -> None:
    """The description and the program agree on the role of each call of the API."""
    service, keys = guarded
    order = ["read", "write", "admin"]
    seen = set()
    for path, calls in json.loads(DESCRIPTION.read_text())["paths"].items():
        for method, call in calls.items():
            target = path.replace("{id}", NOBODY).replace("{key}", "uploads/none.jpg")
            without = status(service, method, target)
            needed = call.get("x-required-role")
            if needed is None:
                assert without not in (401, 429), (method, path)
                assert "401" not in call["responses"], (method, path)
                continue
            seen.add(needed)
            assert without == 401, (method, path)
            assert {"401", "403", "429"} <= set(call["responses"]), (method, path)
            for role, key in keys.items():
                got = status(service, method, target, key)
                allowed = order.index(role) >= order.index(needed)
                assert (got != 403) == allowed, (method, path, role, got)
                assert got != 401
    assert seen == set(order)


def test_what_needs_no_key(guarded: tuple[Service, dict[str, str]]) -> None:
    service, keys = guarded
    for path in ("/", "/docs", "/docs/docs.js", "/openapi.json", "/health", "/ready"):
        assert status(service, "GET", path) == 200, path
    page = requests.get(service.url, timeout=10).text
    for part in page.split('"'):
        if part.startswith("/assets/"):
            assert status(service, "GET", part) == 200, part
    headers = {"X-API-Key": keys["write"]}
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    ticket = service.post("/upload-url", body, headers=headers).json()
    put = requests.put(
        ticket["upload_url"], data=photo(), headers={"Content-Type": "image/jpeg"}, timeout=10
    )
    assert put.status_code == 200
    assert status(service, "GET", "/metrics") == 401
    assert status(service, "GET", "/metrics", keys["read"]) == 200


def test_the_sentence_names_the_role(guarded: tuple[Service, dict[str, str]]) -> None:
    service, keys = guarded
    answer = requests.delete(
        service.url + "/images/uploads/a.jpg", headers={"X-API-Key": keys["write"]}, timeout=10
    )
    assert answer.status_code == 403
    assert "role admin" in answer.json()["error"]
    assert "role write" in answer.json()["error"]


def test_the_ml_service_has_the_same_keys(guarded: tuple[Service, dict[str, str]]) -> None:
    service, keys = guarded
    body = {"job_type": "image_classification", "s3_keys": ["uploads/none.jpg"]}
    url = service.ml + "/classify"
    assert requests.post(url, json=body, timeout=60).status_code == 401
    for role, expected in (("read", 403), ("write", 200)):
        headers = {"X-API-Key": keys[role]}
        assert requests.post(url, json=body, headers=headers, timeout=60).status_code == expected
    assert requests.get(service.ml + "/metrics", timeout=10).status_code == 401
    assert requests.get(service.ml + "/health", timeout=10).status_code == 200


def test_named_keys_of_the_configuration(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data", "backend", API_KEYS="plain-admin,ci:read:looks-only")
    assert status(service, "DELETE", "/images/none.jpg", "plain-admin") == 404
    assert status(service, "DELETE", "/images/none.jpg", "looks-only") == 403
    # The command line, with the settings of the server, sends the key and not its name and role.
    done = subprocess.run(
        [binary, "images", "--backend-api-url", service.url],
        env=os.environ | {"API_KEYS": "ci:read:looks-only"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert service.stop() == 0
    with pytest.raises(RuntimeError) as refused:
        Service(tmp_path / "data", "backend", API_KEYS="ci:reed:looks-only")
    assert "API_KEYS is not valid" in str(refused.value)
    assert "looks-only" not in str(refused.value)


# Limits


def test_rates_are_limited(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data", "backend", API_KEYS=CONFIGURED, RATE_LIMIT="2")
    answers = [service.get("/jobs", headers={"X-API-Key": CONFIGURED}) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert answers[0].status_code == 200
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert "too many requests" in refused[0].json()["error"]
    assert all(status(service, "GET", "/health") == 200 for _ in range(20))
    assert service.stop() == 0

    service = Service(tmp_path / "data", "backend", RATE_LIMIT_ADDRESS="2", TRUSTED_PROXIES="::1")
    # A header of the client cannot circumvent it.
    seen = [
        service.get("/nothing", headers={"X-Forwarded-For": f"192.0.2.{i}"}).status_code
        for i in range(20)
    ]
    assert 429 in seen
    assert status(service, "GET", "/health") == 200
    assert service.stop() == 0


def test_wrong_keys_are_limited(binary: Path, tmp_path: Path) -> None:
    service = Service(
        tmp_path / "data", "backend", API_KEYS=CONFIGURED, TRUSTED_PROXIES="127.0.0.0/8"
    )

    def attempt(key: str, address: str) -> int:
        headers = {"X-API-Key": key, "X-Forwarded-For": address}
        return service.get("/jobs", headers=headers).status_code

    seen = [attempt(f"guess-{i}", "192.0.2.1") for i in range(30)]
    assert seen[:10] == [401] * 10
    assert 429 in seen
    assert attempt(CONFIGURED, "192.0.2.1") == 429
    assert attempt(CONFIGURED, "192.0.2.2") == 200
    assert service.stop() == 0


def test_a_full_backlog_takes_no_more(binary: Path, tmp_path: Path) -> None:
    service = Service(tmp_path / "data", "backend", MAX_BACKLOG="3")
    service.submit([f"uploads/{i}.jpg" for i in range(3)])
    body = {"job_type": "image_classification", "s3_keys": ["uploads/more.jpg"]}
    refused = service.post("/submit", body)
    assert refused.status_code == 503, refused.text
    assert "MAX_BACKLOG" in refused.json()["error"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert service.get("/jobs").json()["total"] == 1
    wait_until(lambda: service.get("/queue").json()["visible"] == 3)
    job = service.get("/jobs").json()["jobs"][0]["job_id"]
    assert service.post(f"/jobs/{job}/cancel", {}).status_code == 200
    wait_until(lambda: service.post("/submit", body).status_code == 202)
    assert service.stop() == 0


# TLS


def make_certificate(folder: Path, name: str = "server") -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN={name} -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    )
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def secure(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = make_certificate(folder)
    service = Service(folder / "data", TLS_CERT=str(certificate), TLS_KEY=str(key))
    yield service
    assert service.stop() == 0, service.log.read_text()


def certificate_of(service: Service) -> bytes:
    address = urlsplit(service.url)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((str(address.hostname), address.port or 0), 30) as plain,
        context.wrap_socket(plain) as encrypted,
    ):
        return encrypted.getpeercert(True) or b""


def test_tls_serves_everything(secure: Service) -> None:
    trusted = {"verify": secure.settings["TLS_CERT"]}
    assert secure.url.startswith("https://")
    assert secure.get("/health", **trusted).json()["status"] == "healthy"
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    ticket = secure.post("/upload-url", body, **trusted).json()
    assert ticket["upload_url"].startswith("https://")
    content = os.urandom(3_000_000)
    headers = {"Content-Type": "image/jpeg"}
    put = requests.put(
        ticket["upload_url"],
        data=content,
        headers=headers,
        timeout=60,
        **trusted,  # type: ignore[arg-type]
    )
    assert put.status_code == 200
    assert secure.get(f"/images/{ticket['s3_key']}", **trusted).content == content
    job = secure.post(
        "/submit", {"job_type": "image_classification", "s3_keys": ["uploads/none.jpg"]}, **trusted
    ).json()["job_id"]
    events = secure.get(f"/events/{job}", **trusted).text
    assert "event: end" in events
    ml = requests.get(secure.ml + "/health", timeout=30, **trusted)  # type: ignore[arg-type]
    assert ml.status_code == 200
    named = secure.get("/health", headers={"Host": "photos.example"}, **trusted)
    assert "max-age" in named.headers["Strict-Transport-Security"]


def test_tls_with_curl(secure: Service) -> None:
    def curl(*options: str) -> subprocess.CompletedProcess[str]:
        command = ["curl", "-sS", "--max-time", "30", *options, secure.url + "/health"]
        return subprocess.run(command, capture_output=True, text=True)

    trusted = ("--cacert", secure.settings["TLS_CERT"])
    assert "healthy" in curl(*trusted).stdout
    assert "healthy" in curl(*trusted, "--tls-max", "1.2").stdout
    assert curl().returncode != 0  # self-signed
    old = ("--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0")
    assert curl(*trusted, *old).returncode != 0
    assert curl(*trusted, "--tls-max", "1.2", "--ciphers", "AES128-SHA").returncode != 0


def test_plain_http_on_a_tls_port_is_no_way_in(secure: Service) -> None:
    address = urlsplit(secure.url)
    with socket.create_connection((str(address.hostname), address.port or 0), 30) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"healthy" not in plain.recv(65_536)
    assert certificate_of(secure)


def test_a_new_certificate_is_taken_over(binary: Path, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    service = Service(tmp_path / "data", "backend", TLS_CERT=str(certificate), TLS_KEY=str(key))
    before = certificate_of(service)
    next_certificate, next_key = make_certificate(tmp_path, "next")
    # Between the two changes, certificate and key do not match.
    certificate.write_bytes(next_certificate.read_bytes())
    wait_until(lambda: "is not replaced" in service.log.read_text() or not certificate_of(service))
    assert certificate_of(service) == before
    key.write_bytes(next_key.read_bytes())
    service.process.send_signal(1)  # SIGHUP
    wait_until(lambda: "the TLS certificate has changed" in service.log.read_text())
    assert certificate_of(service) != before
    assert service.stop() == 0


@pytest.mark.parametrize("broken", ["certificate", "key", "other", "missing"])
def test_bad_tls_files_stop_the_start(binary: Path, tmp_path: Path, broken: str) -> None:
    certificate, key = make_certificate(tmp_path)
    if broken == "certificate":
        certificate.write_text("nothing")
    elif broken == "key":
        key.write_text("nothing")
    elif broken == "other":
        key = make_certificate(tmp_path, "other")[1]
    else:
        certificate.unlink()
    with pytest.raises(RuntimeError) as refused:
        Service(tmp_path / "data", "backend", TLS_CERT=str(certificate), TLS_KEY=str(key))
    wrong = "TLS_CERT" if broken in ("certificate", "missing") else "TLS_KEY"
    lines = [line for line in str(refused.value).splitlines() if "classifier:" in line]
    assert len(lines) == 1
    assert f"{wrong} is " in lines[0]


def test_behind_a_trusted_proxy(binary: Path, tmp_path: Path) -> None:
    proxied = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "Host": "a.example"}
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    for trusted, scheme in (("127.0.0.1", "https"), ("192.0.2.0/24", "http")):
        service = Service(
            tmp_path / scheme,
            "backend",
            TRUSTED_PROXIES=trusted,
            ALLOWED_HOSTS="a.example",
            LOG_LEVEL="debug",
        )
        answer = service.post("/upload-url", body, headers=proxied)
        assert answer.json()["upload_url"].startswith(f"{scheme}://a.example/")
        assert ("Strict-Transport-Security" in answer.headers) == (scheme == "https")
        while "/upload-url" not in service.log.read_text():
            time.sleep(0.05)
        assert ("198.51.100.7" in service.log.read_text()) == (scheme == "https")
        assert service.stop() == 0


# Headers for browsers and caches


def test_caches_keep_nothing_that_needs_a_key(guarded: tuple[Service, dict[str, str]]) -> None:
    service, keys = guarded
    headers = {"X-API-Key": keys["write"], "Content-Type": "application/json"}
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    ticket = service.post("/upload-url", body, headers=headers).json()
    url, key = ticket["upload_url"], ticket["s3_key"]

    def put(colour: tuple[int, int, int]) -> None:
        content_type = {"Content-Type": "image/jpeg"}
        answer = requests.put(url, data=photo(colour), headers=content_type, timeout=10)
        assert answer.status_code == 200

    put((255, 0, 0))
    path = f"/images/{key}/thumbnail?size=32"
    first = service.get(path, headers=headers)
    assert first.headers["Cache-Control"].startswith("private")
    assert "X-API-Key" in first.headers["Vary"]
    put((0, 0, 255))
    # The tag of other bytes gives no 304, and the server's cache returns no old thumbnail.
    second = service.get(path, headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    assert second.headers["ETag"] != first.headers["ETag"]
    assert second.content != first.content
    other_size = service.get(f"/images/{key}/thumbnail?size=48", headers=headers)
    assert other_size.headers["ETag"] != second.headers["ETag"]
    # Without a key there is no 304 either, which would reveal that the image exists.
    nosy = service.get(path, headers={"If-None-Match": second.headers["ETag"]})
    assert nosy.status_code == 401
    for private in ("/jobs", "/images", "/queue"):
        answer = service.get(private, headers=headers)
        assert answer.headers["Cache-Control"] == "private, no-cache", private
        assert "X-API-Key" in answer.headers["Vary"], private
        # Who has no key learns nothing with the tag of an answer.
        has_it = {"If-None-Match": answer.headers["ETag"]}
        assert service.get(private, headers=headers | has_it).status_code == 304
        assert service.get(private, headers=has_it).status_code == 401
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_origins_stay_out(binary: Path, tmp_path: Path) -> None:
    service = Service(
        tmp_path / "data", "backend", ALLOWED_ORIGINS="https://page.example", API_KEYS=CONFIGURED
    )
    for origin, allowed in (("https://page.example", True), ("https://evil.example", False)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
        asked = requests.options(service.url + "/images/a.jpg", headers=headers, timeout=10)
        assert (asked.status_code == 204) == allowed
        read = service.get("/jobs", headers={"Origin": origin, "X-API-Key": CONFIGURED})
        assert read.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Access-Control-Allow-Credentials" not in read.headers
    assert service.stop() == 0


def test_without_keys_other_pages_reach_nothing(
    binary: Path, tmp_path: Path, photos: dict[str, Path]
) -> None:
    """A page whose name resolves to this machine, and one that posts a form to it."""
    service = Service(tmp_path / "data", ALLOWED_HOSTS="nas.local")
    key = service.upload(photos["pets.jpg"], "a.jpg")
    for base in (service.url, service.ml, service.page):
        port = base.rsplit(":", 1)[1]
        for host in (f"evil.example:{port}", "x" * 300, f"127.0.0.1.evil.example:{port}"):
            for method, path in [
                ("GET", "/"),
                ("GET", "/health"),
                ("GET", f"/images/{key}"),
                ("DELETE", f"/images/{key}"),
                ("POST", "/classify"),
            ]:
                answer = requests.request(method, base + path, headers={"Host": host}, timeout=10)
                assert answer.status_code == 421, (base, host, method, path)
        for host in (f"nas.local:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost"):
            answer = requests.get(base + "/health", headers={"Host": host}, timeout=10)
            assert answer.status_code == 200, (base, host)
    form = {"images": ("a.jpg", photos["pets.jpg"].read_bytes(), "image/jpeg")}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        posted = requests.post(service.ml + "/classify", files=form, headers=headers, timeout=60)
        assert posted.status_code == 403, headers
        removed = requests.delete(f"{service.url}/images/{key}", headers=headers, timeout=10)
        assert removed.status_code == 403, headers
    own = {"Origin": service.ml, "Sec-Fetch-Site": "same-origin"}
    assert requests.post(service.ml + "/classify", files=form, headers=own, timeout=60).ok
    removed = requests.delete(
        f"{service.url}/images/{key}", headers={"Origin": service.url}, timeout=10
    )
    assert removed.status_code == 200
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /health HTTP/1.1\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n", "400"),
        ("GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n", "421"),
        ("GET http://localhost/health HTTP/1.1\r\nHost: evil.example\r\n", "200"),
        ("GET /health HTTP/1.1\r\nHost:\r\n", "200"),
        ("GET /health HTTP/1.0\r\n", "200"),
    ],
)
def test_hosts_that_no_browser_sends(binary: Path, tmp_path: Path, head: str, status: str) -> None:
    service = Service(tmp_path / "data", "backend")
    port = int(service.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        assert connection.recv(1000).split()[1].decode() == status
    assert service.stop() == 0


# Logs


def test_deletes_cancels_and_keys_are_audited(binary: Path, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    data = tmp_path / "data"
    keys = Keys(binary, data, AUDIT_LOG=str(log))
    admin = keys("add", "boss", "--role", "admin")
    writer = keys("add", "writer", "--role", "write")
    service = Service(data, "backend", AUDIT_LOG=str(log))
    headers = {"X-API-Key": writer}
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    ticket = service.post("/upload-url", body, headers=headers).json()
    requests.put(
        ticket["upload_url"], data=photo(), headers={"Content-Type": "image/jpeg"}, timeout=10
    )
    key = ticket["s3_key"]
    assert status(service, "DELETE", f"/images/{key}", writer) == 403
    assert status(service, "DELETE", f"/images/{key}", admin) == 200
    submission = {"job_type": "image_classification", "s3_keys": ["uploads/none.jpg"]}
    job = service.post("/submit", submission, headers=headers).json()["job_id"]
    assert status(service, "POST", f"/jobs/{job}/cancel", writer) == 200
    assert status(service, "DELETE", f"/jobs/{job}", writer) == 403
    assert status(service, "DELETE", f"/jobs/{job}", admin) == 200
    # What was answered is logged, whatever happens next.
    service.kill()
    keys("remove", "writer")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(e["action"], e["target"], e.get("key"), e.get("status")) for e in events] == [
        ("key.add", "boss", None, None),
        ("key.add", "writer", None, None),
        ("image.delete", key, "writer", 403),
        ("image.delete", key, "boss", 200),
        ("job.cancel", job, "writer", 200),
        ("job.delete", job, "writer", 403),
        ("job.delete", job, "boss", 200),
        ("key.remove", "writer", None, None),
    ]
    assert all(event["time"].endswith("Z") for event in events)
    assert events[2]["address"] == "127.0.0.1"
    assert events[2]["request_id"]


def test_the_audit_log_is_in_the_log_at_any_level(binary: Path, tmp_path: Path) -> None:
    service = Service.__new__(Service)
    service.role, service.data = "backend", tmp_path / "data"
    service.log = tmp_path / "data.log"
    # The addresses are logged at the level info, so this one has its own ports.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with service.log.open("w") as log:
        service.process = subprocess.Popen(
            [binary, "backend"],
            env=os.environ
            | {"DATA_DIR": str(service.data), "PORT": str(port)}
            | {"LOG_LEVEL": "error"},
            stderr=log,
        )
    service.url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return status(service, "GET", "/health") == 200
        except requests.ConnectionError:
            return False

    wait_until(answers)
    assert status(service, "DELETE", "/images/uploads/none.jpg") == 404
    assert '"action":"image.delete"' in service.log.read_text()
    assert service.stop() == 0


def test_secrets_are_never_revealed(binary: Path, tmp_path: Path) -> None:
    certificate, key_file = make_certificate(tmp_path)
    data = tmp_path / "data"
    keys = Keys(binary, data)
    stored = keys("add", "ci", "--role", "write")
    service = Service(
        data,
        API_KEYS=f"boss:admin:{CONFIGURED}",
        TLS_CERT=str(certificate),
        TLS_KEY=str(key_file),
        AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
        AWS_SECRET_ACCESS_KEY=AWS_SECRET,
        LOG_LEVEL="debug",
    )
    session = requests.Session()
    session.verify = str(certificate)
    session.trust_env = False  # its bundle of certificates would take precedence
    answers = []
    for given in ({"X-API-Key": CONFIGURED}, {"Authorization": f"Bearer {stored}"}):
        for method, path, body in [
            ("GET", "/jobs", None),
            ("GET", "/metrics", None),
            ("GET", "/nothing", None),
            ("GET", f"/jobs?next_token={CONFIGURED}", None),
            ("POST", "/upload-url", {"filename": "a.jpg", "content_type": "image/jpeg"}),
            ("POST", "/submit", {"job_type": "image_classification", "s3_keys": ["a.jpg"]}),
            ("POST", "/submit", {"job_type": "nonsense"}),
            ("DELETE", "/images/none.jpg", None),
        ]:
            answer = session.request(
                method, service.url + path, json=body, headers=given, timeout=60
            )
            if "next_token" not in path:  # which repeats its input
                answers.append(str(answer.headers))
                answers.append(answer.text)
    ticket = session.post(
        service.url + "/upload-url",
        json={"filename": "a.jpg", "content_type": "image/jpeg"},
        headers={"X-API-Key": CONFIGURED},
        timeout=60,
    ).json()
    url = ticket["upload_url"]
    image = {"Content-Type": "image/jpeg"}
    assert session.put(url, data=photo(), headers=image, timeout=60).status_code == 200
    assert session.put(url, data=b"", headers={}, timeout=60).status_code == 403
    wrong = CONFIGURED + "-not"
    for headers in ({"X-API-Key": wrong}, {"Authorization": f"Bearer {wrong}"}):
        answers.append(session.get(service.url + "/jobs", headers=headers, timeout=60).text)
    assert service.stop() == 0
    settings = subprocess.run(
        [binary, "settings"],
        env=os.environ | {"API_KEYS": CONFIGURED},
        capture_output=True,
        text=True,
        timeout=60,
    )
    everything = "\n".join(
        [*answers, service.log.read_text(), settings.stdout, settings.stderr, keys.said]
    )
    private = "".join(
        line for line in key_file.read_text().splitlines() if not line.startswith("-----")
    )
    secrets = {
        "configured key": CONFIGURED,
        "stored key": stored,
        "AWS secret": AWS_SECRET,
        "TLS key": private[:60],
        "upload secret": (data / "upload-secret").read_text().strip(),
        "hash of a key": json.loads((data / "api-keys.json").read_text())["keys"][0]["hash"],
    }
    assert {name for name, secret in secrets.items() if secret in everything} == set()
    signature = url.split("signature=")[1]
    assert signature not in service.log.read_text()
    assert "/upload-url" in service.log.read_text()  # it does log


# Hostile requests


@pytest.fixture(scope="module")
def open_service(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("open") / "data", ALLOWED_HOSTS="a")
    yield service
    assert service.stop() == 0, service.log.read_text()


def raw(service: Service, request: bytes) -> bytes:
    """The answer until the server closes the connection, or sends nothing for a second."""
    address = urlsplit(service.url)
    with socket.create_connection((str(address.hostname), address.port or 0), 30) as connection:
        connection.sendall(request)
        connection.settimeout(1)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except TimeoutError:
            pass
        return answer


TRAVERSALS = [
    "../../../../etc/passwd",
    "..%2F..%2F..%2Fetc%2Fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%2E%2E%2F%2E%2E%2Fjobs.sqlite",
    "uploads/..%2f..%2fupload-secret",
    "..%5C..%5Cupload-secret",
    "%2Fetc%2Fpasswd",
    "/etc/passwd",
    "a%00.jpg",
    "....//....//upload-secret",
    "..%c0%af..%c0%afetc/passwd",
    "..%252f..%252fupload-secret",
    "uploads/../../../upload-secret.jpg",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_store(open_service: Service, path: str) -> None:
    secret = (open_service.data / "upload-secret").read_bytes().strip()
    kept = sorted(p for p in open_service.data.parent.rglob("*") if "objects" not in p.parts)
    for method in ("GET", "DELETE"):
        for prefix, suffix in (("/images/", ""), ("/images/", "/thumbnail"), ("/assets/", "")):
            target = f"{prefix}{path}{suffix}".encode()
            answer = raw(
                open_service,
                f"{method} ".encode()
                + target
                + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            )
            assert answer.split()[1] in (b"400", b"404", b"405"), (method, path, answer[:200])
            assert secret not in answer
            assert b"root:" not in answer
    assert all(p.exists() for p in kept)


def test_keys_of_jobs_lead_nowhere(open_service: Service) -> None:
    for key in ("../../upload-secret", "uploads/../../x.jpg", "a\x00.jpg", "./a.jpg", "a/./b.jpg"):
        body = {"job_type": "image_classification", "s3_keys": [key]}
        assert open_service.post("/submit", body).status_code == 400, key
    # As a key this is only the name of no image.
    job = open_service.submit(["/etc/passwd"])
    assert open_service.wait(job)["status"] == "failed"
    assert "root:" not in open_service.get(f"/result/{job}").text


HOSTILE_LABELS = ["../../../../escaped", "/etc/cron.d/x", "..", "a/../../b", "C:\\windows", "~"]


def test_labels_are_no_paths(open_service: Service) -> None:
    key = open_service.upload(photo(), "a.jpg")
    job = open_service.submit(
        [key],
        job_type="custom_classification",
        custom_labels=HOSTILE_LABELS,
        confidence_threshold=0,
    )
    assert open_service.wait(job)["status"] == "completed"
    output = open_service.data / "objects/distributed-classifier-output"
    copies = [p for p in open_service.data.parent.rglob("*.jpg") if "uploads" not in p.parts]
    assert copies
    for copy in copies:
        assert copy.is_relative_to(output / job), copy
        assert len(copy.relative_to(output / job).parts) == 2, copy


def test_cells_of_a_table_are_no_formulas(open_service: Service) -> None:
    names = ["=cmd|' /C calc'!A0.jpg", "+1.jpg", "-1.jpg", "@SUM(A1).jpg", '"=1",2.jpg']
    job = open_service.submit(names)
    open_service.wait(job)
    text = open_service.get(f"/result/{job}.csv").text
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == len(names) + 1
    for row in rows:
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), row


def test_a_huge_result_takes_no_memory(binary: Path, tmp_path: Path) -> None:
    images = 100_000
    service = Service(tmp_path / "data")
    job = service.submit([f"missing/{number}.jpg" for number in range(images)])
    service.wait(job, seconds=300)
    before = service.peak_kb()
    for path, size in ((f"/result/{job}", 200 * images), (f"/result/{job}.csv", 80 * images)):
        with service.get(path, stream=True) as answer:
            received = sum(len(piece) for piece in answer.iter_content(1 << 16))
        assert received > size, path
    # It is tens of megabytes long.
    assert service.peak_kb() - before < 8 * 1024
    assert service.stop() == 0


def test_names_cannot_become_scripts(open_service: Service) -> None:
    """The API returns them as JSON that browsers do not render; the dashboard's own tests show that
    it displays them as text."""
    name = "<img src=x onerror=alert(1)>.jpg"
    key = open_service.upload(photo(), name)
    assert "<" not in key
    job = open_service.submit(["<script>alert(1)</script>.jpg"])
    open_service.wait(job)
    for path in (f"/result/{job}", f"/images?prefix={key}", "/status/<script>alert(1)</script>"):
        answer = open_service.get(path)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    # An upload is never served as anything but an image, whatever its bytes are.
    page = open_service.upload(b"<html><script>alert(1)</script>", "a.jpg")
    served = open_service.get(f"/images/{page}")
    assert served.headers["Content-Type"] == "image/jpeg"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in served.headers["Content-Security-Policy"]


def test_no_call_makes_the_server_ask_another_one(open_service: Service) -> None:
    """Addresses of servers come only from the operator's settings."""
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(1)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/x.jpg"
        job = open_service.submit([address, "file:///etc/passwd"])
        status_of_job = open_service.wait(job)
        assert status_of_job["failed"] == 2
        body = {"job_type": "image_classification", "s3_keys": [address.replace("http", "s3")]}
        assert open_service.post("/submit", body).status_code == 400
        body = {"job_type": "image_classification", "s3_keys": [address], "s3_bucket": address}
        direct = requests.post(open_service.ml + "/classify", json=body, timeout=30)
        assert direct.status_code == 400
        ticket = {"filename": address, "content_type": "image/jpeg", "endpoint": address}
        open_service.post("/upload-url", ticket)
        open_service.get("/images", headers={"X-Forwarded-Host": address, "Referer": address})
        with pytest.raises(TimeoutError):
            trap.accept()


def test_upload_urls_are_for_one_object_type_and_hour(open_service: Service) -> None:
    body = {"filename": "a.jpg", "content_type": "image/jpeg"}
    url = open_service.post("/upload-url", body).json()["upload_url"]

    def put(target: str, content_type: str = "image/jpeg", size: int = 10) -> int:
        headers = {"Content-Type": content_type}
        answer = requests.put(target, data=b"x" * size, headers=headers, timeout=60)
        return answer.status_code

    for tampered in (
        url.replace("/a_", "/b_"),
        url.replace("uploads/", "uploads/../"),
        url.replace("image%2Fjpeg", "text%2Fhtml"),
        url.replace("expires=", "expires=1"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url + "0",
        url.split("&signature")[0],
        url.split("?")[0],
    ):
        assert put(tampered) in (400, 403), tampered
        assert put(tampered, "text/html") in (400, 403), tampered
    assert put(url, "text/html") == 403
    assert put(url, "image/png") == 403
    assert put(url, size=0) == 200
    limit = 67_108_864
    headers = b"Host: a\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (limit + 1)
    target = url.split(open_service.url)[-1].encode()
    assert b" 413 " in raw(open_service, b"PUT " + target + b" HTTP/1.1\r\n" + headers)[:20]
    # The same URL again, within its hour: as with S3, it can be reused.
    assert put(url) == 200


def test_nobody_smuggles_a_second_request(open_service: Service) -> None:
    """If a proxy in front and this server could disagree on where a body ends, the request is
    rejected and the connection closed, so that the rest is never read as a request."""
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    ambiguous = [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"X: y\r\rTransfer-Encoding: chunked\r\n",
        b"X: a\x00b\r\n",
    ]
    for fields in ambiguous:
        request = (
            b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + fields
            + b"\r\n0\r\n\r\n"
            + hidden
        )
        answer = raw(open_service, request)
        assert answer.split(b" ")[1] in (b"400", b"501"), (fields, answer[:300])
        assert answer.count(b"\r\nDate: ") == 1, (fields, answer)
        assert b"Connection: close" in answer, fields
    for line in (
        b"GET /health HTTP/1.1 extra",
        b"GET\t/health\tHTTP/1.1",
        b"GET  /health HTTP/1.1",
    ):
        answer = raw(open_service, line + b"\r\nHost: a\r\n\r\n" + hidden)
        assert answer.count(b"\r\nDate: ") == 1, (line, answer)
        assert b" 400 " in answer[:20], (line, answer)
    # Folded values and control characters never become fields of an answer.
    answer = raw(
        open_service,
        b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: a\r\n b: c\r\n\r\n",
    )
    assert b"\r\n b: c" not in answer


def test_floods_of_fields_are_refused(open_service: Service) -> None:
    many = b"".join(b"X-%d: a\r\n" % i for i in range(20_000))
    assert b" 431 " in raw(open_service, b"GET /health HTTP/1.1\r\nHost: a\r\n" + many)[:20]
    long = b"X: " + b"a" * 1_000_000
    assert b" 431 " in raw(open_service, b"GET /health HTTP/1.1\r\nHost: a\r\n" + long)[:20]
    assert open_service.get("/health").status_code == 200


def test_thousands_of_idle_connections(binary: Path, tmp_path: Path) -> None:
    """Ten thousand if the system allows; they need little memory, and others are still served."""
    spare = 500
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(10_000, hard - spare)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    service = Service(tmp_path / "data", "backend", MAX_CONNECTIONS=str(count + 50))

    def resident() -> int:
        pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    before = resident()
    address = urlsplit(service.url)
    idle = []
    try:
        for _ in range(count):
            idle.append(socket.create_connection((str(address.hostname), address.port or 0), 60))
            # Half a header: the worst case.
            idle[-1].sendall(b"GET /health HTTP/1.1\r\n")
        assert service.get("/health").status_code == 200
        for_each = (resident() - before) / count
        print(f"{count} idle connections, {for_each:.0f} bytes each")
        assert for_each < 64 << 10
    finally:
        for connection in idle:
            connection.close()
    assert service.get("/health").status_code == 200
    assert service.stop() == 0
