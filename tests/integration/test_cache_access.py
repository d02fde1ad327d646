# SPDX-License-Identifier: Apache-2.0
"""A hit obeys Require as a miss does, whatever the rule and wherever it stands."""
from cache_support import is_hit

PUBLIC = {"Cache-Control": "public, max-age=600"}
AUTHORITIES = ["auth_basic", "authn_core", "authn_file", "authz_user", "remoteip"]
ANNA = {"Authorization": "Basic YW5uYTpzZWNyZXQ="}
BERT = {"Authorization": "Basic YmVydDpzZWNyZXQ="}
PASSWORDS = "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbert:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"  # secret

# A rule, the fields of a request that it admits (None: of none), those of one that it refuses, and how.
RULES = {
    "ip": ("Require ip 192.0.2.1", {"X-Client": "192.0.2.1"}, {"X-Client": "192.0.2.2"}, 403),
    "user": ("AuthType Basic\nAuthName shop\nAuthUserFile {root}/passwords\nRequire user anna", ANNA, BERT, 401),
    "valid-user": ("AuthType Basic\nAuthName shop\nAuthUserFile {root}/passwords\nRequire valid-user", BERT, {}, 401),
    "expr": ("Require expr \"%{{HTTP:X-Pass}} == 'yes'\"", {"X-Pass": "yes"}, {"X-Pass": "no"}, 403),
    "none": ("<RequireAll>\nRequire all granted\n<RequireNone>\nRequire expr \"%{{HTTP:X-Robot}} == 'yes'\"\n"
             "</RequireNone>\n</RequireAll>", {}, {"X-Robot": "yes"}, 403),
    "denied": ("Require all denied", None, {}, 403),
}
PLACES = {"location": "<Location /location/{name}>", "match": '<LocationMatch "^/match/{name}/">',
          "proxy": '<Proxy "{url}/proxy/{name}/*">', "directory": '<Directory "{docroot}/directory/{name}">'}


def rules_of(server, origin):
    """Returns the sections of all rules in all places."""
    lines = []
    for place, opening in PLACES.items():
        for name, (rule, *_) in RULES.items():
            head = opening.format(name=name, url=origin.url, docroot=server.docroot)
            lines += [head, rule.format(root=server.root), f"</{head[1:].split()[0]}>"]
    return "\n".join(lines)


def test_a_hit_obeys_require_as_a_miss_does(httpd, app):
    """Everything is stored while nothing is forbidden; then the rules come, by a graceful restart, which keeps it."""
    origin = app(body=b"the page", headers=PUBLIC)
    vhost = (f"RemoteIPHeader X-Client\nTierCache on\nProxyPass /directory !\nProxyPass / {origin.url}/\n"
             '<Location /directory>\nHeader set Cache-Control "public, max-age=600"\n</Location>\n')
    server = httpd(modules=["cache"], vhost=vhost, extra=AUTHORITIES)
    server.allow_log("AH01630", "AH01631", "AH01617", "AH01618")  # refused, by Require and by name and password
    (server.root / "passwords").write_text(PASSWORDS)
    for name in RULES:
        folder = server.docroot / "directory" / name
        folder.mkdir(parents=True)
        for page in ("stored", "new"):
            (folder / page).write_bytes(b"the page")
    for place in PLACES:
        for name in RULES:
            path = f"/{place}/{name}/stored"
            server.get(path)
            assert is_hit(server.get(path)), path
    server.reconfigure(vhost=vhost + rules_of(server, origin))
    server.graceful()
    for place in PLACES:
        for name, (_, admitted, refused, status) in RULES.items():
            for page in ("stored", "new"):
                path = f"/{place}/{name}/{page}"
                answer = server.get(path, headers=refused)
                assert answer.status == status and b"the page" not in answer.body and not is_hit(answer), path
                if admitted is None:
                    continue
                answer = server.get(path, headers=admitted)
                assert answer.status == 200 and answer.body == b"the page", path
                assert is_hit(answer) == (page == "stored"), path
