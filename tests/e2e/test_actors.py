"""Actors of functions: one object of an id in the whole mesh, with storage and alarms."""
import json
import os
import re
import signal
import threading

from mesh import SOURCE, Mesh, wait_until
from test_bundles import deploy, folder_of

MANIFEST = '[actors]\nACTORS = "Counter"\n'
# `run` marks an isolate; /slow waits in the middle of reading and writing.
COUNTER = """const run = crypto.randomUUID();
export class Counter {
  constructor(ctx, env) { this.ctx = ctx; this.env = env; this.s = ctx.storage; }
  async fetch(request) {
    const what = new URL(request.url).pathname.split('/')[2];
    if (what === 'run') return new Response(run);
    if (what === 'big') return new Response(new ReadableStream({ left: 48, pull(controller) {
      if (this.left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(64 << 10).fill(120)); } }));
    if (what === 'spin') for (;;);
    if (what === 'read') return Response.json([...(await this.s.list()).entries()]);
    if (what === 'alarm') await this.s.setAlarm(Date.now() + Number(await request.text()));
    if (what === 'state') return this.keep();
    if (what === 'other') return this.env.ACTORS.get('other').fetch('http://x/x/add');
    const n = ((await this.s.get('n')) ?? 0) + 1;
    await this.s.put('n', n);
    return new Response(String(n));
  }
  async keep() { await this.env.STATE.put('by', this.ctx.id); return new Response('ok'); }
  async alarm() {
    const rung = ((await this.s.get('rung')) ?? 0) + 1;
    await this.s.put('rung', rung);
    if (rung === 1 && this.ctx.id === 'fails') throw new Error('no');
  }
}
export default { async fetch(request, env) {
  const [, id] = new URL(request.url).pathname.split('/');
  try { return await env.ACTORS.get(id).fetch(request); }
  catch (error) { return new Response(error.message, { status: 500 }); }
} };"""


def ask(mesh, path, body=None):
    status, _, answer = mesh.post(f"/f/counter/{path}", body) if body is not None \
        else mesh.get(f"/f/counter/{path}")
    return answer.decode() if status == 200 else f"{status} {answer.decode()}"


def put_up(mesh, source=COUNTER, name="counter", more="", folder=None):
    deploy(mesh, folder_of(mesh, folder or name, index_js=source,
                           function_toml=more + MANIFEST), "--name", name)


def read_until(mesh, actor, wanted):
    wait_until(f"{actor} has {wanted}; it has {ask(mesh, actor + '/read')}",
               lambda: ask(mesh, f"{actor}/read") == wanted)


def metric(mesh, name):
    text = mesh.get("/metrics")[2].decode()
    return int(re.search(rf"^themis_{name} (\d+)$", text, re.M).group(1))


def alarms(mesh):
    """Those that are set, wherever."""
    found = []
    for digit in "0123456789abcdef":
        status, _, body = mesh.manage(
            "POST", f"/v1/state/counter.{digit}",
            json.dumps({"op": "list", "prefix": "alarm/"}).encode(), "application/json")
        assert status == 200, body
        found += [entry["value"] for entry in json.loads(body)["entries"]]
    return found


def test_an_actor_counts_each_call_once_whoever_asks(build):
    with Mesh(build) as mesh:
        put_up(mesh)
        answers = []

        def count():
            for _ in range(25):
                answers.append(ask(mesh, "a/add"))

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(int, answers)) == list(range(1, 201)), answers
        assert ask(mesh, "b/add") == "1"
        assert ask(mesh, "a/read") == '[["n",200]]'


def test_actors_live_on_several_nodes_and_ask_each_other(build):
    with Mesh(build) as mesh:
        put_up(mesh, more="instances = 1\n")
        runs = {ask(mesh, f"id-{n}/run") for n in range(40)}
        assert len(runs) == 40, "each has an isolate of its own"
        for n in range(8):
            assert ask(mesh, f"id-{n}/other") == str(n + 1)

        def homes():
            return sum("live here" in node.log() for node in mesh.nodes)

        # Where the nodes are on the ring is chance, and where the names point to.
        for other in range(20):
            if homes() > 1:
                break
            put_up(mesh, name=f"counter-{other}")
            for n in range(16):
                assert len(mesh.get(f"/f/counter-{other}/id-{n}/run")[2]) == 36
        assert homes() > 1


ROOM = """export class Counter {
  waiting = [];
  feeds = [];
  fetch(request) {
    const what = new URL(request.url).pathname.split('/')[2];
    if (what === 'wait') return new Promise((done) => this.waiting.push(done));
    if (what === 'feed')
      return new Response(new ReadableStream({ start: (feed) => { this.feeds.push(feed); } }));
    if (what === 'wake') {
      for (const done of this.waiting) done(new Response('woken'));
      for (const feed of this.feeds) { feed.enqueue(new Uint8Array([104, 105])); feed.close(); }
    }
    return new Response(`${this.waiting.length} ${this.feeds.length}`);
  }
}
""" + COUNTER[COUNTER.index("export default"):]


def test_regress_a_call_of_an_actor_may_wait_for_another_call(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh, ROOM)
        heard = []
        threads = [threading.Thread(target=lambda what=what: heard.append(ask(mesh, f"a/{what}")))
                   for what in ("wait", "wait", "feed")]
        for thread in threads:
            thread.start()
        wait_until("all three wait", lambda: ask(mesh, "a/look") == "2 1" or heard)
        assert heard == [], heard
        ask(mesh, "a/wake")
        for thread in threads:
            thread.join()
        assert sorted(heard) == ["hi", "woken", "woken"], heard


def test_what_an_actor_answers_streams_and_its_storage_is_its_own(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh)
        assert len(ask(mesh, "a/big")) == 3 << 20
        assert ask(mesh, "a/state") == "ok"
        assert ask(mesh, "a/read") == "[]"
        status, _, body = mesh.manage("POST", "/v1/state/counter",
                                      json.dumps({"op": "list"}).encode(), "application/json")
        assert status == 200 and json.loads(body)["entries"] == [{"key": "by", "value": "a"}], body
        mesh.deploy("thief", """export default { async fetch(request, env) { try {
            return new Response((await env.STATE.namespace('counter.0').list()).entries.length); }
            catch (e) { return new Response(e.message); } } };""")
        assert b"denied" in mesh.get("/f/thief")[2]


def test_nothing_acknowledged_is_lost_by_kill_9(build):
    """Of the worker processes, and of the node."""
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh)
        node = mesh.nodes[0]
        last = 0
        for kill in range(4):
            stop = threading.Event()
            acknowledged = []

            def count(stop=stop, acknowledged=acknowledged):
                while not stop.is_set():
                    answer = ask(mesh, "a/add")
                    if answer.isdigit():
                        acknowledged.append(int(answer))

            threads = [threading.Thread(target=count) for _ in range(4)]
            for thread in threads:
                thread.start()
            wait_until("it counts", lambda a=acknowledged: len(a) > 20)
            if kill < 3:
                for pid in mesh.worker_pids(node):
                    os.kill(pid, signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join()
            if kill == 3:
                node.kill()
                node.start()
                wait_until("the node is back", lambda: mesh.get("/readyz")[0] == 200)
            assert len(set(acknowledged)) == len(acknowledged), "no number was given twice"
            assert min(acknowledged) > last
            last = max(acknowledged)
            wait_until("it is there again", lambda: ask(mesh, "a/add").isdigit())
            now = int(ask(mesh, "a/add"))
            assert now > last, (now, last)
            last = now


def test_a_removed_function_leaves_nothing_behind(build):
    """Neither on disk nor in memory, on any node; what another function keeps stays."""
    with Mesh(build) as mesh:
        def kept(name="counter"):
            found = []
            for space in (name, *(f"{name}.{digit}" for digit in "0123456789abcdef")):
                status, _, body = mesh.manage("POST", f"/v1/state/{space}",
                                              json.dumps({"op": "list"}).encode(),
                                              "application/json")
                assert status == 200, body
                found += json.loads(body)["entries"]
            return found

        put_up(mesh)
        put_up(mesh, name="other")
        for n in range(12):
            assert ask(mesh, f"id-{n}/add") == "1"
        assert ask(mesh, "id-0/alarm", b"99999999") == "2" and ask(mesh, "id-0/state") == "ok"
        assert mesh.get("/f/other/id-0/add")[2] == b"1"
        assert len(kept()) == 14 and len(kept("other")) == 1
        assert mesh.cli("remove", "counter")[0] == 0
        assert kept() == [] and len(kept("other")) == 1
        put_up(mesh, folder="again")
        assert ask(mesh, "id-0/add") == "1", "the one in memory has ended"
        for node in mesh.nodes:
            node.kill()
        for node in mesh.nodes:
            node.start()
        wait_until("the mesh is back", lambda: ask(mesh, "id-0/add") == "2", deadline_s=60)
        assert len(kept()) == 1


def test_alarms_of_a_removed_function_are_forgotten_before_they_are_due(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh)
        assert ask(mesh, "id-0/add") == "1"
        assert ask(mesh, "id-0/alarm", b"99999999") == "2" and ask(mesh, "id-0/state") == "ok"
        assert mesh.metric("actor_alarms") == 1
        assert mesh.cli("remove", "counter")[0] == 0
        wait_until("its alarm is forgotten", lambda: mesh.metric("actor_alarms") == 0)


def test_a_function_stays_while_what_it_kept_cannot_be_erased(build):
    names = [f"kept-{number}" for number in range(8)]
    with Mesh(build) as mesh:
        for name in names:
            mesh.deploy(name, "export default { async fetch(request, env) {"
                        " await env.STATE.put('k', 'v'); return new Response('ok'); } };")
            assert mesh.get(f"/f/{name}")[2] == b"ok"
        for node in mesh.nodes[1:]:
            node.kill()
        outcomes = {name: mesh.cli("remove", name) for name in names}
        left = [name for name in names if outcomes[name][0] != 0]
        assert left, "node 0 keeps all of them"
        for name in left:
            assert f"what is kept in {name} cannot be erased now" in outcomes[name][2], outcomes
        assert [one["name"] for one in mesh.json("/v1/functions")["functions"]] == left
        for node in mesh.nodes[1:]:
            node.start()
        for name in left:
            wait_until("it is removed", lambda name=name: mesh.cli("remove", name)[0] == 0)
        assert mesh.json("/v1/functions")["functions"] == []


def test_a_long_value_survives_kill_9(build):
    """Written within the CPU time that every call has."""
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh, """export class Counter { constructor(ctx) { this.s = ctx.storage; }
            async fetch(request) {
              if (request.method === 'POST') await this.s.put('v', await request.text());
              return new Response(await this.s.get('v')); } }
            export default { fetch: (request, env) => env.ACTORS.get('a').fetch(request) };""")
        node = mesh.nodes[0]
        for length in (130_000, 131_000):
            value = "".join(chr(97 + n * n % 26) for n in range(length))
            assert ask(mesh, "a", value.encode()) == value
            node.kill()
            node.start()
            wait_until("the node is back", lambda: mesh.get("/readyz")[0] == 200)
            wait_until("it is whole", lambda value=value: ask(mesh, "a") == value)


def test_alarms_ring_once_and_again_after_a_failure(build):
    with Mesh(build) as mesh:
        put_up(mesh)
        for n in range(6):
            assert ask(mesh, f"id-{n}/alarm", b"300") == "1"
        assert ask(mesh, "fails/alarm", b"100") == "1"
        for n in range(6):
            read_until(mesh, f"id-{n}", '[["n",1],["rung",1]]')
        read_until(mesh, "fails", '[["n",1],["rung",2]]')
        wait_until("none is left", lambda: alarms(mesh) == [])
        assert sum(node.log().count("the alarm of an actor of counter failed")
                   for node in mesh.nodes) == 1


def test_an_alarm_survives_kill_9(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh)
        assert ask(mesh, "a/alarm", b"1500") == "1"
        assert ask(mesh, "far/alarm", b"99999999") == "1"
        mesh.nodes[0].kill()
        mesh.nodes[0].start()
        wait_until("the node is back", lambda: mesh.get("/readyz")[0] == 200)
        read_until(mesh, "a", '[["n",1],["rung",1]]')
        wait_until("the other is still set", lambda: metric(mesh, "actor_alarms") == 1)
        assert len(alarms(mesh)) == 1 and alarms(mesh)[0].endswith(" Counter far"), alarms(mesh)


def test_a_new_version_replaces_an_actor_and_keeps_its_storage(build):
    with Mesh(build) as mesh:
        put_up(mesh)
        first = ask(mesh, "a/run")
        assert ask(mesh, "a/add") == "1"
        assert ask(mesh, "a/run") == first
        old = "?? 0) + 1;\n    await this.s.put('n'"
        assert old in COUNTER
        put_up(mesh, COUNTER.replace(old, old.replace("+ 1", "+ 10")),
               folder="newer")
        wait_until("the new version counts", lambda: int(ask(mesh, "a/add")) > 10)
        assert ask(mesh, "a/run") != first


def test_a_limit_ends_the_actor_and_not_its_storage(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh, more="limits.cpu_ms = 50\n")
        assert ask(mesh, "a/add") == "1"
        first = ask(mesh, "a/run")
        assert "cpu_exceeded" in ask(mesh, "a/spin")
        assert ask(mesh, "a/add") == "2"
        assert ask(mesh, "a/run") != first
        assert ask(mesh, "x" * 257 + "/add").startswith("500 too_large: an actor's id")


def test_actors_past_the_limit_hibernate_with_their_storage(build):
    with Mesh(build, nodes=1) as mesh:
        put_up(mesh)
        first = ask(mesh, "id-0/run")
        for n in range(140):
            assert ask(mesh, f"id-{n}/add") == "1"
        assert ask(mesh, "id-0/run") != first, "128 of a function are loaded at most"
        assert ask(mesh, "id-0/add") == "2"
        workers = mesh.json("/v1/status")["workers"]
        assert max(worker["functions"] for worker in workers) <= 128, workers


def test_the_counter_of_the_examples(build):
    with Mesh(build) as mesh:
        deploy(mesh, SOURCE / "apps/functions/counter")
        for number in range(1, 4):
            assert mesh.post("/f/counter/apples", b"")[2] == b'{"count":%d}' % number
        assert mesh.get("/f/counter/apples")[2] == b'{"count":3}'
        assert mesh.get("/f/counter/pears")[2] == b'{"count":0}'
