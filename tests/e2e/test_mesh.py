"""What a user sees when everything works."""
import json
import subprocess

from mesh import SOURCE, Mesh, mesh_program, wait_until

HELLO = (SOURCE / "apps/functions/hello.js").read_text()
PRIMES = (SOURCE / "apps/functions/prime_factors.js").read_text()
FACTORS = {"num": 600851475143, "factors": [71, 839, 1471, 6857]}


def test_a_function_is_computed_on_another_node_than_the_gateways(build):
    with Mesh(build) as mesh:
        mesh.deploy("prime_factors", PRIMES)
        status, headers, body = mesh.post("/f/prime_factors", b'{"num": 600851475143}')
        assert (status, json.loads(body)) == (200, FACTORS), (status, body)
        here = mesh.json("/v1/ring")["node"]["id"]
        assert headers["x-themis-node"] and not here.startswith(headers["x-themis-node"]), headers
        sessions = mesh.json("/v1/status")["sessions"]
        assert any(s["state"] == "open" and s["sent"] > 0 for s in sessions), sessions


def test_a_call_needs_no_token_even_when_the_configs_cannot_be_used(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("hello", HELLO)
        config = mesh.folder / "client.toml"
        config.write_text(f'[node]\ndata = "{mesh.nodes[0].data}"\n'
                          f'[gateway]\nlisten = "127.0.0.1:{mesh.gateway_port}"\n')
        (mesh.nodes[0].data / "admin.token").chmod(0o644)

        def themis(*words):
            return subprocess.run([mesh_program(mesh, "themis"), *words, "--config", config],
                                  capture_output=True, text=True, timeout=30, check=False)
        invoked = themis("invoke", "hello")
        assert (invoked.returncode, invoked.stdout) == (0, "Hello, world!\n"), invoked
        refused = themis("status")
        assert refused.returncode == 1 and "chmod 600" in refused.stderr, refused
        assert refused.stderr.count("\n") == 1, refused


def test_the_command_line_covers_the_life_of_a_function(build):
    with Mesh(build) as mesh:
        source = mesh.folder / "f.js"
        source.write_text(HELLO)
        code, out, err = mesh.cli("deploy", str(source), "--name", "f", "--json")
        assert code == 0, err
        deployed = json.loads(out)
        assert deployed["name"] == "f" and len(deployed["function_id"]) == 64, out
        code, out, err = mesh.cli("invoke", "f", "--data", "{}")
        assert (code, out) == (0, "Hello, world!\n"), (code, out, err)
        code, out, err = mesh.cli("list", "--json")
        (function,) = json.loads(out)["functions"]
        assert function["function_id"] == deployed["function_id"] and function["instances"], out
        # Each instance stores its records by itself: the second one may be some milliseconds later.
        wait_until("both are found", lambda: len(json.loads(mesh.cli("find", "fn/f", "--json")[1])
                                                 ["records"]) == len(function["instances"]))
        code, out, err = mesh.cli("ring", "--json")
        assert code == 0 and len(json.loads(out)["successors"]) == 2, (out, err)
        code, out, err = mesh.cli("status", "--json")
        assert code == 0 and json.loads(out)["enclave"], (out, err)
        code, out, err = mesh.cli("remove", "f")
        assert code == 0, err
        wait_until("the function is gone", lambda: mesh.get("/f/f")[0] == 404)


def test_many_nodes_share_one_session_between_two_processes(build):
    with Mesh(build, virtual=8) as mesh:
        def nodes_known():
            ring = mesh.json("/v1/ring")
            return {node["id"] for node in [*ring["successors"], *ring["fingers"]]}
        wait_until("the node of the gateway knows some", lambda: len(nodes_known()) > 4)
        mesh.deploy("prime_factors", PRIMES)
        status, _, body = mesh.post("/f/prime_factors", b'{"num": 600851475143}')
        assert (status, json.loads(body)) == (200, FACTORS), (status, body)
        wait_until("one connection between any two processes",
                   lambda: [node.connections() for node in mesh.nodes] == [2, 2, 2])
        sessions = mesh.json("/v1/status")["sessions"]
        assert sorted(s["state"] for s in sessions) == ["open", "open"], sessions
        for node in mesh.nodes:
            assert len(list(node.data.glob("identity*"))) == 8, node.data
            code, _ = node.stop()
            assert code == 0, node.log()


def test_oysters_form_runs_code_by_its_id(build):
    with Mesh(build) as mesh:
        code_id = mesh.deploy("prime_factors", PRIMES)["function_id"]
        body = json.dumps({"code_id": code_id, "input": {"num": 10}}).encode()
        status, _, answer = mesh.post("/api/serverless", body)
        assert status == 200, (status, answer)
        assert json.loads(answer) == {"num": 10, "factors": [2, 5]}, answer


def wasi_echo():
    """A WASI command that writes what it reads, up to 1,000 bytes."""
    def vector(items):
        return bytes([len(items)]) + b"".join(items)

    def section(number, content):
        return bytes([number, len(content)]) + content

    def text(word):
        return bytes([len(word)]) + word.encode()

    def const(value):  # i32.const, two bytes of signed LEB128
        return bytes([0x41, value & 0x7F | 0x80, value >> 7])
    types = vector([b"\x60\x04\x7f\x7f\x7f\x7f\x01\x7f", b"\x60\x00\x00"])
    imports = vector([text("wasi_snapshot_preview1") + text(name) + b"\x00\x00"
                      for name in ("fd_read", "fd_write")])
    store, load, drop = b"\x36\x02\x00", b"\x28\x02\x00", b"\x1a"
    vector_at_0 = const(0) + const(64) + store + const(4) + const(1000) + store
    words = const(0) + const(1) + const(8)  # the vector, their number, where the length goes
    code = (vector_at_0 + const(0) + words + b"\x10\x00" + drop +
            const(4) + const(8) + load + store + const(1) + words + b"\x10\x01" + drop)
    body = b"\x00" + code + b"\x0b"
    return (b"\x00asm\x01\x00\x00\x00" + section(1, types) + section(2, imports) +
            section(3, b"\x01\x01") + section(5, b"\x01\x00\x01") +
            section(7, vector([text("memory") + b"\x02\x00", text("_start") + b"\x00\x02"])) +
            section(10, vector([bytes([len(body)]) + body])))


def test_a_wasm_module_is_a_function(build):
    with Mesh(build) as mesh:
        source = mesh.folder / "echo.wasm"
        source.write_bytes(wasi_echo())
        code, _, err = mesh.cli("deploy", str(source))
        assert code == 0, err
        status, headers, body = mesh.post("/f/echo", b"through the module")
        assert (status, body) == (200, b"through the module"), (status, body)
        source.write_bytes(wasi_echo().replace(b"fd_read", b"fd_read"[:3] + b"soak"))
        code, _, err = mesh.cli("deploy", str(source))
        assert code == 1 and "imports wasi_snapshot_preview1.fd_soak (function)" in err, (code, err)


def test_a_new_version_replaces_the_old_one(build):
    with Mesh(build) as mesh:
        assert mesh.deploy("hello", HELLO)["version"] == 1
        newer = HELLO.replace("Hello", "Good day")
        assert mesh.deploy("hello", newer)["version"] == 2
        wait_until("the new version answers",
                   lambda: mesh.get("/f/hello")[2] == b"Good day, world!\n")


def test_a_cpp_service_answers_a_client_in_another_process(build):
    with Mesh(build) as mesh:
        join = ["--join", f"127.0.0.1:{mesh.ports[0]}"]
        service = subprocess.Popen([mesh_program(mesh, "services/greeter"), *join])
        try:
            wait_until("the greeter is announced",
                       lambda: mesh.cli("find", "service/greeter")[0] == 0)
            client = subprocess.run([mesh_program(mesh, "services/greeter_client"), *join],
                                    capture_output=True, text=True, timeout=20, check=False)
            assert (client.returncode, client.stdout) == (0, "Hello, mesh!\n"), client
        finally:
            service.terminate()
            assert service.wait(10) == 0
        client = subprocess.run([mesh_program(mesh, "services/greeter_client"), *join],
                                capture_output=True, text=True, timeout=30, check=False)
        assert client.returncode == 1 and client.stderr.count("\n") == 1, client


def test_without_encryption_the_mesh_works_and_refuses_sealed_peers(build):
    with Mesh(build, settings=["node.encryption=false"]) as mesh:
        mesh.deploy("hello", HELLO)
        assert mesh.get("/f/hello?name=you")[2] == b"Hello, you!\n"
        client = subprocess.run([mesh_program(mesh, "services/greeter_client"), "--join",
                                 f"127.0.0.1:{mesh.ports[0]}"],
                                capture_output=True, text=True, timeout=30, check=False)
        assert client.returncode == 1 and "cannot join" in client.stderr, client
