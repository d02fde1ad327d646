# SPDX-License-Identifier: Apache-2.0
"""Probes over TLS: certificates, and members that are stuck in the handshake."""
import contextlib
import socket

from health_probe_support import TlsScript, authority
from health_support import FAST, Script, answer, balancer, members

STRICT = f"{FAST} verify=on"


def last(server, member):
    return members(server)[member.url]["last_result"]


def test_good_certificate(httpd):
    with authority() as ca, TlsScript(lambda n: answer(), ca.certificate()) as member:
        server = httpd(modules=["health", "status"], vhost=balancer(
            [member], f"https uri=/health host=localhost ca={ca.file} {STRICT}"))
        server.wait_log("WT1002")
        assert last(server, member) == "status 200 Told"
        assert member.requests[0].startswith(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")


WRONG = {
    "wrong_name: the member's certificate is for other.example, not for 127.0.0.1": {"names": "DNS:other.example"},
    "expired: the member's certificate was valid until ": {"days": -1},
    "untrusted: the member's certificate cannot be trusted: ": {},
}


def test_wrong_certificates(httpd):
    with authority() as ca, authority() as other, contextlib.ExitStack() as stack:
        cases = [(kind, problem, stack.enter_context(TlsScript(
            lambda n: answer(), ca.certificate(**WRONG[problem]))))
            for problem in WRONG for kind in ("https", "tls")]
        checks = "\n".join(f"TierHealthCheck {kind} ca={(other if problem.startswith('untrusted') else ca).file} "
                           f"{STRICT} member={member.url}" for kind, problem, member in cases)
        server = httpd(modules=["health", "status"], vhost=balancer([case[2] for case in cases], "", more=checks))
        lines = server.wait_log("WT1001", count=len(cases))
        for _, problem, member in cases:
            assert problem in next(line for line in lines if member.url in line)
            assert not any(member.requests)  # nobody is asked who is not who he should be


def test_handshake_alone(httpd):
    with authority() as ca, TlsScript(lambda n: b"", ca.certificate()) as member:
        server = httpd(modules=["health", "status"], vhost=balancer([member], f"tls ca={ca.file} {STRICT}"))
        server.wait_log("WT1002")
        assert last(server, member).startswith("TLSv1.3, certificate valid for ")


def test_as_mod_ssl_has_it(httpd):
    """What the probe does not say comes from the SSLProxy directives around it."""
    with authority() as ca, TlsScript(lambda n: answer(), ca.certificate("DNS:other.example")) as member:
        lenient = balancer([member], f"https {FAST}", more="SSLProxyCheckPeerName off\nSSLProxyVerify none")
        server = httpd(modules=["health", "status"], tls=True, vhost=f"SSLProxyEngine on\n{lenient}")
        server.wait_log("WT1002")
        server.allow_log("AH01897")  # mod_ssl on SSLProxyVerify without authorities
        server.reconfigure(conf="SSLProxyVerify require\nSSLProxyCheckPeerName off",
                           vhost="SSLProxyEngine on\n" + balancer([member], f"https {FAST}"))
        server.restart_hard()
        assert "untrusted: " in server.wait_log("WT1001")[0]


def test_certificates_of_mod_ssl(httpd):
    """The authorities and the own certificate of the section's SSLProxy directives."""
    with authority() as ca, authority() as other:
        pair = ca.file.with_name("client.both")
        certificate, key = ca.certificate(name="client")
        pair.write_bytes(certificate.read_bytes() + key.read_bytes())
        pair.chmod(0o644)
        with TlsScript(lambda n: answer(), ca.certificate(), wants=ca) as mine, \
                TlsScript(lambda n: answer(), other.certificate()) as stranger:
            server = httpd(modules=["health", "status"], tls=True, vhost="SSLProxyEngine on\n" + balancer(
                [mine, stranger], f"https {FAST}", more=f"""SSLProxyVerify require
                SSLProxyCACertificateFile {ca.file}
                SSLProxyMachineCertificateFile {pair}"""))
            assert mine.url in server.wait_log("WT1002")[0]
            assert f"member {stranger.url} is down" in server.wait_log("WT1001")[0]
            assert last(server, stranger).startswith("untrusted: ")


def test_client_certificate(httpd):
    with authority() as ca:
        certificate, key = ca.certificate(name="client")
        with TlsScript(lambda n: answer(), ca.certificate(), wants=ca) as member:
            server = httpd(modules=["health", "status"], vhost=balancer(
                [member], f"https ca={ca.file} cert={certificate} key={key} {STRICT}"))
            server.wait_log("WT1002")
        with TlsScript(lambda n: answer(), ca.certificate(), wants=ca) as member:
            server = httpd(modules=["health", "status"], vhost=balancer([member], f"https ca={ca.file} {STRICT}"))
            # TLS 1.3 tells of it after the handshake; the member may reset before that is read.
            assert any(word in server.wait_log("WT1001")[0] for word in ("tls: ", "closed: ", "reset: "))


def test_member_that_speaks_no_tls(httpd):
    with Script(lambda n: answer(400)) as member:
        member.url = member.url.replace("http:", "https:")
        server = httpd(modules=["health", "status"], vhost=balancer([member], f"https {STRICT}"))
        assert "handshake: wrong version number" in server.wait_log("WT1001")[0]


def test_member_that_hangs_in_the_handshake(httpd, app):
    good = app()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(64)
        member = f"https://127.0.0.1:{deaf.getsockname()[1]}"
        more = f"TierHealthCheck http interval=100ms member={good.url}"
        server = httpd(modules=["health", "status"], vhost=balancer([member, good], f"https {STRICT}", more=more))
        assert "timeout: no end of the TLS handshake within 400ms" in server.wait_log("WT1001")[0]
        # Three handshakes of 400 ms, one after the other, would have left it two probes.
        assert good.count("/") > 4
