"""Alerts reach the log, the terminal and the webhook: each once, whatever is killed, down or led elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from alert_material import MONDAY, WEEK, Trap, answers, body, is_silent, shift, trap

from tunesmith.errors import Phrase, TunesmithError
from tunesmith.i18n import translate
from tunesmith.monitor.alerts import Alert, Source, alerts_of
from tunesmith.monitor.deliver import (
    FIRST_WAIT,
    MAX_WAIT,
    Outbox,
    Sink,
    append_alerts,
    read_alerts,
    read_outbox,
    say_alerts,
    say_delivered,
    taken_over,
)
from tunesmith.monitor.webhook import Address, Receiver, Resolve, look_up, may_be_asked, receiver_of, signature
from tunesmith.recipe.alerts import Alerts, Webhook
from tunesmith.runtime import Runtime

NOW = MONDAY + WEEK


def alerts(num: int, first_week: int = 0) -> list[Alert]:
    """So many, each of another window."""
    found: list[Alert] = []
    for week in range(first_week, first_week + num):
        found += alerts_of(body(week, shift(is_alarm=week % 2 == 0)), Alerts(), found, Source("bot", f"health/{week}"))
    return found


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def sink(folder: Path, receiver: Receiver | None, clock: Clock, max_waiting: int = 100) -> Sink:
    return Sink(folder / "outbox.json", receiver, max_waiting, clock)


def at(made: Trap, secret: str | None = None) -> Receiver:
    return Receiver(Webhook(url=made.url, private=True), secret)


# the log


def test_the_log_gives_back_what_was_added(tmp_path: Path) -> None:
    file = tmp_path / "workspace" / "alerts.jsonl"
    assert read_alerts(file) == []
    append_alerts(file, alerts(2))
    append_alerts(file, [])
    append_alerts(file, alerts(1, 2))
    assert read_alerts(file) == [*alerts(2), *alerts(1, 2)]
    assert [json.loads(line)["feature"] for line in file.read_text(encoding="utf-8").splitlines()] == ["length"] * 3


def test_a_torn_last_line_is_cut_and_one_that_is_no_alert_is_none(tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    append_alerts(file, alerts(1))
    with file.open("ab") as stream:
        stream.write(b"a note of somebody\n" + alerts(2)[1].model_dump_json().encode()[:40])
    assert read_alerts(file) == alerts(1)
    append_alerts(file, alerts(2)[1:])
    assert read_alerts(file) == alerts(2)


class Said:
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, steps: int = 1, **figures: float) -> None: ...

    def end(self) -> None: ...

    def say(self, key: str, level: str = "info", **parameters: object) -> None:
        self.lines.append((level, translate(key, "zh", **parameters)))


def test_the_terminal_hears_it_in_its_language() -> None:
    progress = Said()
    say_alerts(alerts(2), progress, "zh")
    (first, second) = progress.lines
    assert first == ("warning", alerts(1)[0].text["zh"])
    assert second[0] == "info"
    assert "已消失" in second[1]


# the outbox


def test_what_is_taken_is_posted_once_with_its_id(tmp_path: Path) -> None:
    clock, log = Clock(), alerts(3)
    with trap(answers(204)) as made:
        done = sink(tmp_path, at(made), clock).deliver(log)
        again = sink(tmp_path, at(made), clock).deliver(log)
        more = sink(tmp_path, at(made), clock).deliver([*log, *alerts(1, 4)])
    assert (done.num_delivered, done.num_waiting, done.problem) == (3, 0, None)
    assert (again.num_delivered, more.num_delivered) == (0, 1)
    assert [post.headers["idempotency-key"] for post in made.posts] == [each.id for each in [*log, *alerts(1, 4)]]
    assert [Alert.model_validate_json(post.body) for post in made.posts[:3]] == log
    assert made.posts[0].line == "POST /hook HTTP/1.1"
    assert made.posts[0].headers["content-type"] == "application/json"
    assert made.posts[0].headers["host"] == f"127.0.0.1:{made.port}"


def test_a_receiver_that_is_down_is_asked_less_and_less_and_gets_all_in_their_order(tmp_path: Path) -> None:
    clock, log = Clock(), alerts(3)
    tries: list[float] = []
    with trap(answers(*[503] * 5, 200)) as made:
        receiver = at(made)
        while len(made.posts) < 8:
            before = len(made.posts)
            sink(tmp_path, receiver, clock).deliver(log)
            tries += [(clock.now - NOW).total_seconds()] * (len(made.posts) > before)
            clock.now += timedelta(seconds=10)
    # doubled with each: 30, 60, 120, 240, 480; one post at a time until it answers
    assert tries == [0.0, 30.0, 90.0, 210.0, 450.0, 930.0]
    keys = [post.headers["idempotency-key"] for post in made.posts]
    assert keys == [log[0].id] * 6 + [log[1].id, log[2].id]
    assert read_outbox(tmp_path / "outbox.json").num_delivered == 3


def test_the_wait_has_an_end_and_a_clock_that_ran_ahead_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    with trap(answers(500)) as made:
        receiver = at(made)
        for number in range(12):
            sink(tmp_path, receiver, clock).deliver(alerts(1))
            assert len(made.posts) == number + 1
            clock.now += MAX_WAIT
        clock.now -= timedelta(days=3650)
        sink(tmp_path, at(made), clock).deliver(alerts(1))
        assert len(made.posts) == 13


def test_one_alert_that_is_refused_does_not_hold_up_the_others(tmp_path: Path) -> None:
    clock, log = Clock(), alerts(3)
    with trap(answers(400, 200)) as made:
        done = sink(tmp_path, at(made), clock).deliver(log)
        assert (done.num_delivered, done.num_waiting) == (2, 1)
        assert done.problem == Phrase("alert.problem.status", {"status": 400})
        sink(tmp_path, at(made), clock).deliver(log)
        assert len(made.posts) == 3
        clock.now += FIRST_WAIT
        assert sink(tmp_path, at(made), clock).deliver(log).num_waiting == 0
    assert made.posts[3].headers["idempotency-key"] == log[0].id


def test_more_than_may_wait_are_dropped_the_oldest_first_counted_and_told(tmp_path: Path) -> None:
    clock, log = Clock(), alerts(7)
    with trap(answers(503)) as made:
        first = sink(tmp_path, at(made), clock, 4).deliver(log[:5])
        second = sink(tmp_path, at(made), clock, 4).deliver(log)
    outbox = read_outbox(tmp_path / "outbox.json")
    assert [each.alert.id for each in outbox.waiting] == [each.id for each in log[3:]]
    assert (first.num_dropped, second.num_dropped, outbox.num_dropped) == (1, 2, 3)
    progress = Said()
    say_delivered(second, progress)
    assert [level for level, _ in progress.lines] == ["warning"] * len(progress.lines)
    assert "2 条告警已不再发送" in progress.lines[0][1]


def test_alerts_of_before_there_was_a_webhook_are_not_sent(tmp_path: Path) -> None:
    clock = Clock()
    done = sink(tmp_path, None, clock, 2).deliver(alerts(3))
    assert (done.num_delivered, done.num_waiting, done.num_dropped) == (0, 0, 0)
    with trap(answers(200)) as made:
        sink(tmp_path, at(made), clock).deliver(alerts(4))
    assert [post.headers["idempotency-key"] for post in made.posts] == [alerts(4)[3].id]


def test_a_log_that_was_moved_away_begins_anew() -> None:
    outbox = taken_over(Outbox(), alerts(2), 10)
    assert [each.alert for each in outbox.waiting] == alerts(2)
    assert taken_over(outbox, alerts(2), 10) == outbox
    assert taken_over(outbox, [], 10) == outbox
    assert [each.alert for each in taken_over(outbox, alerts(1, 4), 10).waiting] == [*alerts(2), *alerts(1, 4)]


def test_a_damaged_outbox_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.json").write_text("{", encoding="utf-8")
    with pytest.raises(TunesmithError) as refused:
        sink(tmp_path, None, Clock()).deliver([])
    assert refused.value.code == "outbox-damaged"


# who is posted to


REFUSED = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "169.254.169.254",
    "168.63.129.16",  # Azure's
    "192.0.0.192",  # Oracle's
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
]
PUBLIC = ["93.184.215.14", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"]
NEVER = [
    "100.100.100.200",
    "192.0.0.192",
    "0.0.0.0",
    "169.254.169.254",
    "168.63.129.16",
    "224.0.0.1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
]
NEVER += ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]


@pytest.mark.parametrize("address", REFUSED)
def test_no_alert_goes_to_an_address_that_is_nobody_elses(address: str) -> None:
    assert not may_be_asked(address, private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_asked(address: str) -> None:
    assert may_be_asked(address, private=False)
    assert may_be_asked(address, private=True)


@pytest.mark.parametrize("address", REFUSED)
def test_a_word_opens_ones_own_network_and_no_clouds_secrets(address: str) -> None:
    assert may_be_asked(address, private=True) == (address not in [*NEVER, "fe80::1%eth0", "239.255.255.250"])


def test_every_address_of_the_registries_special_blocks_is_refused() -> None:
    """IANA's IPv4 special-purpose registry, written out: what is not globally reachable is asked by nobody."""
    blocks = "0/8 10/8 100.64/10 127/8 169.254/16 172.16/12 192.0.2/24 192.168/16 198.18/15 198.51.100/24 203.0.113/24"
    for block in f"{blocks} 224/4 240/4".split():
        address, _, bits = block.partition("/")
        octets = ([int(part) for part in address.split(".")] + [0, 0, 0])[:4]
        first = int.from_bytes(bytes(octets), "big")
        for number in (first, first + 2 ** (32 - int(bits)) - 1):
            assert not may_be_asked(str(ip_address(number)), private=False), ip_address(number)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "0", "017700000001"])
def test_no_spelling_of_this_machine_reaches_it(host: str) -> None:
    # what a system's resolver makes of such numbers
    meant = socket.inet_ntoa(socket.inet_aton(host))
    assert meant in ("127.0.0.1", "0.0.0.0")
    _, resolve = names([meant])
    with trap(answers(200)) as made:
        receiver = Receiver(Webhook(url=f"https://{host}:{made.port}/hook"), resolve=resolve)
        assert receiver.post(b"{}", {}, NOW).problem is not None
        assert made.num_connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_not_asked_by_its_names(host: str) -> None:
    with trap(answers(200)) as made:
        assert Receiver(Webhook(url=f"https://{host}:{made.port}/hook")).post(b"{}", {}, NOW).problem is not None
        assert made.num_connections == 0


def names(*lists: list[str]) -> tuple[list[str], Resolve]:
    """A name server that gives these lists in turn, and the names that it was asked."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[Address]:
        asked.append(host)
        return [(socket.AF_INET, (address, port)) for address in lists[min(len(asked), len(lists)) - 1]]

    return asked, resolve


@pytest.mark.parametrize("order", [["93.184.215.14", "127.0.0.1"], ["127.0.0.1", "93.184.215.14"]])
def test_one_private_address_among_public_ones_is_refused_before_any_is_asked(order: list[str]) -> None:
    _, resolve = names(order)
    with trap(answers(200)) as made:
        receiver = Receiver(Webhook(url=f"https://hooks.example:{made.port}/"), resolve=resolve)
        answer = receiver.post(b"{}", {}, NOW)
        assert answer.problem == Phrase("alert.problem.address", {"host": "hooks.example", "address": "127.0.0.1"})
        assert made.num_connections == 0


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name server that changes its mind between the look and the connection moves nothing (DNS rebinding)."""
    with trap(answers(200)) as wanted, trap(answers(200), "127.0.0.2", wanted.port) as other:
        asked, resolve = names(["127.0.0.1"], ["127.0.0.2"])
        webhook = Webhook(url=f"http://hooks.example:{wanted.port}/", private=True)
        answer = Receiver(webhook, resolve=resolve).post(b"{}", {}, NOW)
    assert answer.problem is None
    assert asked == ["hooks.example"]
    assert (wanted.num_connections, other.num_connections) == (1, 0)
    assert wanted.posts[0].headers["host"] == f"hooks.example:{wanted.port}"


def test_of_several_addresses_the_next_is_asked_where_one_is_closed() -> None:
    with trap(answers(200), "127.0.0.2") as made:
        _, resolve = names(["127.0.0.1", "127.0.0.2"])
        webhook = Webhook(url=f"http://hooks.example:{made.port}/", private=True)
        assert Receiver(webhook, resolve=resolve).post(b"{}", {}, NOW).problem is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with trap(answers(200)) as secrets:
        with trap(answers(status, more=f"Location: {secrets.url}\r\n".encode())) as made:
            answer = at(made).post(b"{}", {}, NOW)
        assert answer.problem == Phrase("alert.problem.status", {"status": status})
        assert (made.num_connections, secrets.num_connections) == (1, 0)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with trap(answers(200)) as proxy, trap(answers(200)) as made:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert at(made).post(b"{}", {}, NOW).problem is None
    assert (made.num_connections, proxy.num_connections) == (1, 0)


# signatures


def test_a_post_is_signed_over_its_time_and_body(tmp_path: Path) -> None:
    with trap(answers(200)) as made:
        sink(tmp_path, at(made, secret="word"), Clock()).deliver(alerts(1))
    (post,) = made.posts
    said = dict(part.split("=") for part in post.headers["tunesmith-signature"].split(","))
    assert datetime.fromtimestamp(int(said["t"]), UTC) == NOW
    expected = hmac.new(b"word", said["t"].encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert said["v1"] == expected


def test_another_time_or_body_has_another_signature() -> None:
    made = {signature("word", b"{}", NOW), signature("word", b"[]", NOW), signature("other", b"{}", NOW)}
    assert len({each.partition(",")[2] for each in made | {signature("word", b"{}", NOW + WEEK)}}) == 4


def test_a_secret_that_is_not_set_is_told_and_one_that_is_stays_hidden(runtime: Runtime) -> None:
    webhook = Webhook(url="https://a.example/", secret="HOOK_SECRET")
    with pytest.raises(TunesmithError) as refused:
        receiver_of(webhook, runtime)
    assert refused.value.code == "webhook-secret"
    assert "HOOK_SECRET" in refused.value.hint()
    assert "word" not in repr(Receiver(webhook, "word"))


# TLS


def certificate(folder: Path, name: str) -> Path:
    """A certificate of its own authority for a name, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "is_taken"), [("hooks.example", True), ("other.example", False)])
def test_the_certificate_is_judged_by_the_name_not_by_the_address(tmp_path: Path, name: str, is_taken: bool) -> None:
    file = certificate(tmp_path, "hooks.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    plain = answers(200)

    def encrypted(connection: socket.socket, made: Trap, over: threading.Event) -> None:
        with server.wrap_socket(connection, server_side=True) as inner:
            plain(inner, made, over)

    _, resolve = names(["127.0.0.1"])
    with trap(encrypted) as made:
        webhook = Webhook(url=f"https://{name}:{made.port}/hook", private=True)
        trusting = ssl.create_default_context(cafile=str(file))
        answer = Receiver(webhook, resolve=resolve, tls=lambda: trusting).post(b"{}", {}, NOW)
        assert (answer.problem is None) == is_taken
        strict = Receiver(webhook, resolve=resolve).post(b"{}", {}, NOW)
        assert strict.problem is not None
    assert len(made.posts) == is_taken


def test_a_receiver_that_hangs_before_the_certificate_is_cut_off() -> None:
    with trap(is_silent) as made:
        webhook = Webhook(url=f"https://127.0.0.1:{made.port}/", private=True)
        answer = Receiver(webhook, whole_seconds=0.1).post(b"{}", {}, NOW)
    assert answer.problem == Phrase("alert.problem.slow", {"seconds": "0.1"})


def test_the_systems_names_are_looked_up() -> None:
    assert ("127.0.0.1", 80) in [address for _, address in look_up("127.0.0.1", 80)]
