"""The service mesh among real processes: canaries, lost instances, breakers, rates, rules."""
import collections
import json
import subprocess
import threading
import time

from mesh import SOURCE, Mesh, wait_until

EXAMPLE = SOURCE / "apps/services/twiitr"
HELLO = "export default { fetch() { return new Response('hi'); } };"
NOBODY = "0" * 64
SIGMAS = 5


class Checks:
    """`check` instances and one client of them, all members of `mesh`. Use `with`."""

    def __init__(self, mesh, rules, versions):
        self.mesh, self.versions = mesh, versions
        self.config = mesh.folder / "twiitr.toml"
        self.config.write_text(rules)
        self.instances, self.client = [], None

    def start(self, name, *words, **pipes):
        words = ["--join", f"127.0.0.1:{self.mesh.ports[0]}", "--config", self.config, *words]
        return subprocess.Popen([self.mesh.build / "apps/services" / name, *words], **pipes)

    def __enter__(self):
        try:
            for version in self.versions:
                self.instances.append(self.start("check", "--version", version))
            self.client = self.start("check_client", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)
            wait_until("all instances answer", self.all_answer)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in [*self.instances, self.client]:
            if process is not None and process.poll() is None:
                process.kill()
            if process is not None:
                process.wait()

    def ask(self, line="ada lovelace"):
        """[word, version, process] or ["error", ...] of one call."""
        self.client.stdin.write(line + "\n")
        self.client.stdin.flush()
        return self.client.stdout.readline().split()

    def all_answer(self):
        answers = [self.ask() for _ in range(50)]
        denied = any("denied:" in answer for answer in answers)
        seen = {answer[2] for answer in answers if answer[0] == "known"}
        return denied or seen == {str(instance.pid) for instance in self.instances}


def test_a_canary_gets_its_share(build):
    with Mesh(build, nodes=1) as mesh, \
            Checks(mesh, (EXAMPLE / "twiitr.toml").read_text(), ["1", "1", "2"]) as checks:
        calls = 1000
        seen = collections.Counter(tuple(checks.ask()[:2]) for _ in range(calls))
        assert sum(seen.values()) == seen["known", "1"] + seen["known", "2"], seen
        mean, sigma = calls * 0.1, (calls * 0.1 * 0.9) ** 0.5
        assert abs(seen["known", "2"] - mean) < SIGMAS * sigma, seen
        assert checks.ask("ada wrong")[0] == "unknown"


def test_services_survive_a_killed_instance(build):
    rules = '[[route]]\nname = "check"\neject = {ms = 60000}\n'
    with Mesh(build, nodes=1) as mesh, Checks(mesh, rules, ["1", "2"]) as checks:
        checks.instances[0].kill()
        checks.instances[0].wait()
        answers = [checks.ask() for _ in range(300)]
        assert all(answer[:2] == ["known", "2"] for answer in answers), answers


def route_of(mesh, name):
    routes = mesh.json("/v1/status")["routes"]
    return next(route for route in routes if route["name"] == name)


def test_a_killed_instance_gets_no_call_once_its_session_is_lost(build):
    with Mesh(build, nodes=3) as mesh:
        mesh.deploy("hello", HELLO)
        for _ in range(20):
            assert mesh.get("/f/hello")[0] == 200
        instances = route_of(mesh, "fn/hello")["instances"]
        assert len(instances) == 2 and all(i["state"] == "healthy" for i in instances), instances
        victim = next(i for i in instances if not i["address"].endswith(f":{mesh.ports[0]}"))

        def victim_now():
            instances = route_of(mesh, "fn/hello")["instances"]
            return next((i for i in instances if i["node"] == victim["node"]), None)

        next(n for n in mesh.nodes if victim["address"].endswith(f":{n.port}")).kill()
        start, at_kill = time.monotonic(), victim_now()

        # Nothing is called meanwhile: the session says it, no failed call.
        wait_until("the loss is noticed",
                   lambda: (now := victim_now()) is None or now["state"] == "lost")
        noticed_ms = 1000 * (time.monotonic() - start)
        before = victim_now()
        for _ in range(300):
            assert mesh.get("/f/hello")[0] == 200
        after = victim_now()
        sent = 0 if after is None or at_kill is None else after["calls"] - at_kill["calls"]
        print(f"# kill -9 of an instance: out of the route after {noticed_ms:.0f} ms, "
              f"{sent} of 300 calls sent to it")
        assert sent == 0, (at_kill, before, after)
        code, out, _ = mesh.cli("status")
        assert code == 0 and "fn/hello" in out and "least_loaded" in out, out


def test_rolling_kills_under_load_lose_no_call_that_may_be_sent_again(build):
    with Mesh(build, nodes=4) as mesh:
        status, _, body = mesh.manage("PUT", "/v1/functions/hello?instances=3", HELLO.encode())
        assert status == 201, body
        done, seen = threading.Event(), collections.Counter()
        lock = threading.Lock()

        def load(method, body):
            while not done.is_set():
                status = mesh.request(method, "/f/hello", body=body)[0]
                with lock:
                    seen[method, status] += 1

        def healthy():
            routes = mesh.json("/v1/status")["routes"]  # none before the first call
            return [i for route in routes if route["name"] == "fn/hello"
                    for i in route["instances"] if i["state"] == "healthy"]

        kinds = [("GET", None), ("POST", b"x")] * 2
        threads = [threading.Thread(target=load, args=kind) for kind in kinds]
        for thread in threads:
            thread.start()
        kills = 0
        try:
            wait_until("all are there", lambda: len(healthy()) >= 3)
            for node in mesh.nodes[1:]:
                node.kill()
                kills += 1
                wait_until("its place is taken",
                           lambda n=node: len(healthy()) >= 3 and
                           not any(i["address"].endswith(f":{n.port}") for i in healthy()))
                node.start()
                wait_until("it is back", lambda n=node: f":{n.port}" in str(mesh.known_nodes()))
        finally:
            done.set()
            for thread in threads:
                thread.join()
        for method in ("GET", "POST"):
            all_of = sum(count for (kind, _), count in seen.items() if kind == method)
            print(f"# {kills} kills under load: {seen[method, 200]} of {all_of} {method} answered")
        lost = sum(count for (kind, status), count in seen.items() if (kind, status) != (kind, 200))
        assert not [key for key in seen if key[0] == "GET" and key[1] != 200], seen
        assert lost <= kills * 2, ("more POSTs than were on their way to who was killed", seen)


def test_a_breaker_opens_and_recovers(build):
    rules = '[[route]]\nname = "check"\nbreaker = {failures = 3, open_ms = 500}\n'
    with Mesh(build, nodes=1) as mesh, Checks(mesh, rules, ["1"]) as checks:
        ill = [checks.ask("fail x") for _ in range(20)]
        kinds = collections.Counter(answer[1] for answer in ill)
        assert [answer[1] for answer in ill[:3]] == ["internal:"] * 3, ill
        assert kinds["overloaded:"] >= 15, kinds  # but for a probe, should this take over 500 ms
        assert "breakers" in ill[3], ill[3]
        wait_until("it recovers", lambda: checks.ask()[0] == "known")
        assert all(checks.ask()[0] == "known" for _ in range(20))


def test_a_caller_over_its_rate_gets_429(build):
    rules = '\n[[route]]\nname = "limited"\nrate = {per_s = 1, burst = 2}\n'
    with Mesh(build, nodes=2, rules=rules) as mesh:
        mesh.deploy("limited", HELLO)
        mesh.deploy("free", HELLO)
        answers = [mesh.get("/f/limited")[:2] for _ in range(50)]
        limited = [headers for status, headers in answers if status == 429]
        assert {status for status, _ in answers} == {200, 429}, answers
        assert all(headers["Retry-After"] for headers in limited)
        assert all(mesh.get("/f/free")[0] == 200 for _ in range(50))


def test_rules_deny_at_the_callee(build):
    rules = (f'\n[[allow]]\ncaller = "{NOBODY}"\nservice = "closed"\n'
             '[[allow]]\nservice = "readable"\nmethods = ["GET"]\n')
    with Mesh(build, nodes=2, rules=rules) as mesh:
        for name in ("closed", "readable", "open"):
            mesh.deploy(name, HELLO)
        assert mesh.get("/f/closed")[0] == 403
        assert mesh.get("/f/readable")[0] == 200
        assert mesh.post("/f/readable", b"x")[0] == 403
        assert mesh.post("/f/open", b"x")[0] == 200
        denied = f'[[allow]]\ncaller = "{NOBODY}"\nservice = "check"\n'
        with Checks(mesh, denied, ["1"]) as checks:
            assert checks.ask()[:2] == ["error", "denied:"]


def test_the_handler_of_the_example_asks_check(build):
    with Mesh(build, nodes=2, settings=["workers.services=check"]) as mesh, \
            Checks(mesh, (EXAMPLE / "twiitr.toml").read_text(), ["1"]):
        mesh.deploy("handler", (EXAMPLE / "handler.js").read_text())
        status, _, body = mesh.post("/f/handler", b'{"user": "ada", "password": "lovelace"}')
        verdict = {"user": "ada", "known": True, "version": "1"}
        assert (status, json.loads(body)) == (200, verdict), (status, body)
        status, _, body = mesh.post("/f/handler", b'{"user": "ada", "password": "byron"}')
        assert (status, json.loads(body)["known"]) == (403, False), (status, body)
        status, _, body = mesh.post("/f/handler", b'{"user": "fail", "password": "x"}')
        assert status == 502 and b"version 1 is ill" in body, (status, body)
        assert mesh.post("/f/handler", b'{"user": ""}')[0] == 400
        assert mesh.get("/f/handler")[0] == 405


def test_a_function_calls_only_the_services_of_the_config(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("handler", (EXAMPLE / "handler.js").read_text())
        status, _, body = mesh.post("/f/handler", b'{"user": "ada", "password": "lovelace"}')
        assert status == 502 and b"workers.services does not name it" in body, (status, body)
