"""Real nodes for the end-to-end tests: started on free ports, watched, and ended by pid."""
import collections
import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
DEADLINE_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what, condition, deadline_s=DEADLINE_S):
    """Returns the first true value of `condition`; it is asked again when it raises OSError."""
    end = time.monotonic() + deadline_s
    last = None
    while time.monotonic() < end:
        with contextlib.suppress(OSError, json.JSONDecodeError):
            last = condition()
            if last:
                return last
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {deadline_s} s (last: {last!r})")


class Node:
    """One themis-node process."""

    def __init__(self, mesh, number, gateway, settings):
        self.mesh, self.number = mesh, number
        self.port = mesh.ports[number]
        self.gateway = f"127.0.0.1:{mesh.gateway_port}" if gateway else ""
        self.data = mesh.folder / f"node-{number}"
        self.log_path = mesh.folder / f"node-{number}.log"
        bootstrap = "" if number == 0 else f"127.0.0.1:{mesh.ports[0]}"
        self.settings = [f"node.data={self.data}", f"node.listen=127.0.0.1:{self.port}",
                         f"gateway.listen={self.gateway}", f"mesh.bootstrap={bootstrap}",
                         "workers.count=1", *settings]
        self.process = None
        self.start()

    def start(self):
        words = [mesh_program(self.mesh, "themis-node"), "--config", self.mesh.config]
        for setting in self.settings:
            words += ["--set", setting]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stderr=log, stdout=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Returns the exit code of an orderly end and how long it took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"node {self.number} did not end in 10 s") from None
        return code, time.monotonic() - start

    def connections(self):
        """The TCP connections of this process that a node listened for or opened to another."""
        folder = Path(f"/proc/{self.process.pid}")
        sockets = set()
        for descriptor in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(descriptor))
        count = 0
        for line in (folder / "net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *rest = line.split()
            ports = {int(end.split(":")[1], 16) for end in (local, remote)}
            established = state == "01" and f"socket:[{rest[5]}]" in sockets
            count += established and bool(ports & set(self.mesh.ports))
        return count

    def log(self):
        return self.log_path.read_text(errors="replace")


def mesh_program(mesh, name):
    return mesh.build / "apps" / name


class Mesh:
    """Some processes of `virtual` nodes each; the first has the gateway. `rules`: lines for the end
    of their mesh.toml. Use `with`."""
    SUCCESSORS = 8  # as many as a node keeps: mesh.successors

    def __init__(self, build, nodes=3, settings=(), rules="", virtual=1):
        self.build = Path(build)
        self.count, self.rules, self.virtual = nodes, rules, virtual
        self.settings = [*settings, f"node.virtual={virtual}"]

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="themis-e2e-")
        self.folder = Path(self.temporary.name)
        self.config = self.folder / "mesh.toml"
        self.config.write_text((SOURCE / "configs/mesh.toml").read_text() + self.rules)
        self.ports = [free_port() for _ in range(self.count)]
        self.gateway_port = free_port()
        self.nodes = []
        try:
            for number in range(self.count):
                self.nodes.append(Node(self, number, number == 0, self.settings_of(number)))
            wait_until("the gateway is ready", lambda: self.get("/readyz")[0] == 200)
            wait_until("the ring is whole",
                       lambda: len(self.json("/v1/ring")["successors"])
                       == min(self.count * self.virtual - 1, self.SUCCESSORS))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def settings_of(self, _number):
        return self.settings

    def add(self, settings):
        """One more node, which joins through the first or tries to."""
        self.ports.append(free_port())
        node = Node(self, len(self.ports) - 1, False, settings)
        self.nodes.append(node)
        return node

    def __exit__(self, *_):
        for node in self.nodes:
            if node.process.poll() is None:
                node.kill()
        self.temporary.cleanup()

    def token(self):
        return (self.nodes[0].data / "admin.token").read_text().strip()

    def request(self, method, path, body=None, headers=None, timeout=20):
        """(status, headers, body) of one request to the gateway."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway_port}{path}", data=body,
                                         headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.headers, refusal.read()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body=body, **more)

    def manage(self, method, path, body=None, content_type="text/javascript"):
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": content_type}
        return self.request(method, path, body=body, headers=headers)

    def json(self, path):
        status, _, body = self.manage("GET", path)
        assert status == 200, (status, body)
        return json.loads(body)

    def metric(self, name):
        """A sample without labels of this node's /metrics."""
        for line in self.get("/metrics")[2].decode().splitlines():
            if line.startswith(f"themis_{name} "):
                return int(line.split()[1])
        raise AssertionError(f"no themis_{name} in /metrics")

    def known_nodes(self):
        return self.json("/v1/nodes")["nodes"]

    def deploy(self, name, source):
        status, _, body = self.manage("PUT", f"/v1/functions/{name}", source.encode())
        assert status == 201, (status, body)
        return json.loads(body)

    def local_cli(self, *words, code=0):
        """What a themis command that works on local files prints; it must end with `code`."""
        done = subprocess.run([mesh_program(self, "themis"), *words], capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == code, (words, done.stderr)
        return (done.stderr if code else done.stdout).strip()

    def cli(self, *words):
        """(exit code, stdout, stderr) of the themis command line against this mesh."""
        where = ["--gateway", f"127.0.0.1:{self.gateway_port}", "--token-file",
                 str(self.nodes[0].data / "admin.token")]
        groups = 2 if words[0] == "state" else 1
        done = subprocess.run([mesh_program(self, "themis"), *words[:groups], *where,
                               *words[groups:]],
                              capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, done.stdout, done.stderr

    def worker_pids(self, node):
        """The function host processes that `node` started."""
        path = f"/proc/{node.process.pid}/task/{node.process.pid}/children"
        pids = [int(pid) for pid in Path(path).read_text().split()]
        return [pid for pid in pids if "themis-worker" in Path(f"/proc/{pid}/cmdline").read_text()]


@contextlib.contextmanager
def load(call, loaders):
    """So many threads run `call()` again and again until the end; how often each of what it gives
    (a list) was given."""
    done, seen, lock = threading.Event(), collections.Counter(), threading.Lock()

    def run():
        while not done.is_set():
            given = call()
            with lock:
                seen.update(given)

    threads = [threading.Thread(target=run) for _ in range(loaders)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()


def in_background(test):
    """Marks a test that waits for the clock, or for a process that computes: it begins with the
    first one and is judged last."""
    test.in_background = True
    return test


def run_tap(tests, build):
    """Runs functions named test_*, given as [(name, function)], prints TAP."""
    print(f"1..{len(tests)}", flush=True)
    background = [(name, test) for name, test in tests if hasattr(test, "in_background")]
    foreground = [(name, test) for name, test in tests if not hasattr(test, "in_background")]
    with ThreadPoolExecutor(len(background) + 1) as pool:
        begun = [(name, pool.submit(test, build).result) for name, test in background]
        return judge([*((name, lambda test=test: test(build)) for name, test in foreground),
                      *begun])


def judge(results):
    """[(name, what returns or raises)]: prints their lines, answers the exit code."""
    failed = 0
    for number, (name, result) in enumerate(results, 1):
        try:
            result()
            print(f"ok {number} - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"# {line}", flush=True)
    return os.EX_OK if failed == 0 else 1
