"""kill -9 of workers and nodes: what is left goes on answering, and the ring heals."""
import os
import signal
import socket
import time

from mesh import SOURCE, Mesh, wait_until

HELLO = (SOURCE / "apps/functions/hello.js").read_text()


def answers(mesh):
    return mesh.get("/f/hello", timeout=5)[0] == 200


def ready(mesh):
    try:
        return mesh.get("/readyz")[0] == 200
    except OSError:
        return False


def test_a_killed_worker_is_back_within_a_second(build):
    with Mesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        for node in mesh.nodes:
            (old,) = mesh.worker_pids(node)
            os.kill(old, signal.SIGKILL)
            start = time.monotonic()
            wait_until("a new worker", lambda: any(p != old for p in mesh.worker_pids(node)))
            print(f"# a new worker after {time.monotonic() - start:.3f} s")
            wait_until("calls are answered", lambda: answers(mesh), 5)


def test_calls_are_answered_while_one_node_after_another_is_killed(build):
    with Mesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        for left, node in ((1, mesh.nodes[1]), (0, mesh.nodes[2])):
            node.kill()
            wait_until("calls are answered", lambda: answers(mesh), 10)
            wait_until("the ring has healed",
                       lambda: len(mesh.json("/v1/ring")["successors"]) == left)
            for _ in range(10):
                assert answers(mesh)


def test_a_restarted_node_comes_back_with_its_identity_and_functions(build):
    with Mesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        before = {node["id"] for node in mesh.known_nodes()}
        mesh.nodes[1].kill()
        mesh.nodes[1].start()
        wait_until("the same nodes are known",
                   lambda: {node["id"] for node in mesh.known_nodes()} == before)
        wait_until("calls are answered", lambda: answers(mesh))


def test_an_acknowledged_deploy_survives_kill_minus_nine(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("hello", HELLO)
        mesh.nodes[0].kill()
        mesh.nodes[0].start()
        wait_until("the function answers again", lambda: answers(mesh))


def test_a_second_signal_ends_a_node_at_once(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("slow", "export default { async fetch() {"
                            " await new Promise(done => setTimeout(done, 5000));"
                            " return new Response('late'); } };")
        with socket.create_connection(("127.0.0.1", mesh.gateway_port)) as waiting:
            waiting.sendall(b"GET /f/slow HTTP/1.1\r\nhost: a\r\n\r\n")
            wait_until("the call runs",
                       lambda: mesh.json("/v1/status")["workers"][0]["in_flight"] == 1)
            process = mesh.nodes[0].process
            process.send_signal(signal.SIGINT)
            wait_until("it leaves", lambda: not ready(mesh))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == -signal.SIGTERM


def test_nodes_leave_and_exit(build):
    with Mesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        for node in reversed(mesh.nodes):
            code, seconds = node.stop()
            print(f"# node {node.number} left in {seconds:.3f} s")
            assert code == 0, (node.number, code, node.log()[-500:])
