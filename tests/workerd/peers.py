"""The two that are compared: workerd and a node of ours, each with every handler of the corpus."""
import json
import os
import re
import subprocess
import tempfile
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from corpus import MAIN
from mesh import Mesh, mesh_program, wait_until

HERE = Path(__file__).resolve().parent
WORKERD = HERE / "node_modules/@cloudflare/workerd-linux-64/bin/workerd"
COMPATIBILITY_DATE = "2026-11-01"  # of the pinned workerd
START_S = 30
DEPLOYS_AT_ONCE = 4  # each is a process, and asks a node of one thread
KINDS = {".js": "esModule", ".cjs": "commonJsModule", ".json": "json", ".wasm": "wasm",
         ".txt": "text", ".html": "text", ".bin": "data"}


def write_folders(folder, handlers):
    """A folder for each handler with its modules."""
    for handler in handlers.values():
        own = folder / handler.function
        for name, data in handler.files.items():
            path = own / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def text(value):
    return json.dumps(value, ensure_ascii=False)


def capnp(value):
    """A text as Cap'n Proto's language writes it: without \\u."""
    return re.sub(r"\\u00(..)", r"\\x\1", text(value))


def env_of(handler, origin):
    return {**handler.env, **({"ORIGIN": origin} if handler.origin else {})}


# A worker that makes events of others happen, as the flag of its own allows.
DRIVER = """export default { async fetch(request, env) {
  const { name, messages } = await request.json();
  const other = env[name];
  const done = messages === null ? await other.scheduled({ scheduledTime: new Date(), cron: CRON })
    : await other.queue(name, messages.map(({ body }, i) =>
      ({ id: `message ${i}`, timestamp: new Date(), attempts: 1, body })));
  return Response.json(done);
} };"""
CRON = "* * * * *"
EVENT_S = 90  # the clock's next minute, on a busy machine


def driver_of(handlers):
    bindings = [f"(name = {capnp(one.function)}, service = {capnp(one.function)})"
                for one in handlers]
    code = capnp(DRIVER.replace("CRON", text(CRON)))
    return (f"(name = \"driver\", worker = (modules = [(name = \"index.js\", esModule = {code})], "
            f"bindings = [{', '.join(bindings)}], compatibilityDate = {capnp(COMPATIBILITY_DATE)}, "
            "compatibilityFlags = [\"service_binding_extra_handlers\"]))")


def with_events(handlers):
    return [handler for handler in handlers.values() if handler.has_events]


def post(port, path, value):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", text(value).encode(),
                                     method="POST")
    with urllib.request.urlopen(request, timeout=START_S) as answer:
        assert answer.status == 200, answer.read()


def worker_of(handler, origin):
    """The workerd configuration of one handler."""
    where = handler.function
    if handler.listener:
        code = f"serviceWorkerScript = embed {capnp(f'{where}/{MAIN}')}"
    else:
        modules = [f"(name = {capnp(name)}, {KINDS[Path(name).suffix]} = "
                   f"embed {capnp(f'{where}/{name}')})" for name in handler.files]
        code = f"modules = [{', '.join(modules)}]"
    bindings = []
    for name, value in env_of(handler, origin).items():
        is_text = isinstance(value, str)
        kind = f"text = {capnp(value)}" if is_text else f"json = {capnp(text(value))}"
        bindings.append(f"(name = {capnp(name)}, {kind})")
    for name, other in handler.uses.items():
        bindings.append(f"(name = {capnp(name)}, service = {capnp(other.replace('/', '-'))})")
    return (f"(name = {capnp(where)}, worker = ({code}, bindings = [{', '.join(bindings)}], "
            f"compatibilityDate = {capnp(COMPATIBILITY_DATE)}, globalOutbound = \"outside\"))")


class Workerd:
    """One process of workerd with a socket for each handler. Use `with`."""
    name = "workerd"

    def __init__(self, handlers, origin):
        self.handlers, self.origin, self.ports = handlers, origin, {}

    def __enter__(self):
        if not os.access(WORKERD, os.X_OK):
            raise SystemExit("workerd is not installed, so there is nothing to compare with: "
                             "npm ci --prefix tests/workerd")
        self.temporary = tempfile.TemporaryDirectory(prefix="themis-workerd-")
        folder = Path(self.temporary.name)
        write_folders(folder, self.handlers)
        services = [worker_of(handler, self.origin) for handler in self.handlers.values()]
        services.append('(name = "outside", network = (allow = ["private", "public"]))')
        services.append(driver_of(with_events(self.handlers)))
        sockets = [f"(name = {capnp(handler.title)}, address = \"127.0.0.1:0\", http = (), "
                   f"service = {capnp(handler.function)})" for handler in self.handlers.values()]
        sockets.append('(name = "driver", address = "127.0.0.1:0", http = (), service = "driver")')
        config = folder / "config.capnp"
        config.write_text("\n".join([
            'using Workerd = import "/workerd/workerd.capnp";',
            "const config :Workerd.Config = (services = [", ",\n".join(services),
            "], sockets = [", ",\n".join(sockets), "]);"]))
        self.log_path = folder / "log"
        ours, theirs = os.pipe()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [WORKERD, "serve", "--experimental", config, f"--control-fd={theirs}"],
                stdout=log, stderr=log, pass_fds=[theirs])
        os.close(theirs)
        self.watchdog = threading.Timer(START_S, self.process.kill)
        self.watchdog.start()
        with os.fdopen(ours) as told:
            while len(self.ports) <= len(self.handlers):
                line = told.readline()
                if not line:
                    log = self.log_path.read_text(errors="replace")
                    self.__exit__()
                    raise SystemExit(f"workerd did not start:\n{log}")
                said = json.loads(line)
                if said["event"] == "listen":
                    self.ports[said["socket"]] = said["port"]
        self.watchdog.cancel()
        for handler in with_events(self.handlers):
            post(self.ports["driver"], "/", {"name": handler.function, "messages": handler.queue})
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.temporary.cleanup()

    def place(self, handler):
        """Port and start of the path of a handler."""
        return self.ports[handler.title], ""

    def log(self):
        return self.log_path.read_text(errors="replace")


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return text(value)


SENDER = """export default { async fetch(request, env) {
  const { name, messages } = await request.json();
  await env[name].sendBatch(messages);
  return new Response();
} };"""


def name_of(handler):
    return handler.function.replace("-", "_").upper()


class Themis:
    """One node of ours that was given each handler by `themis deploy`. Use `with`."""
    name = "themis"

    def __init__(self, build, handlers, origin):
        self.handlers, self.origin = handlers, origin
        host = origin.removeprefix("http://")
        # workerd has no limit of CPU time.
        self.mesh = Mesh(build, nodes=1, settings=[
            "workers.cpu_ms=2000", f"workers.fetch={host}", f"workers.fetch_private={host}"])

    def __enter__(self):
        self.mesh.__enter__()
        try:
            folder = self.mesh.folder / "corpus"
            write_folders(folder, self.handlers)
            with ThreadPoolExecutor(DEPLOYS_AT_ONCE) as pool:
                list(pool.map(lambda handler: self.deploy(folder, handler), self.handlers.values()))
            self.make_events(folder)
        except BaseException:
            self.mesh.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.mesh.__exit__()

    def deploy(self, folder, handler):
        lines = [f"name = {text(handler.function)}", f"main = {text(MAIN)}"]
        if handler.origin:
            lines.append(f"fetch = [{text(self.origin.removeprefix('http://'))}]")
        if env := env_of(handler, self.origin):
            lines += ["[env]", *(f"{name} = {toml(value)}" for name, value in env.items())]
        if handler.uses:
            lines += ["[functions]", *(f"{name} = {text(other.replace('/', '-'))}"
                                       for name, other in handler.uses.items())]
        if handler.cron:
            lines += ["[[cron]]", f"at = {text(CRON)}"]
        if handler.queue is not None:
            lines += ["[[consume]]", f"queue = {text(handler.function)}"]
        self.deploy_folder(folder / handler.function, lines)

    def deploy_folder(self, own, lines):
        (own / "function.toml").write_text("\n".join(lines) + "\n")
        done = subprocess.run(
            [mesh_program(self.mesh, "themis"), "deploy", "--gateway",
             f"127.0.0.1:{self.mesh.gateway_port}", "--token-file",
             self.mesh.nodes[0].data / "admin.token", own],
            capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{own.name}: {done.stderr}"

    def make_events(self, folder):
        """Sends the messages; returns when all handlers of events were called."""
        handlers = with_events(self.handlers)
        own = folder / "sender"
        own.mkdir()
        (own / MAIN).write_text(SENDER)
        names = [f"{name_of(one)} = {text(one.function)}" for one in handlers if one.queue]
        self.deploy_folder(own, ['name = "sender"', f"main = {text(MAIN)}", "[queues]", *names])
        for handler in handlers:
            if handler.queue is not None:
                post(self.mesh.gateway_port, "/f/sender",
                     {"name": name_of(handler), "messages": handler.queue})
        for handler in handlers:
            wait_until(f"{handler.title} is called",
                       lambda handler=handler: self.mesh.get(f"/f/{handler.function}/")[0] == 200,
                       EVENT_S)

    def place(self, handler):
        return self.mesh.gateway_port, f"/f/{handler.function}"

    def log(self):
        return self.mesh.nodes[0].log()
