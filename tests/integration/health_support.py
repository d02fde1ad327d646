# SPDX-License-Identifier: Apache-2.0
"""What the tests of mod_tier_health share: configurations, and what httpd says of its balancers."""
import contextlib
import html
import itertools
import json
import re
import socket
import threading
import urllib.parse

# A probe may take 400 ms, so that a good member passes on a busy machine; what contradicts the state is asked again soon.
FAST = "interval=400ms suspect=100ms down=100ms timeout=400ms rise=2 fall=3"

PAGES = """
<Location "/balancer-manager">
    SetHandler balancer-manager
</Location>
<Location "/tier-status">
    SetHandler tier-status
</Location>
ProxyPass "/balancer-manager" "!"
ProxyPass "/tier-status" "!"
"""


def balancer(members, check=f"http uri=/health {FAST}", name="app", path="/", more=""):
    """Returns a balancer section with a check (none if empty), its ProxyPass, and the pages that tell of it."""
    lines = "\n".join(f'    BalancerMember "{getattr(member, "url", member)}"' for member in members)
    directive = f"TierHealthCheck {check}" if check else ""
    return f"""
<Proxy "balancer://{name}">
{lines}
    {directive}
    {more}
</Proxy>
{PAGES}
ProxyPass "{path}" "balancer://{name}/"
"""


def told(server):
    """Returns what the status provider says."""
    return json.loads(server.get("/tier-status/json").body)["modules"]["health"]


def members(server, name="app"):
    """Returns the members of a balancer as the status provider has them, by their URL."""
    found = [told_of for told_of in told(server)["balancers"] if told_of["name"] == f"balancer://{name}"]
    return {member["url"]: member for member in found[0]["members"]} if found else {}


def state(server, member, name="app"):
    """Returns "checking", "up" or "down"; None for a member that is not checked."""
    return members(server, name).get(getattr(member, "url", member), {}).get("state")


def manager(server, **options):
    """Asks balancer-manager, which wants to be asked from its own page."""
    return server.get("/balancer-manager", headers={"Referer": "http://localhost/balancer-manager"}, **options)


def flags(server, member):
    """Returns what balancer-manager shows as the status of a member ("Init Ok", "Init HcFl", ...)."""
    page = manager(server).body.decode()
    url = re.escape(getattr(member, "url", member))
    row = re.search(rf">{url}</a></td>(.*?)</tr>", page, re.S)
    cells = re.findall(r"<td>(.*?)</td>", row.group(1), re.S)
    return next(cell.strip() for cell in cells if "Init" in cell)


def factor(server, member):
    """Returns the load factor that balancer-manager shows."""
    page = html.unescape(manager(server).body.decode())
    row = re.search(rf">{re.escape(member.url)}</a></td>(.*?)</tr>", page, re.S).group(1)
    return float(re.findall(r"<td>(.*?)</td>", row, re.S)[2])


def change(server, **parameters):
    """Posts to balancer-manager as its forms do."""
    nonce = re.search(r"nonce=([0-9a-f-]+)", manager(server).body.decode()).group(1)
    form = urllib.parse.urlencode({"b": "app", "nonce": nonce, **parameters})
    answer = server.get("/balancer-manager", method="POST", body=form.encode(),
                        headers={"Referer": "http://localhost/balancer-manager",
                                 "Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200


def down_lines(server, member=""):
    return [line for line in server.log_lines("WT1001") if getattr(member, "url", member) in line]


class Script:
    """A server that answers its n-th connection (from 0) with answers(n), in a thread of the test."""

    def __init__(self, answers, path=None):
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._listener.bind(path or ("127.0.0.1", 0))
        self._listener.listen(64)
        self.url = f"unix:{path}|http://localhost" if path else f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        for number in itertools.count():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                self._talk(connection, number)

    def _talk(self, connection, number):
        self.requests.append(connection.recv(4096))
        connection.sendall(self._answers(number))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Agent(Script):
    """Says one line to everybody, at once."""

    def __init__(self, line):
        self.line = line
        super().__init__(lambda n: b"")

    @property
    def port(self):
        return self.url.rpartition(":")[2]

    def _talk(self, connection, number):
        connection.sendall(self.line)


def answer(status=200, body=b"ok"):
    return b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(body), body)
