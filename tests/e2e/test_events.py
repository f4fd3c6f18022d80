"""Functions that are called by queues and by the clock."""
import json
import os
import signal

from mesh import SOURCE, Mesh, in_background, wait_until
from test_bundles import deploy, folder_of

PRODUCER = """export default { async fetch(request, env) {
  await env.JOBS.send(await request.json()); return new Response('sent'); } };"""
CONSUMER = """export default {
  async fetch(request, env) {
    return new Response((await env.STATE.list()).entries.map((e) => e.key + e.value).join()); },
  async queue(batch, env) {
    for (const message of batch.messages) {
      if (message.body.bad && message.attempts < message.body.bad) { message.retry(); continue; }
      await env.STATE.put(`${batch.queue}-${message.body.n}-`, String(message.attempts));
    } } };"""
CONSUME = '[[consume]]\nqueue = "jobs"\nretries = 2\ndelay_s = 0\ndead_letter = "dead"\n'


def producer(mesh):
    return folder_of(mesh, "producer", index_js=PRODUCER,
                     function_toml='[queues]\nJOBS = "jobs"\n')


def post(mesh, value):
    status, _, body = mesh.post("/f/producer", json.dumps(value).encode())
    assert (status, body) == (200, b"sent"), (status, body)


def seen(mesh, name="consumer"):
    return sorted(mesh.get(f"/f/{name}")[2].decode().split(","))


def metrics(mesh):
    return mesh.get("/metrics")[2].decode()


def test_messages_reach_a_function_on_any_node(build):
    with Mesh(build) as mesh:
        deploy(mesh, producer(mesh))
        deploy(mesh, folder_of(mesh, "consumer", index_js=CONSUMER, function_toml=CONSUME))
        for n in range(3):
            post(mesh, {"n": n})
        wait_until("all are taken",
                   lambda: seen(mesh) == ["jobs-0-1", "jobs-1-1", "jobs-2-1"])


def test_refused_messages_come_again_and_end_as_dead_letters(build):
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, producer(mesh))
        deploy(mesh, folder_of(mesh, "consumer", index_js=CONSUMER, function_toml=CONSUME))
        deploy(mesh, folder_of(mesh, "undertaker", index_js=CONSUMER,
                               function_toml='[[consume]]\nqueue = "dead"\ndelay_s = 0\n'))
        post(mesh, {"n": 1, "bad": 3})
        wait_until("the third delivery is accepted", lambda: seen(mesh) == ["jobs-1-3"])
        post(mesh, {"n": 2, "bad": 4})
        wait_until("it is dead", lambda: mesh.nodes[0].log().count("goes to dead") == 1)
        post(mesh, {"n": 3})
        wait_until("the next one is taken", lambda: seen(mesh) == ["jobs-1-3", "jobs-3-1"])
        wait_until("the dead one is taken", lambda: seen(mesh, "undertaker") == ["dead-2-4"])
        for line in ("queue_messages 0", "queue_sent_total 3", "queue_refused_total 8",
                     "queue_accepted_total 3", "queue_dead_total 1"):
            wait_until(line, lambda line=line: f"themis_{line}\n" in metrics(mesh))


def test_a_sent_message_survives_kill_9(build):
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, producer(mesh))
        for n in range(5):
            post(mesh, {"n": n})
        mesh.nodes[0].kill()
        mesh.nodes[0].start()
        wait_until("the node is back", lambda: mesh.get("/readyz")[0] == 200)
        deploy(mesh, folder_of(mesh, "consumer", index_js=CONSUMER, function_toml=CONSUME))
        wait_until("nothing was lost", lambda: seen(mesh) == [f"jobs-{n}-1" for n in range(5)])


def test_a_message_whose_handler_was_killed_comes_again(build):
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, producer(mesh))
        deploy(mesh, folder_of(
            mesh, "consumer", index_js="export default { async fetch(request, env) {"
            " return new Response(String(await env.STATE.get('runs'))); },"
            " async queue(batch, env) { const [runs] = await env.STATE.transaction(['runs'],"
            "  ([old]) => [String(Number(old ?? 0) + 1)]);"
            "  if (runs === '1') await new Promise((done) => setTimeout(done, 25000)); } };",
            function_toml=CONSUME))
        post(mesh, {"n": 1})
        wait_until("it runs", lambda: mesh.get("/f/consumer")[2] == b"1")
        mesh.nodes[0].kill()
        mesh.nodes[0].start()
        wait_until("it runs again", lambda: mesh.get("/f/consumer")[2] == b"2")
        wait_until("and is accepted", lambda: "themis_queue_accepted_total 1\n" in metrics(mesh))


def test_regress_a_message_that_takes_its_process_along_ends_as_a_dead_letter(build):
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, producer(mesh))
        deploy(mesh, folder_of(
            mesh, "consumer", index_js="export default { async fetch(request, env) {"
            " return new Response(String(await env.STATE.get('runs'))); },"
            " async queue(batch, env) { await env.STATE.transaction(['runs'],"
            "  ([old]) => [String(Number(old ?? 0) + 1)]);"
            "  await new Promise((done) => setTimeout(done, 25000)); } };",
            function_toml=CONSUME))
        post(mesh, {"n": 1})
        for run in (b"1", b"2", b"3"):
            wait_until(f"it runs {run}", lambda run=run: mesh.get("/f/consumer")[2] == run)
            for pid in mesh.worker_pids(mesh.nodes[0]):
                os.kill(pid, signal.SIGKILL)
        wait_until("it is dead", lambda: mesh.nodes[0].log().count("goes to dead") == 1)


def test_the_guest_book_of_the_examples(build):
    with Mesh(build) as mesh:
        deploy(mesh, SOURCE / "apps/functions/guestbook")
        assert mesh.post("/f/guestbook", b" ")[0] == 400
        for line in (b"Ada <was> here", b"Grace too"):
            assert mesh.post("/f/guestbook", line)[0] == 202
        wait_until("both are in the book", lambda: all(
            line in mesh.get("/f/guestbook")[2]
            for line in (b"<li>Ada &lt;was> here</li>", b"<li>Grace too</li>")))
        status, headers, body = mesh.get("/f/guestbook")
        assert status == 200 and headers["content-type"] == "text/html;charset=utf-8", headers
        assert b"<h1>Guest book</h1>" in body, body


@in_background
def test_a_cron_line_wakes_its_function_once_on_one_node(build):
    """Waits for a full minute. `visits` is an example."""
    with Mesh(build) as mesh:
        deploy(mesh, SOURCE / "apps/functions/visits")
        for count in (1, 2, 3):
            assert json.loads(mesh.post("/f/visits", b"")[2])["now"] == count
        deploy(mesh, folder_of(
            mesh, "clock", index_js="export default { async fetch(request, env) {"
            " return new Response(String(await env.STATE.get('woken'))); },"
            " async scheduled(controller, env) { await env.STATE.transaction(['woken'], ([old]) =>"
            "  [(old ?? '') + controller.cron + new Date(controller.scheduledTime).getSeconds()]);"
            "} };", function_toml='[[cron]]\nat = "*/1 * * * *"\n'))
        wait_until("it is woken", lambda: mesh.get("/f/clock")[2] != b"null", deadline_s=75)
        assert mesh.get("/f/clock")[2] == b"*/1 * * * *0", mesh.get("/f/clock")
        wait_until("the visits are written down", lambda: mesh.json("/f/visits")["minutes"])
        visits = mesh.json("/f/visits")
        minutes = dict(visits["minutes"])
        assert len(minutes) == len(visits["minutes"]), visits  # each is written down once
        assert visits["now"] + sum(minutes.values()) == 3, visits
        logs = [line for node in mesh.nodes for line in node.log().splitlines() if "clock" in line]
        assert not any("not woken" in line or "failed" in line for line in logs), logs


def test_only_the_manifest_lets_a_function_send(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("thief", "export default { async fetch(request, env) { try {"
                    " await env.SERVICES.fetch('queue/jobs', 'http://q/', { method: 'POST',"
                    " body: '[]' }); return new Response('?'); }"
                    " catch (e) { return new Response(e.message); } } };")
        assert b"denied" in mesh.get("/f/thief")[2]


def test_a_request_is_no_event(build):
    """Whoever calls over HTTP reaches `fetch` only."""
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, folder_of(mesh, "events", index_js="export default {"
                               " scheduled() { console.log('woken'); } };",
                               function_toml='[[cron]]\nat = "0 0 29 2 *"\n'))
        for method in ("GET", "POST"):
            status, _, _ = mesh.request(method, "/f/events", body=b"{}", headers={"event": "1"})
            assert status == 500, status
        assert "woken" not in mesh.nodes[0].log()
