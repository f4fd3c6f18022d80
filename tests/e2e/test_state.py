"""Verified state: one counter for all instances of a function, the command line, and what survives
which end."""
import functools
import json
import os
import shutil
import signal
import tempfile
import threading
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


def has(mesh, name_space, value):
    return ask(mesh, name_space, op="get", key="k")[1].get("value") == value


def is_up(mesh):
    try:
        return mesh.get("/readyz")[0] == 200 and state(mesh)["state"] == "up"
    except OSError:
        return False


def test_a_killed_node_has_its_state_again(build):
    with Mesh(build, nodes=1, settings=["monitors.epoch_ms=50"]) as mesh:
        for number in range(100):
            code, _, err = mesh.cli("state", "put", "notes", f"key-{number}", f"value {number}")
            assert code == 0, err
        mesh.nodes[0].kill()
        mesh.nodes[0].start()
        wait_until("the state is up", lambda: is_up(mesh))
        for number in range(100):
            status, answer = ask(mesh, "notes", op="get", key=f"key-{number}",
                                 wait=number % 10 == 0)
            assert (status, answer["value"]) == (200, f"value {number}"), answer
            assert number % 10 != 0 or answer["certified"], answer
        # And after an orderly end, which leaves no journal to speak of.
        code, took = mesh.nodes[0].stop()
        assert code == 0 and took < 3, (code, took)
        mesh.nodes[0].start()
        wait_until("the state is up", lambda: is_up(mesh))
        assert state(mesh)["journal_bytes"] < 1000, state(mesh)
        assert ask(mesh, "notes", op="get", key="key-99")[1]["value"] == "value 99"
        listed = ask(mesh, "notes", op="list", prefix="key-")[1]
        assert len(listed["entries"]) == 100, listed


def test_monitors_killed_under_load_lose_no_acknowledged_put(build):
    with Mesh(build, nodes=1) as mesh:
        acknowledged, stop = {}, threading.Event()

        def write(writer):
            number = 0
            while not stop.is_set():
                key, number = f"{writer}-{number}", number + 1
                if ask(mesh, "notes", op="put", key=key, value=key)[0] == 200:
                    acknowledged[key] = True

        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        def is_past(count, kills):
            return (len(acknowledged) > count and state(mesh)["restarts"] >= kills
                    and state(mesh)["state"] == "up")

        for kills in range(3):
            wait_until("puts are acknowledged", functools.partial(is_past, 20 * kills, kills))
            os.kill(mesh.json("/v1/status")["enclave"]["pid"], signal.SIGKILL)
        wait_until("puts go on", functools.partial(is_past, len(acknowledged) + 20, 3))
        stop.set()
        for writer in writers:
            writer.join()
        for key in acknowledged:
            status, answer = ask(mesh, "notes", op="get", key=key)
            assert (status, answer["value"]) == (200, key), (key, answer)
        assert state(mesh)["state"] == "up", state(mesh)
        assert mesh.get("/metrics")[2].count(b"themis_state_restarts_total 3\n") == 1


def test_nobody_takes_the_place_of_a_keeper_that_starts_again(build):
    names = [f"space-{number}" for number in range(8)]
    with Mesh(build) as mesh:
        for name in names:
            status, answer = ask(mesh, name, op="put", key="k", value=name)
            assert status == 200, answer
        assert mesh.nodes[1].stop()[0] == 0
        mesh.nodes[2].kill()
        answers = [ask(mesh, name, op="get", key="k") for name in names]
        assert any(status != 200 for status, _ in answers), "node 0 keeps all of them"
        for name, (status, answer) in zip(names, answers):
            assert status >= 500 or answer["value"] == name, answer
        for node in mesh.nodes[1:]:
            node.start()
        for name in names:
            wait_until("the keeper is back", functools.partial(has, mesh, name, name))


def test_a_store_that_was_put_back_is_refused(build):
    with Mesh(build, nodes=1) as mesh:
        data = mesh.nodes[0].data
        ask(mesh, "notes", op="put", key="k", value="old")
        mesh.nodes[0].stop()
        shutil.copytree(data / "state", data / "before")
        mesh.nodes[0].start()
        wait_until("the state is up", lambda: is_up(mesh))
        ask(mesh, "notes", op="put", key="k", value="new")
        mesh.nodes[0].kill()
        shutil.rmtree(data / "state")
        (data / "before").rename(data / "state")
        mesh.nodes[0].start()
        wait_until("the node is up", lambda: mesh.get("/readyz")[0] == 200)
        wait_until("the state says so", lambda: state(mesh)["state"] == "down")
        assert "the store was rolled back" in state(mesh)["why"], state(mesh)
        status, answer = ask(mesh, "notes", op="get", key="k")
        assert status >= 400 and "the store was rolled back" in answer["detail"], answer
        assert "the store was rolled back" in mesh.cli("status")[1]
        assert oct((data / "state.key").stat().st_mode & 0o777) == "0o600"
        mesh.deploy("still", "export default { fetch() { return new Response('here'); } };")
        assert mesh.get("/f/still")[2] == b"here"


def flip(path, text):
    """Changes a byte of the text wherever the file has it; LMDB has no checksums."""
    content = path.read_bytes()
    assert text in content, path
    path.write_bytes(content.replace(text, bytes([text[0] ^ 1]) + text[1:]))


def check_refused(mesh, why):
    """The state is down for that reason, everywhere where one looks."""
    wait_until("the node is up", lambda: mesh.get("/readyz")[0] == 200)
    wait_until("the state says so", lambda: state(mesh)["state"] == "down")
    assert why in state(mesh)["why"], state(mesh)
    status, answer = ask(mesh, "notes", op="get", key="k")
    assert status >= 400 and why in answer["detail"], answer
    assert why in mesh.cli("status")[1]
    assert why in mesh.nodes[0].log()
    assert b"themis_state_up 0\n" in mesh.get("/metrics")[2]


def test_a_flipped_byte_on_disk_is_refused_at_each_start(build):
    """Of a call in the journal, and of a record of the checkpoint."""
    value = "a value to find on the disk"
    for end, why in ((lambda node: node.kill(), "the journal of monitor thread 0 is not what"),
                     (lambda node: node.stop(), "the records of monitor thread 0 are not those")):
        with Mesh(build, nodes=1) as mesh:
            node = mesh.nodes[0]
            assert ask(mesh, "notes", op="put", key="k", value=value)[0] == 200
            end(node)
            file = node.data / "state" / "data.mdb"
            before = file.read_bytes()
            flip(file, value.encode())
            for _ in range(2):
                node.start()
                check_refused(mesh, why)
                node.stop()
            file.write_bytes(before)
            node.start()
            wait_until("the state is up", lambda: is_up(mesh))
            assert ask(mesh, "notes", op="get", key="k")[1]["value"] == value


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
        assert status == 502 and "refused batch" in answer["detail"], answer
        # The end of the monitors' process does not make it fine again.
        os.kill(mesh.json("/v1/status")["enclave"]["pid"], signal.SIGKILL)
        wait_until("it is gone", lambda: not mesh.json("/v1/status")["enclave"]["pid"])
        assert ask(mesh, "notes", op="get", key="k")[0] == 502
        assert state(mesh)["state"] == "violated" and "byte" in state(mesh)["why"], state(mesh)
        assert b"themis_state_violated 1\n" in mesh.get("/metrics")[2]
        assert "VIOLATION" in mesh.nodes[0].log()
        assert "violated: monitor thread 0 refused batch" in mesh.cli("status")[1]
