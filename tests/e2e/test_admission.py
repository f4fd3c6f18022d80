"""A private network and who stays outside; a key that changes under a stream of calls."""
import re
import struct
import sys
import threading
import time

from mesh import SOURCE, Mesh, wait_until

sys.path.append(str(SOURCE / "tests/vectors"))
import handshake  # noqa: E402  pylint: disable=wrong-import-position

HELLO = (SOURCE / "apps/functions/hello.js").read_text()
NETWORK = "twiitr"


class PrivateMesh(Mesh):
    """Every node has an invite of one issuer."""

    def keygen(self, folder):
        """The new identity's id."""
        return self.local_cli("keygen", "--data", folder, "--network", NETWORK)

    def issuer(self):
        folder = self.folder / "issuer"
        if not folder.exists():
            self.keygen(folder)
        return folder

    def invite(self, node_id, network=NETWORK, issuer=None):
        path = self.folder / f"invite-{network}-{node_id[:8]}"
        self.local_cli("invite", "create", "--key", (issuer or self.issuer()) / "identity",
                       "--network", network, "--node", node_id, "--days", "1", "--out", path)
        return path

    def settings_of(self, number):
        node_id = self.keygen(self.folder / f"node-{number}")
        key = self.local_cli("id", "--data", self.issuer(), "--network", NETWORK, "--public-key")
        return [*self.settings, f"mesh.invite={self.invite(node_id)}", f"mesh.inviters={key}"]

    def next_id(self):
        """The identity of the node that add() starts next."""
        return self.keygen(self.folder / f"node-{len(self.ports)}")

    def metric(self, name):
        _, _, text = self.get("/metrics")
        return int(re.search(rf"^themis_{name} (\d+)$", text.decode(), re.MULTILINE).group(1))


def expired_invite(mesh, node_id):
    """An issuer's signature of yesterday, by the independent implementation."""
    seed = bytes.fromhex(re.search("seed (.*)", (mesh.issuer() / "identity").read_text()).group(1))
    issuer, secret = handshake.key_pair(seed)
    now = int(time.time())
    text = handshake.framed_statement(b"themis/invite/v1", now - 7200, now - 3600,
                                      bytes.fromhex(node_id), issuer, network=NETWORK.encode())
    invite = issuer + struct.pack("<II", now - 7200, now - 3600) + handshake.sign(text, secret)
    path = mesh.folder / "invite-expired"
    path.write_text(f"themis-invite 1\nnetwork {NETWORK}\nnode {node_id}\ninvite {invite.hex()}\n")
    return path


def test_a_private_network_refuses_who_is_not_invited(build):
    with PrivateMesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        members = {node["id"] for node in mesh.known_nodes()}
        other_issuer = mesh.folder / "other-issuer"
        mesh.local_cli("keygen", "--data", other_issuer, "--network", "othernet")

        strangers, told = [], []
        mesh.next_id()
        strangers.append(mesh.add([]))
        told.append("mesh.invite")
        expired = expired_invite(mesh, mesh.next_id())
        strangers.append(mesh.add([f"mesh.invite={expired}"]))
        told.append("has expired: peers will refuse this node; its issuer makes another with: "
                    "themis invite create --network twiitr --node ")
        other = mesh.invite(mesh.next_id(), "othernet", other_issuer)
        strangers.append(mesh.add([f"mesh.invite={other}"]))
        told.append('is for network "othernet", not "twiitr"')
        mesh.next_id()
        strangers.append(mesh.add([f"mesh.invite={mesh.invite('ab' * 32)}"]))
        told.append("is for node abababab, not for this one")

        for stranger, line in zip(strangers, told):
            wait_until(f"node {stranger.number} says why",
                       lambda s=stranger, t=line: t in s.log() and "cannot join yet" in s.log())
            assert "joined the ring" not in stranger.log(), stranger.log()
        wait_until("all are counted",
                   lambda: mesh.metric("handshakes_denied_total") >= len(strangers))
        assert "refused 127.0.0.1:" in mesh.nodes[0].log(), mesh.nodes[0].log()
        assert {node["id"] for node in mesh.known_nodes()} == members
        peers = {session["peer"] for session in mesh.json("/v1/status")["sessions"]}
        assert peers <= members, (peers, members)
        assert mesh.get("/f/hello")[0] == 200

        invited = mesh.add([f"mesh.invite={mesh.invite(mesh.next_id())}"])
        wait_until("who is invited joins", lambda: "joined the ring" in invited.log())


def test_invites_say_what_is_wrong_with_them(build):
    with PrivateMesh(build, nodes=1) as mesh:
        path = mesh.invite("cd" * 32)
        shown = mesh.local_cli("invite", "show", path)
        assert "network  twiitr" in shown and "cd" * 32 in shown and shown.endswith("valid"), shown
        error = mesh.local_cli("invite", "show", expired_invite(mesh, "cd" * 32), code=1)
        assert "has expired" in error, error
        path.write_text(path.read_text().replace("twiitr", "twiity"))
        error = mesh.local_cli("invite", "show", path, code=1)
        assert "signature does not fit" in error, error
        error = mesh.local_cli("invite", "create", "--key", mesh.issuer() / "identity",
                               "--network", NETWORK, "--node", "12", "--days", "1", code=2)
        assert "--node" in error, error


class Calls:
    """Calls a function all the time in a thread of its own. Use `with`."""

    def __init__(self, mesh, path):
        self.mesh, self.path = mesh, path
        self.answered, self.failed = 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            status, _, body = self.mesh.get(self.path)
            if status == 200:
                self.answered += 1
            else:
                self.failed.append((status, body))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def providers(mesh, name):
    return [record["provider"] for record in mesh.json(f"/v1/find/fn%2F{name}")["records"]]


def rotate_under_calls(mesh):
    mesh.deploy("hello", HELLO)
    ids = {mesh.local_cli("id", "--data", node.data, "--network", NETWORK): node
           for node in mesh.nodes[1:]}
    wait_until("two nodes provide it", lambda: len(providers(mesh, "hello")) >= 2)
    old_id = next(i for i in providers(mesh, "hello") if i in ids)
    node = ids[old_id]
    with Calls(mesh, "/f/hello") as calls:
        wait_until("calls are answered", lambda: calls.answered > 100)
        mesh.local_cli("rotate", "--data", node.data, "--network", NETWORK)
        new_id = mesh.local_cli("id", "--data", node.data, "--network", NETWORK)
        assert new_id != old_id
        code, _ = node.stop()
        assert code == 0, node.log()
        node.start()
        wait_until("the ring has the new identity",
                   lambda: new_id in {n["id"] for n in mesh.json("/v1/ring")["successors"]})
        wait_until("the new identity provides it", lambda: new_id in providers(mesh, "hello"))
        before = calls.answered
        wait_until("calls go on", lambda: calls.answered > before + 100)
    assert not calls.failed, (len(calls.failed), calls.answered, calls.failed[:3])
    ring = mesh.json("/v1/ring")
    assert old_id not in {n["id"] for n in ring["successors"] + ring["fingers"]}, ring


def test_a_key_rotates_under_a_stream_of_calls(build):
    with Mesh(build) as mesh:
        rotate_under_calls(mesh)


def test_the_invite_of_the_old_key_lets_the_new_one_in(build):
    with PrivateMesh(build) as mesh:
        rotate_under_calls(mesh)
