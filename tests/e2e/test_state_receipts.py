"""Receipts of verified state, and callers with a key of their own: the command line, the HTTP route
and env.STATE on real nodes; what others make of their files and of what passes between."""
import http.server
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

from mesh import SOURCE, Mesh, wait_until
from test_state import ask, is_up, state

FAST = ["monitors.epoch_ms=50"]


def themis(mesh, *words, code=0, where=None):
    """(stdout, stderr) of `themis state ...`, which must end with `code`."""
    if where is None:
        got, out, err = mesh.cli("state", *words)
    else:
        done = subprocess.run(
            [mesh.build / "apps/themis", "state", words[0], "--gateway", where, "--token-file",
             mesh.nodes[0].data / "admin.token", *words[1:]], capture_output=True, text=True,
            timeout=30, check=False)
        got, out, err = done.returncode, done.stdout, done.stderr
    assert got == code, (words, got, out, err)
    if code != 0:
        assert out == "" and err.count("\n") == 1 and err.startswith("themis: "), (out, err)
    return out, err


def verified(mesh, file, key):
    """Whether both verifiers take the receipt; they must agree."""
    cli = subprocess.run([mesh.build / "apps/themis", "receipt", "verify", file, "--key", key],
                         capture_output=True, text=True, timeout=30, check=False)
    script = subprocess.run([mesh.build / "apps/worker/node", SOURCE / "apps/clients/receipt.js",
                             file, key], capture_output=True, text=True, timeout=30, check=False,
                            env={**os.environ, "OPENSSL_CONF": "/dev/null"})
    assert cli.returncode == script.returncode in (0, 1), (cli, script)
    assert cli.returncode == 0 or cli.stderr.count("\n") == 1, cli
    return cli.returncode == 0


def test_a_receipt_of_a_call_is_checked_offline(build):
    with Mesh(build, settings=FAST) as mesh:
        file = mesh.folder / "receipt"
        # Three nodes keep namespaces: each has a store with a key.
        for space in ("notes", "bills", "names", "posts", "lists"):
            key = themis(mesh, "key", space)[0].strip()
            themis(mesh, "put", space, "k", "value of " + space, "--receipt", file)
            assert verified(mesh, file, key), space
            shown = json.loads(mesh.local_cli("receipt", "verify", file, "--key", key, "--json"))
            assert shown["state"] == {
                "namespace": space, "call": {"op": "put", "key": "k", "value": "value of " + space},
                "answer": {"done": True}}, shown
            assert themis(mesh, "get", space, "k", "--receipt", file)[0] == "value of " + space
            assert verified(mesh, file, key), space
            shown = mesh.local_cli("receipt", "verify", file, "--key", key)
            assert f'"value":"value of {space}"' in shown, shown
            out, err = themis(mesh, "get", space, "k", "--client", mesh.folder / "client")
            assert out == "value of " + space and err.startswith("verified: "), (out, err)
        assert mesh.json("/v1/status")["state"]["key"] in mesh.cli("status")[1]
        text = file.read_text()
        assert not verified(mesh, file, "00" * 32)
        for at in range(0, len(text), len(text) // 40):
            other = "0" if text[at] != "0" else "1"
            file.write_text(text[:at] + other + text[at + 1:])
            assert not verified(mesh, file, key), (at, text[at])
        # What was not done has a receipt too; what was never given says so.
        err = themis(mesh, "cas", space, "k", "w", "--expected", "x", "--receipt", file, code=1)[1]
        assert "not what was expected" in err and verified(mesh, file, key), err
        nowhere = mesh.folder / "none" / "receipt"
        assert "none" in themis(mesh, "get", space, "k", "--receipt", nowhere, code=1)[1]
        status, answer = ask(mesh, space, op="list", receipt=True)
        assert status == 400 and "get each key" in answer["detail"], answer


def test_the_route_gives_a_provisional_receipt_at_once(build):
    with Mesh(build, nodes=1, settings=["monitors.epoch_ms=60000"]) as mesh:
        status, answer = ask(mesh, "notes", op="put", key="k", value="v", receipt=True)
        assert status == 200 and not answer["certified"], answer
        assert answer["receipt"]["operation"] and "transferable" not in answer["receipt"], answer
        assert "receipt" not in ask(mesh, "notes", op="get", key="k")[1]


STATE = """export default { async fetch(request, env) {
  const options = { receipt: true, wait: true };
  const put = await env.STATE.put('k', 'v', options);
  const got = await env.STATE.get('k', { receipt: true });
  return Response.json({ put, got, plain: await env.STATE.get('k') });
} };"""


def test_a_function_gets_receipts(build):
    with Mesh(build, nodes=1, settings=FAST) as mesh:
        mesh.deploy("shop", STATE)
        status, _, body = mesh.get("/f/shop")
        assert status == 200, body
        told, file = json.loads(body), mesh.folder / "receipt"
        assert told["plain"] == told["got"]["value"] == "v", told
        assert told["put"]["certified"] and "transferable" not in told["got"]["receipt"], told
        file.write_text(told["put"]["receipt"]["transferable"])
        assert verified(mesh, file, mesh.json("/v1/status")["state"]["key"])


def test_monitors_killed_before_the_certificate_give_no_receipt(build):
    with Mesh(build, nodes=1, settings=["monitors.epoch_ms=60000"]) as mesh:
        key, file = themis(mesh, "key", "notes")[0].strip(), mesh.folder / "receipt"
        errors = []
        asking = threading.Thread(target=lambda: errors.append(
            themis(mesh, "put", "notes", "k", "v", "--receipt", file, code=1)[1]))
        asking.start()
        wait_until("it is run", lambda: ask(mesh, "notes", op="get", key="k")[1]["done"])
        os.kill(mesh.json("/v1/status")["enclave"]["pid"], signal.SIGKILL)
        asking.join()
        assert not file.exists(), errors
        wait_until("the state is up", lambda: is_up(mesh))
        # The call counts; that it was answered is asked for again, and of the same key.
        assert mesh.nodes[0].stop()[0] == 0
        mesh.nodes[0].settings.append(FAST[0])
        mesh.nodes[0].start()
        wait_until("the state is up", lambda: is_up(mesh))
        assert themis(mesh, "get", "notes", "k", "--receipt", file)[0] == "v"
        assert verified(mesh, file, key)


class Between:
    """A gateway between the command line and the node's that changes what passes."""

    def __init__(self, mesh):
        self.question = self.answer = lambda body: body
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = between.question(body)
                status, _, text = mesh.manage("POST", self.path, json.dumps(body).encode(),
                                              "application/json")
                answer = json.dumps(between.answer(json.loads(text))).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json" if status == 200
                                 else "application/problem+json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.where = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def with_receipt(change):
    def changed(answer):
        if "receipt" in answer:
            change(answer)
        return answer
    return changed


def flip(answer):
    text = answer["receipt"]["operation"]
    answer["receipt"]["operation"] = text[:-1] + ("0" if text[-1] != "0" else "1")


def test_nobody_between_can_make_or_change_a_clients_call(build):
    with Mesh(build, nodes=1, settings=FAST) as mesh, Between(mesh) as between:
        client = mesh.folder / "client"

        def call(*words, code=0):
            return themis(mesh, *words, "--client", client, code=code, where=between.where)
        call("put", "notes", "k", "v")
        between.question = lambda body: {**body, "value": "w"} if body["op"] == "put" else body
        assert "did not make this call" in call("put", "notes", "k", "v", code=1)[1]
        between.question = lambda body: {**body, "op": "get"} if body["op"] == "put" else body
        assert "did not make this call" in call("put", "notes", "k", "x", code=1)[1]
        seen = []
        between.question = lambda body: seen.append(body) or body
        call("put", "notes", "k", "2")
        call("put", "notes", "k", "3")
        for body in seen:
            if body["op"] != "put":
                continue
            status, answer = ask(mesh, "notes", **body)
            assert status == 409 and "was run before" in answer["detail"], answer
        # The answers' values are nothing; their receipts are all.
        between.answer = with_receipt(lambda answer: answer.update(value="w"))
        assert call("get", "notes", "k")[0] == "3"
        between.answer = with_receipt(lambda answer: answer.update(done=False, value=None))
        assert call("get", "notes", "k")[0] == "3"
        between.answer = with_receipt(flip)
        assert "no monitor's" in call("get", "notes", "k", code=1)[1]
        between.answer = with_receipt(lambda answer: answer.pop("receipt"))
        assert "no monitor's" in call("get", "notes", "k", code=1)[1]
        between.answer = with_receipt(lambda answer: answer["receipt"].pop("transferable"))
        assert "wait for a certificate" in call("get", "notes", "k", "--wait", code=1)[1]
        between.answer = lambda body: body
        assert call("get", "notes", "k", "--wait")[0] == "3"
        assert state(mesh)["state"] == "up", state(mesh)


def test_a_client_keeps_its_place_and_registers_again_after_a_restart(build):
    with Mesh(build, nodes=1, settings=FAST) as mesh:
        client, file = mesh.folder / "client", mesh.folder / "receipt"
        calls = Path(str(client) + ".calls")

        def call(*words, code=0):
            return themis(mesh, *words, "--client", client, code=code)
        out, err = call("put", "notes", "k", "v")
        assert out == "" and err.startswith("verified: ") and "not certified yet" in err, (out, err)
        assert oct(client.stat().st_mode & 0o777) == "0o600"
        out, err = call("get", "notes", "k", "--wait")
        assert out == "v" and err.endswith("certified\n"), (out, err)
        shown = json.loads(call("get", "notes", "k", "--json")[0])
        assert shown["verified"] and shown["value"] == "v", shown
        first = json.loads(calls.read_text())["notes"]
        assert first["nonce"] == 3, first
        call("get", "notes", "k", "--receipt", file)
        assert verified(mesh, file, first["instance"]["key"])
        # Calls at the same time take turns.
        together = [threading.Thread(target=call, args=("put", "notes", f"t{i}", "v"))
                    for i in range(4)]
        for one in together:
            one.start()
        for one in together:
            one.join()
        assert json.loads(calls.read_text())["notes"]["nonce"] == 8
        # An older file repeats a nonce.
        newer = calls.read_text()
        calls.write_text(json.dumps({"notes": first}))
        assert "was run before" in call("get", "notes", "k", code=1)[1]
        calls.write_text(newer)
        os.kill(mesh.json("/v1/status")["enclave"]["pid"], signal.SIGKILL)
        wait_until("the monitors are started again",
                   lambda: state(mesh)["restarts"] >= 1 and is_up(mesh))
        assert call("get", "notes", "k")[0] == "v"
        again = json.loads(calls.read_text())["notes"]
        assert again["instance"]["id"] != first["instance"]["id"], again
        assert again["instance"]["key"] == first["instance"]["key"] and again["nonce"] == 1, again
        # A store with another key is not the one that was called before.
        again["instance"]["key"], again["instance"]["id"] = "00" * 32, "00" * 16
        calls.write_text(json.dumps({"notes": again}))
        assert "another key" in call("get", "notes", "k", code=1)[1]
        calls.write_text("{")
        assert "is damaged; remove it" in call("get", "notes", "k", code=1)[1]
        calls.unlink()
        assert call("get", "notes", "k")[0] == "v"
        client.chmod(0o644)
        assert "others can read" in call("get", "notes", "k", code=1)[1]
        client.chmod(0o600)
        client.write_text("no key")
        assert "not a client's key" in call("get", "notes", "k", code=1)[1]
        nowhere = mesh.folder / "none" / "client"
        assert "none" in themis(mesh, "get", "notes", "k", "--client", nowhere, code=1)[1]
