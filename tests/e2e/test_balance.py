"""The instances of a function under load: how many calls each takes, and what their coming and
going costs."""
import threading

from mesh import Mesh, load, wait_until
from test_bundles import deploy, folder_of

WAITS = """export default { async fetch(request) {
  await scheduler.wait(request.method === 'POST' ? 60 : 2);
  return new Response('hi');
} };"""
SLOW = WAITS.replace(" 2)", " 1000)")
LOADERS = 4


def load_on(mesh, path):
    """Calls by GET and POST in turns until the end; the count of each (method, status)."""
    return load(lambda: [(method, mesh.request(method, path, body=body)[0])
                         for method, body in (("GET", None), ("POST", b"x"))], LOADERS)


def instances_of(mesh, name):
    routes = mesh.json("/v1/status")["routes"]
    return [i for route in routes if route["name"] == f"fn/{name}" for i in route["instances"]]


def is_at(instance, node):
    return instance["address"].endswith(f":{node.port}")


def test_instances_come_and_go_under_load_without_a_failed_call(build):
    with Mesh(build, nodes=2) as mesh:
        deploy(mesh, folder_of(mesh, "quick", index_js=WAITS, function_toml="instances = 2\n"))

        def takes_calls(node):
            return any(is_at(i, node) and i["state"] == "healthy" and i["calls"] > 20
                       for i in instances_of(mesh, "quick"))

        def calls():
            return [i["calls"] for i in instances_of(mesh, "quick")]

        with load_on(mesh, "/f/quick") as seen:
            wait_until("both take calls", lambda: all(takes_calls(node) for node in mesh.nodes))
            begin = calls()
            wait_until("they take more", lambda: sum(calls()) > sum(begin) + 100)
            shares = [end - start for start, end in zip(begin, calls())]
            code, _ = mesh.nodes[1].stop()
            new = mesh.add(mesh.settings)
            wait_until("a new one takes calls", lambda: takes_calls(new))
            before = dict(seen)
            new.kill()
            wait_until("its loss is known", lambda: not takes_calls(new))
        print(f"# calls of the two: {shares}; {sum(before.values())} until a kill -9: {before}; "
              f"in all {sum(seen.values())}: {dict(seen)}")
        assert code == 0
        assert {status for _, status in before} == {200}, before
        assert {status for method, status in seen if method == "GET"} == {200}, seen
        lost = sum(count for (_, status), count in seen.items() if status != 200)
        assert lost <= LOADERS, ("more than were under way at who was killed", seen)
        assert min(shares) * 2 > max(shares), shares


def test_a_function_takes_so_many_calls_at_once(build):
    with Mesh(build, nodes=1) as mesh:
        deploy(mesh, folder_of(mesh, "slow", index_js=SLOW,
                               function_toml="[limits]\nmax_requests = 2\n"))
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(mesh.get("/f/slow")))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(status for status, _, _ in answers) == [200] * 2 + [503] * 4, answers
        refused = [answer for answer in answers if answer[0] == 503]
        assert all(headers["Retry-After"] == "1" for _, headers, _ in refused), refused
        assert b"2 requests under way here, as many as it may" in refused[0][2], refused[0]
        assert mesh.get("/f/slow")[0] == 200
        code, out, _ = mesh.cli("status")
        assert code == 0 and "RUNNING" in out and "MEMORY" in out, out
