"""Verified state: one counter for all instances of a function, the command line, and its end."""
import json
import os
import shutil
import signal
import tempfile
from pathlib import Path

from mesh import Mesh, wait_until

COUNTER = """export default { async fetch(request, env) {
  const [count] = await env.STATE.transaction(['count'], ([old]) => [String(Number(old ?? 0) + 1)]);
  return new Response(count);
} };"""


def state(mesh):
    return mesh.json("/v1/status")["state"]


def ask(mesh, name_space, **call):
    status, _, body = mesh.manage("POST", f"/v1/state/{name_space}", json.dumps(call).encode(),
                                  "application/json")
    return status, json.loads(body)


def test_a_counter_counts_whichever_node_runs_the_function(build):
    with Mesh(build, settings=["monitors.epoch_ms=50"]) as mesh:
        mesh.deploy("counter", COUNTER)
        ran_on = set()
        for number in range(1, 101):
            status, headers, body = mesh.get("/f/counter")
            assert (status, body) == (200, b"%d" % number), (status, body)
            ran_on.add(headers["x-themis-node"])
        assert len(ran_on) > 1, ran_on
        status, answer = ask(mesh, "counter", op="get", key="count", wait=True)
        assert (status, answer["value"], answer["certified"]) == (200, "100", True), answer


def test_the_command_line_reads_and_writes_state(build):
    with Mesh(build, nodes=1, settings=["monitors.epoch_ms=50"]) as mesh:
        def themis(*words, code=0):
            got, out, err = mesh.cli("state", *words)
            assert got == code, (words, got, out, err)
            return out if code == 0 else err
        themis("put", "notes", "first", "hello", "--wait")
        assert themis("get", "notes", "first") == "hello"
        assert "no key" in themis("get", "notes", "second", code=1)
        assert "expected" in themis("cas", "notes", "first", "bye", "--expected", "x", code=1)
        themis("cas", "notes", "first", "bye", "--expected", "hello")
        themis("cas", "notes", "second", "new")
        entries = json.loads(themis("list", "notes", "--json"))["entries"]
        assert entries == [{"key": "first", "value": "bye"}, {"key": "second", "value": "new"}]
        themis("delete", "notes", "first")
        assert themis("list", "notes").split() == ["KEY", "VALUE", "second", "new"]
        assert json.loads(themis("put", "notes", "k", "v", "--wait", "--json"))["certified"]
        assert "at most 1024 bytes" in themis("put", "notes", "k", "v" * 1025, code=1)


def test_killed_monitors_lose_the_state_and_say_so(build):
    with Mesh(build, nodes=1) as mesh:
        ask(mesh, "notes", op="put", key="k", value="v")
        pid = mesh.json("/v1/status")["enclave"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until("the state is empty", lambda: ask(mesh, "notes", op="get", key="k")[1]
                   .get("done") is False)
        assert state(mesh)["losses"] == 1
        assert "1 records are lost" in mesh.nodes[0].log(), mesh.nodes[0].log()
        assert b"themis_state_losses_total 1\n" in mesh.get("/metrics")[2]
        assert mesh.json("/v1/ring")["node"]  # nothing else ended with them


def tampered_build(build, folder):
    """A build folder whose enclave program changes what passes to its monitors."""
    apps = Path(folder) / "apps"
    apps.mkdir()
    shutil.copy(build / "apps/themis-node", apps)
    shutil.copy(build / "tests/e2e/tampering-enclave", apps / "themis-enclave")
    shutil.copy(build / "apps/themis", apps)
    shutil.copytree(build / "apps/worker", apps / "worker", ignore=shutil.ignore_patterns("*.p"))
    return apps.parent


def test_a_violation_is_shown_and_stays(build):
    with tempfile.TemporaryDirectory(prefix="themis-e2e-") as folder, \
            Mesh(tampered_build(Path(build), folder), nodes=1,
                 settings=["monitors.epoch_ms=50"]) as mesh:
        status, answer = ask(mesh, "notes", op="put", key="k", value="v", wait=True)
        assert (status, answer["certified"]) == (200, True), answer
        status, answer = ask(mesh, "notes", op="put", key="tamper", value="v", wait=True)
        assert status == 502 and "a monitor refused" in answer["detail"], answer
        # The end of the monitors' process does not make it fine again.
        os.kill(mesh.json("/v1/status")["enclave"]["pid"], signal.SIGKILL)
        wait_until("it is gone", lambda: not mesh.json("/v1/status")["enclave"]["pid"])
        assert ask(mesh, "notes", op="get", key="k")[0] == 502
        assert state(mesh)["state"] == "violated" and "byte" in state(mesh)["why"], state(mesh)
        assert b"themis_state_violated 1\n" in mesh.get("/metrics")[2]
        assert "VIOLATION" in mesh.nodes[0].log()
        assert "violated: a monitor refused" in mesh.cli("status")[1]
