"""What a developer does all day: versions, logs, dev."""
import collections
import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from mesh import Mesh, free_port, mesh_program, wait_until
from test_bundles import ESBUILD


def answering(text):
    """A function that answers `text`."""
    return f"export default {{ fetch: () => new Response('{text}') }};"


def instances_of(mesh):
    """How many of the function f the node knows."""
    status, _, body = mesh.manage("GET", "/v1/functions/f")
    return len(json.loads(body)["instances"]) if status == 200 else 0


def test_versions_are_rolled_back_on_every_node_and_survive_a_restart(build):
    with Mesh(build, nodes=2) as mesh:
        source = mesh.folder / "f.js"
        for text in ("one", "two", "three"):
            source.write_text(answering(text))
            code, _, said = mesh.cli("deploy", str(source))
            assert code == 0, said
            wait_until("both nodes run it", lambda: instances_of(mesh) == 2)
        code, out, said = mesh.cli("rollback", "f")
        assert code == 0 and out.startswith("f is version 2 again, as version 4 ("), (out, said)
        seen = [mesh.get("/f/f")[2] for _ in range(8)]  # of both instances
        assert seen == [b"two"] * 8, (seen, mesh.nodes[1].log())
        node = mesh.nodes[0]
        code, took = node.stop()
        assert code == 0, (code, took)
        node.start()
        wait_until("it is back", lambda: mesh.get("/f/f")[2] == b"two")
        wait_until("both nodes run it", lambda: instances_of(mesh) == 2)
        code, out, said = mesh.cli("versions", "f", "--json")
        assert code == 0, said
        versions = json.loads(out)["versions"]
        assert [one["version"] for one in versions] == [4, 3, 2, 1], versions
        assert versions[0]["restores"] == 2 and versions[0]["current"], versions
        assert versions[0]["function_id"] == versions[2]["function_id"], versions
        code, out, said = mesh.cli("rollback", "f", "--to", "1", "--json")
        assert code == 0 and json.loads(out)["version"] == 5, (out, said)
        seen = [mesh.get("/f/f")[2] for _ in range(8)]
        assert seen == [b"one"] * 8, (seen, mesh.nodes[1].log())
        code, out, _ = mesh.cli("versions", "f")
        assert code == 0 and "current, version 1 again" in out, out
        code, _, said = mesh.cli("rollback", "f", "--to", "99")
        assert code == 1 and "no version 99" in said and said.count("\n") == 1, said
        code, _, said = mesh.cli("rollback", "none")
        assert code == 1 and "cannot roll back none: no function" in said, said


LOUD = """export default { fetch(request) {
  const path = new URL(request.url).pathname;
  if (path === '/throws') throw new Error('no');
  console[path.slice(1).split('/')[0]](path);
  return new Response('ok');
} };"""


class Follower:
    """`themis logs -f`, line by line."""

    def __init__(self, mesh, *words):
        self.process = subprocess.Popen(
            [mesh_program(mesh, "themis"), "logs", "--gateway", f"127.0.0.1:{mesh.gateway_port}",
             "--token-file", str(mesh.nodes[0].data / "admin.token"), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self):
        """The next one; the test's own limit ends a wait for ever."""
        return self.process.stdout.readline()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        out, said = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, said
        return out


def test_logs_are_followed_from_every_instance_each_line_once(build):
    with Mesh(build, nodes=2) as mesh:
        mesh.deploy("f", LOUD)
        for level in ("debug", "info", "warn", "error"):
            assert mesh.get(f"/f/f/{level}")[2] == b"ok"
        assert mesh.get("/f/f/throws")[0] == 500
        code, out, said = mesh.cli("logs", "f", "--level", "warn", "--json")
        assert code == 0, said
        lines = [json.loads(line) for line in out.splitlines()]
        assert [line["level"] for line in lines] == ["warn", "error", "error"], lines
        assert lines[0]["text"] == "/warn" and "Error: no\n    at" in lines[2]["text"], lines
        code, out, said = mesh.cli("logs", "f", "--since", "0s")
        assert (code, out) == (0, ""), (out, said)
        follower = Follower(mesh, "f", "-f", "--json", "--level", "info")
        seen = [json.loads(follower.line())["text"] for _ in range(4)]
        assert sorted(text.split("\n")[0] for text in seen) == \
            ["/error", "/info", "/warn", "Error: no"], seen
        for number in range(40):  # both instances
            mesh.get(f"/f/f/info/{number}")
            mesh.get(f"/f/f/debug/{number}")
        lines = [json.loads(follower.line()) for _ in range(40)]
        assert sorted(line["text"] for line in lines) == \
            sorted(f"/info/{number}" for number in range(40)), lines
        assert len({line["node"] for line in lines}) == 2, lines
        assert follower.stop() == ""
        code, _, said = mesh.cli("logs", "none")
        assert code == 1 and said.count("\n") == 1, said
        code, _, said = mesh.cli("logs", "f", "--since", "yesterday")
        assert code == 2 and "--since" in said, said


TYPED = """interface Order { price: number }
export default { async fetch(request: Request) {
  const order: Order = await request.json();
  console.log(new Error('logged').stack);
  if (order.price < 0) throw new Error('below nothing');
  return new Response('fine'); } };
"""


def test_a_trace_leads_to_the_line_that_was_written(build):
    with Mesh(build, nodes=1) as mesh:
        folder = mesh.folder / "typed"
        (folder / "src").mkdir(parents=True)
        (folder / "src/index.ts").write_text(TYPED)
        environment = {**os.environ, "THEMIS_ESBUILD": str(ESBUILD)}
        where = ["--gateway", f"127.0.0.1:{mesh.gateway_port}", "--token-file",
                 str(mesh.nodes[0].data / "admin.token")]
        done = subprocess.run([mesh_program(mesh, "themis"), "deploy", *where, str(folder)],
                              capture_output=True, text=True, timeout=60, check=False,
                              env=environment)
        assert done.returncode == 0 and ": 1 module" in done.stdout, done
        headers = {"Authorization": f"Bearer {mesh.token()}"}
        status, _, body = mesh.post("/f/typed", b'{"price": -1}', headers=headers)
        assert status == 500, body
        detail = json.loads(body)["detail"]
        assert "(src/index.ts:5:30)" in detail and "main.js" not in detail, detail
        _, out, _ = mesh.cli("logs", "typed", "--json")
        texts = [json.loads(line)["text"] for line in out.splitlines()]
        assert "src/index.ts:4:15" in texts[0] and "src/index.ts:5:30" in texts[1], texts
        assert json.loads(mesh.post("/f/typed", b'{"price": -1}')[2])["detail"].startswith(
            "the function threw"), "who is not the owner"


class Developer:
    """`themis dev`, event by event."""

    def __init__(self, build, folder, *words):
        environment = {**os.environ, "THEMIS_ESBUILD": str(ESBUILD), "TMPDIR": str(folder)}
        self.process = subprocess.Popen(
            [Path(build) / "apps/themis", "dev", *words, "--json", "--port", str(free_port())],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def event(self, kind, but=None):
        """The next one, which is of this kind; those of the kind `but` are passed over."""
        while True:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            event = json.loads(line)
            kinds = (event.get("event"), event.get("level"))
            if kind in kinds:
                return event
            assert but in kinds, (kind, event)

    def children(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in Path(path).read_text().split()]


def test_dev_reloads_what_is_saved_and_leaves_nothing_behind(build):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "app").mkdir()
        (folder / "tmp").mkdir()
        source = folder / "app/index.ts"
        text = ("export default { fetch(): Response {"
                " console.log('said'); return new Response('%s'); } };")
        source.write_text(text % "one")
        developer = Developer(build, folder / "tmp", str(folder / "app"))
        try:
            live = developer.event("live")
            developer.event("watching")
            read = lambda: urllib.request.urlopen(live["url"], timeout=20).read()
            assert read() == b"one"
            assert developer.event("info")["text"] == "said"
            source.write_text(text % "two")
            again = developer.event("live")
            assert again["version"] == 2 and again["url"] == live["url"], again
            assert read() == b"two"
            developer.event("info")
            source.write_text("export default {\n  fetch() { return new Response('three' } };")
            refused = developer.event("refused")
            assert "index.ts:2:" in refused["detail"] and refused["version"] == 2, refused
            assert read() == b"two", "the last good one goes on"
            developer.event("info")
            late = folder / "app/late.ts"  # a file that was not there, saved as editors do
            late.with_suffix(".tmp").write_text("export const text: string = 'four';")
            late.with_suffix(".tmp").rename(late)
            source.write_text("import { text } from './late';"
                              "export default { fetch: () => new Response(text) };")
            live = developer.event("live", but="refused")  # of the file alone, once or twice
            assert live["version"] == 3, live
            assert read() == b"four"
            nodes = developer.children()
            assert nodes, "a node of its own"
        finally:
            developer.process.send_signal(signal.SIGINT)
            _, said = developer.process.communicate(timeout=20)
        assert developer.process.returncode == 0, said
        wait_until("its node is gone",
                   lambda: not any(Path(f"/proc/{pid}").exists() for pid in nodes))
        assert not list((folder / "tmp").iterdir()), "its data is gone"


class Load:
    """Clients that call a function all the time and keep what they got."""

    def __init__(self, mesh, path, clients=4):
        self.mesh, self.path = mesh, path
        self.failed, self.answers = [], collections.Counter()
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.mesh.gateway_port, timeout=20)
        while not self.ending.is_set():
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    self.answers[body] += 1
                else:
                    self.failed.append((answer.status, body))
            except OSError as error:
                self.failed.append(error)
        connection.close()

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()


def redeploy_under_load(mesh, times):
    """Seconds that each of `times` deploys took, to its answer; after that no old one answers."""
    mesh.deploy("f", answering("0"))
    load = Load(mesh, "/f/f")
    took = []
    try:
        for number in range(1, times + 1):
            begin = time.monotonic()
            mesh.deploy("f", answering(number))
            took.append(time.monotonic() - begin)
            assert mesh.get("/f/f")[2] == str(number).encode(), number
    finally:
        load.end()
    assert not load.failed, (len(load.failed), load.failed[:3])
    assert sum(load.answers.values()) >= times, load.answers
    return took, sum(load.answers.values())


def test_redeploys_under_load_fail_no_request(build):
    with Mesh(build, nodes=2) as mesh:
        redeploy_under_load(mesh, 20)
        versions = mesh.json("/v1/functions/f/versions")["versions"]
        assert len(versions) == 10 and versions[0]["version"] == 21, versions


def test_a_canary_of_a_single_node_keeps_its_callers_and_top_shows_both(build):
    with Mesh(build, nodes=1) as mesh:
        source = mesh.folder / "f.js"
        source.write_text(answering("old"))
        assert mesh.cli("deploy", str(source))[0] == 0
        source.write_text(answering("new"))
        code, _, said = mesh.cli("deploy", str(source), "--canary", "50", "--sticky", "x-user")
        assert code == 2 and "header:NAME or cookie:NAME" in said, (code, said)
        code, _, said = mesh.cli("deploy", str(source), "--sticky", "header:x-user")
        assert code == 2, said
        code, out, said = mesh.cli("deploy", str(source), "--canary", "50", "--sticky",
                                   "header:x-user")
        assert code == 0, (out, said)
        code, out, _ = mesh.cli("versions", "f")
        assert code == 0 and "canary, 50 % of the callers by header:x-user" in out, out
        user = lambda name: mesh.request("GET", "/f/f", headers={"X-User": name})[2]
        wait_until("the canary is called", lambda: mesh.get("/f/f")[2] == b"new")
        first = {f"user{number}": user(f"user{number}") for number in range(60)}
        assert {user(name) == version for name, version in first.items()} == {True}
        assert set(first.values()) == {b"old", b"new"}, first
        code, out, said = mesh.cli("top", "--once", "--json")
        assert code == 0, said
        function, = json.loads(out)["functions"]
        assert function["isolates"] == 2 and function["memory_kb"] > 1000, function
        assert {one["version"] for one in function["instances"]} == {"1", "2"}, function
        code, out, said = mesh.cli("top", "--once")
        assert code == 0 and "ISOLATES" in out and " MB" in out, (out, said)
        assert mesh.cli("abort", "f")[0] == 0
        assert {user(name) for name in first} == {b"old"}


def test_a_canary_gets_its_share_until_it_is_promoted(build):
    with Mesh(build, nodes=2) as mesh:
        source = mesh.folder / "f.js"
        source.write_text(answering("old"))
        assert mesh.cli("deploy", str(source))[0] == 0
        assert mesh.get("/f/f")[2] == b"old"
        wait_until("both nodes run it", lambda: instances_of(mesh) == 2)
        source.write_text(answering("new"))
        code, out, said = mesh.cli("deploy", str(source), "--canary", "30")
        assert code == 0 and "version 2 for 30 % of the calls" in out, (out, said)
        wait_until("the canary is called", lambda: mesh.get("/f/f")[2] == b"new")
        seen = collections.Counter(mesh.get("/f/f")[2] for _ in range(400))
        assert 60 < seen[b"new"] < 200 and sum(seen.values()) == 400, seen  # 30 %: 5 sigma
        metrics = mesh.get("/metrics")[2].decode()
        for version in ("1", "2"):
            assert f'themis_route_version_calls{{route="fn/f",version="{version}"}}' in metrics
        code, out, _ = mesh.cli("versions", "f")
        assert code == 0 and "canary, 30 % of the calls" in out, out
        code, out, said = mesh.cli("top", "--once", "--json")
        assert code == 0, said
        function, = json.loads(out)["functions"]
        assert function["requests"] > 400 and function["failures"] == 0, function
        assert {one["version"] for one in function["instances"]} == {"1", "2"}, function
        code, out, said = mesh.cli("top", "--once")
        assert code == 0 and "1: " in out and "2: " in out, (out, said)
        code, _, said = mesh.cli("rollback", "f")
        assert code == 1 and "promote it or abort it first" in said, said
        code, out, said = mesh.cli("promote", "f")
        assert code == 0 and "runs version 3" in out, (out, said)
        assert [mesh.get("/f/f")[2] for _ in range(8)] == [b"new"] * 8
        code, _, said = mesh.cli("abort", "f")
        assert code == 1 and "has no canary here" in said, said
