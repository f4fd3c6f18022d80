"""[oyster] on a mesh: codes run on the least loaded of the nodes that offer to, whose coming and
going costs nothing; what a front owes and said outlives it."""
import collections
import contextlib
import http.client
import json
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from mesh import Mesh, free_port, load, wait_until
from test_oyster import PARTS, PRIME, SLOW, SYNTAX, TIMED_OUT, Front, label

WAITS = """export default { async fetch() {
  await new Promise((done) => setTimeout(done, 40));
  return new Response('waited');
} };"""
BUSY = (429, "no free cgroup available to run request")
CAPACITY = 2
LOADERS = 3  # fewer than the places of two nodes


class RunnersMesh(Mesh):
    """A front on the first node; the others have `of_runners`, a gateway and a listener each."""

    def __init__(self, build, settings, nodes=3, of_runners=("oyster.fronts=[\"any\"]",)):
        super().__init__(build, nodes, settings)
        self.of_runners = of_runners
        self.gateways = [free_port() for _ in range(nodes)]
        self.listeners = [free_port() for _ in range(nodes)]

    def settings_of(self, number):
        if number == 0:
            return self.settings
        return [f"oyster.capacity={CAPACITY}", *self.of_runners, f"node.virtual={self.virtual}",
                f"gateway.listen=127.0.0.1:{self.gateways[number]}",
                f"oyster.listen=127.0.0.1:{self.listeners[number]}"]

    def port_of(self, number):
        return self.gateway_port if number == 0 else self.gateways[number]

    def counts(self, number, name):
        """A sample of a node's /metrics; nothing: it has none of that name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port_of(number)}/metrics",
                                    timeout=20) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"themis_oyster_{name} "):
                    return int(line.split()[-1])
        return None

    def begun(self, number):
        """Codes that a node began to run for a front, its own or another one."""
        whose = "own" if number == 0 else "other"
        return self.counts(number, f'runs_total{{front="{whose}"}}')

    def wait_for_gateways(self):
        for number in range(self.count):
            wait_until(f"node {number} answers",
                       lambda n=number: self.counts(n, "capacity") is not None)

    def operator(self, number):
        return {"Authorization":
                f"Bearer {(self.nodes[number].data / 'admin.token').read_text().strip()}"}


def mesh_front(build, *settings, **more):
    return Front(build, [f"oyster.capacity={CAPACITY}", "oyster.runners=[\"any\"]", *settings],
                 lambda folder, all_settings: RunnersMesh(folder, all_settings, **more))


def load_on(front, code, loaders=LOADERS):
    """Runs `code` until the end; how often each (status, text) was answered."""
    return load(lambda: [front.run(code)], loaders)


def all_take_part(front, code, nodes):
    """Until each of `nodes` has run it."""
    mesh = front.mesh
    before = {number: mesh.begun(number) for number in nodes}
    with load_on(front, code) as seen:
        wait_until("all take part", lambda: all(mesh.begun(number) > before[number] + 5
                                                for number in nodes))
    return seen


def check_cap(front):
    """As many as the nodes may run at once, and none more."""
    mesh, slow = front.mesh, front.put(SLOW)
    assert front.run(slow) == TIMED_OUT  # its code is there
    with ThreadPoolExecutor(3 * CAPACITY) as pool:
        running = [pool.submit(front.run, slow) for _ in range(3 * CAPACITY)]
        wait_until("all places are taken", lambda: [mesh.counts(number, "running")
                                                    for number in range(3)] == [CAPACITY] * 3)
        assert front.run(slow) == BUSY
        assert [one.result() for one in running] == [TIMED_OUT] * (3 * CAPACITY)
    wait_until("all places are free", lambda: [mesh.counts(number, "running")
                                               for number in range(3)] == [0] * 3)


def check_drain(front, waits):
    """One node leaves and comes back by its operator's word, under load, without an error."""
    mesh = front.mesh
    host = f"127.0.0.1:{mesh.listeners[1]}"

    def say(word):
        request = urllib.request.Request(f"http://{host}/", headers={"Host": word,
                                                                     **mesh.operator(1)})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200

    with load_on(front, waits) as seen:
        begin = mesh.begun(1)
        wait_until("it takes part", lambda: mesh.begun(1) > begin + 3)
        say("unregister")
        wait_until("it is out", lambda: mesh.counts(1, "offered") == 0
                   and mesh.counts(1, "running") == 0)
        left, others = mesh.begun(1), mesh.begun(2)
        wait_until("the others go on", lambda: mesh.begun(2) > others + 20)
        assert mesh.begun(1) == left
        say("register")
        wait_until("it takes part again", lambda: mesh.begun(1) > left + 3)
    assert set(seen) == {(200, "waited")}, seen


def check_kill(front, waits):
    mesh = front.mesh
    with load_on(front, waits) as seen:
        begin = mesh.begun(2)
        wait_until("it takes part", lambda: mesh.begun(2) > begin + 3)
        mesh.nodes[2].kill()
        begin = mesh.begun(1)
        wait_until("the others go on", lambda: mesh.begun(1) > begin + 30)
    lost = {answer: count for answer, count in seen.items() if answer != (200, "waited")}
    print(f"# kill -9 of one of three: {sum(seen.values())} answered, lost {lost}")
    assert sum(lost.values()) <= CAPACITY, ("more than were under way there", lost)
    assert all(status == 500 and text.startswith("failed to get a response\n\nCaused by:\n    ")
               for status, text in lost), lost
    mesh.nodes[2].start()
    wait_until("it is back", lambda: mesh.counts(2, "offered") == 1)


def test_oyster_runs_codes_on_the_least_loaded_nodes(build):
    with mesh_front(build, "oyster.timeout_ms=1500") as front:
        mesh = front.mesh
        mesh.wait_for_gateways()
        waits, prime, syntax = front.put(WAITS), front.put(PRIME), front.put(SYNTAX)
        for _ in range(20):
            assert front.run(prime, {"num": 10}) == (200, "2,5")
        assert [mesh.begun(number) for number in range(3)] == [20, 0, 0], "the nearest is as free"
        assert set(all_take_part(front, waits, range(3))) == {(200, "waited")}
        assert [mesh.counts(number, "codes_fetched_total") for number in (1, 2)] == [1, 1]
        check_cap(front)
        check_drain(front, waits)
        fetched = mesh.counts(2, "codes_fetched_total")
        check_kill(front, waits)
        # What travelled once is there after a restart: on disk.
        all_take_part(front, waits, [2])
        assert mesh.counts(2, "codes_fetched_total") == 0 and fetched > 0

    # A front that runs none itself: bodies come bit by bit, errors in the same words, all signed.
    with mesh_front(build, "oyster.capacity=0", "oyster.fresh=true", nodes=2) as front:
        mesh = front.mesh
        mesh.wait_for_gateways()
        prime, syntax = front.put(PRIME), front.put(SYNTAX)
        wait_until("there is somebody", lambda: front.run(prime, {"num": 10}) != BUSY)
        assert front.ask(label(prime), b'{"num":600}')[1]["X-Oyster-Signature"]
        assert front.run(prime, {"num": 600}) == (200, "2,2,2,3,5,5")
        assert front.first({"tx_hash": prime.hex(), "input": {"num": 10}}) == (
            200, {"status": "success", "message": "Response successfully generated",
                  "data": "2,5"})
        assert front.run(front.put(PARTS)) == (200, "".join(f"{part}," for part in range(20)))
        assert front.run(syntax) == (
            400, "syntax error in the code: service main: Uncaught SyntaxError: "
            "Unexpected token 'export'\n  at main:1:1")
        assert mesh.counts(0, 'runs_total{front="own"}') == 0
        assert mesh.counts(1, "running") == 0
        # A client that leaves frees the place, wherever that is.
        slow = front.put(SLOW)
        leaver = socket.create_connection(("127.0.0.1", front.port), timeout=20)
        leaver.sendall(f"GET / HTTP/1.1\r\nHost: {label(slow)}\r\n\r\n".encode())
        wait_until("it runs", lambda: mesh.counts(1, "running") == 1)
        leaver.close()
        wait_until("its place is free", lambda: mesh.counts(1, "running") == 0
                   and mesh.counts(0, "open") == 0)


def test_adversary_codes_see_nothing_of_each_other_and_strangers_run_none(build):
    leaves = """export default { async fetch() {
      globalThis.secret = 'A was here'; Object.prototype.secret = 1;
      return new Response('left'); } };"""
    looks = """export default { async fetch() {
      return new Response(`${typeof globalThis.secret} ${({}).secret}`); } };"""
    nobody = "oyster.fronts=[\"" + "0" * 64 + "\"]"
    for fresh in ("false", "true"):
        with mesh_front(build, f"oyster.fresh={fresh}", "oyster.timeout_ms=1000", nodes=2,
                        of_runners=(nobody,)) as front:
            mesh = front.mesh
            mesh.wait_for_gateways()
            assert front.run(front.put(leaves)) == (200, "left")
            assert front.run(front.put(looks)) == (200, "undefined undefined")
            workers = [one for one in mesh.json("/v1/status")["workers"]
                       if one["owner"].startswith("oyster/")]
            assert len({one["owner"] for one in workers}) == len(workers) == 2, workers
            assert len({one["pid"] for one in workers}) == 2, workers
            # The other node offers to run codes, of somebody else's front.
            slow = front.put(SLOW)
            with ThreadPoolExecutor(CAPACITY) as pool:
                running = [pool.submit(front.run, slow) for _ in range(CAPACITY)]
                wait_until("both places are taken", lambda: mesh.counts(0, "running") == CAPACITY)
                assert front.run(slow) == BUSY
                assert mesh.counts(1, 'runs_total{front="other"}') == 0
                assert [one.result() for one in running] == [TIMED_OUT] * CAPACITY


def test_oyster_bills_and_its_drain_outlive_kill_9(build):
    with Front(build) as front:
        prime, other = front.put(PRIME), front.put(PRIME + "//")
        node, answered, done = front.mesh.nodes[0], collections.Counter(), threading.Event()

        def again():
            node.kill()
            node.start()
            wait_until("it is back", lambda: front.mesh.get("/readyz")[0] == 200)

        def bill():
            return json.loads(front.bill("/billing/inspect")[1])["bill"]

        def load():
            with contextlib.suppress(OSError, http.client.HTTPException):
                while not done.is_set() and front.run(prime, {"num": 10}) == (200, "2,5"):
                    answered["prime"] += 1

        with ThreadPoolExecutor(3) as pool:
            loads = [pool.submit(load) for _ in range(3)]
            try:
                wait_until("many are answered", lambda: answered["prime"] > 50)
                again()
            finally:
                done.set()
            for one in loads:
                one.result()
        key = "0x" + prime.hex()
        print(f"# {answered['prime']} answered until a kill -9; billed {bill().get(key)}")
        assert bill().get(key, 0) >= answered["prime"], "what was answered is billed"

        assert front.run(other, {"num": 10}) == (200, "2,5")
        owed = bill()
        again()
        assert bill() == owed
        status, claim = front.bill("/billing/export", {"nonce": "ab" * 32, "tx_hashes": [key]})
        assert status == 200 and json.loads(claim)["bill_claim_data"] == (
            "ab" * 32 + prime.hex() + owed[key].to_bytes(16, "big").hex())
        again()
        assert front.bill("/billing/latest") == (200, claim)
        assert bill() == {"0x" + other.hex(): owed["0x" + other.hex()]}, "never billed twice"
        assert front.run(prime, {"num": 10}) == (200, "2,5")
        assert 0 < bill()[key] < 1000, "from nothing on"

        token = {"Authorization": f"Bearer {front.mesh.token()}"}
        for word, answer in (("unregister", (410, "worker unregistered")),
                             ("register", (200, "2,5"))):
            assert front.ask(f"{word}.oyster.run", headers=token)[0] == 200
            again()
            assert front.run(prime, {"num": 10}) == answer, word


def test_oyster_finds_a_code_that_another_node_keeps(build):
    with mesh_front(build) as front:
        mesh = front.mesh
        mesh.wait_for_gateways()

        def deploy_elsewhere(number):
            """The id of a code that the front's node has not got; nothing: it is placed there."""
            base = f"http://127.0.0.1:{mesh.gateways[1]}/v1/functions/one-{number}"
            source = (PRIME + f"// {number}").encode()
            with urllib.request.urlopen(urllib.request.Request(
                    f"{base}?instances=1", source, method="PUT",
                    headers={"Content-Type": "text/javascript", **mesh.operator(1)}),
                                        timeout=20) as answer:
                code = json.loads(answer.read())["function_id"]
            with urllib.request.urlopen(urllib.request.Request(base, headers=mesh.operator(1)),
                                        timeout=20) as answer:
                places = [one["address"] for one in json.loads(answer.read())["instances"]]
            return None if f"127.0.0.1:{mesh.ports[0]}" in places else code

        code = next(filter(None, (deploy_elsewhere(number) for number in range(30))))
        assert front.first({"code_id": code, "input": {"num": 20}}) == (
            200, {"status": "success", "message": "Response successfully generated",
                  "data": "2,2,5"})
        assert front.first({"code_id": "77" * 32})[0] == 500
