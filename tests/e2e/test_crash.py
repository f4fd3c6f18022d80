"""kill -9 of workers and nodes: what is left goes on answering, and the ring heals."""
import os
import signal
import socket

from mesh import SOURCE, Mesh, wait_until

HELLO = (SOURCE / "apps/functions/hello.js").read_text()


def answers(mesh):
    return mesh.get("/f/hello", timeout=5)[0] == 200


def ready(mesh):
    try:
        return mesh.get("/readyz")[0] == 200
    except OSError:
        return False


def computed_by(mesh, node):
    """Whether this very node computes the next call of hello."""
    status, headers, _ = mesh.get("/f/hello", timeout=5)
    own = next(n["id"] for n in mesh.known_nodes() if n["address"].endswith(f":{node.port}"))
    return status == 200 and own.startswith(headers["x-themis-node"])


def test_a_killed_worker_is_replaced_and_its_node_computes_again(build):
    with Mesh(build) as mesh:
        mesh.deploy("hello", HELLO)
        for node in mesh.nodes[1:]:  # those that host it: the one that took it comes last
            wait_until("the node computes calls", lambda: computed_by(mesh, node))
            old = mesh.worker_pids(node)  # one that computes, and one that waits
            assert len(old) == 2, old
            for pid in old:
                os.kill(pid, signal.SIGKILL)
            wait_until("new workers", lambda: set(mesh.worker_pids(node)) - set(old))
            wait_until("the node computes calls again", lambda: computed_by(mesh, node))


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
        wait_until("the node computes calls", lambda: computed_by(mesh, mesh.nodes[1]))
        mesh.nodes[1].kill()
        mesh.nodes[1].start()
        wait_until("the same nodes are known",
                   lambda: {node["id"] for node in mesh.known_nodes()} == before)
        # A process of its own that computes: the call before was the killed one's.
        wait_until("its worker is up", lambda: mesh.worker_pids(mesh.nodes[1]))
        wait_until("the restarted node computes calls", lambda: computed_by(mesh, mesh.nodes[1]))


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
                       lambda: any(process["in_flight"] == 1  # whichever came up first has it
                                   for process in mesh.json("/v1/status")["workers"]))
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
