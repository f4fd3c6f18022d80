"""Wrong functions and requests: a clear answer to who caused it, and nobody else notices."""
import json

from mesh import SOURCE, Mesh

HELLO = (SOURCE / "apps/functions/hello.js").read_text()
HANDLER = "export default { async fetch(request) { %s } };"
GROW = HANDLER % "const a = []; for (;;) a.push(new Array(1000).fill(a.length));"


def problem(answer, status):
    got, headers, body = answer
    assert got == status, (got, body)
    assert headers["content-type"] == "application/problem+json", headers
    parsed = json.loads(body)
    assert parsed["status"] == status and parsed["trace"], parsed
    return parsed["detail"]


def test_bad_functions_are_contained_and_explained(build):
    with Mesh(build, settings=["workers.memory_mb=32"]) as mesh:
        mesh.deploy("hello", HELLO)
        broken = mesh.manage("PUT", "/v1/functions/broken", b"export default { fetch( {")
        detail = problem(broken, 400)
        assert ":1:" in detail, detail
        problem(mesh.manage("PUT", "/v1/functions/empty", b"const nothing = 1;"), 400)
        mesh.deploy("throws", HANDLER % "throw new Error('secret words');")
        detail = problem(mesh.get("/f/throws"), 500)
        assert "secret words" not in detail, detail
        mesh.deploy("loops", HANDLER % "for (;;) {}")
        problem(mesh.get("/f/loops"), 504)
        mesh.deploy("grows", GROW)
        assert mesh.get("/f/grows")[0] in (504, 507)  # whichever limit it meets first
        mesh.deploy("waits", HANDLER % "await new Promise(() => {});")
        problem(mesh.get("/f/waits"), 500)
        for _ in range(20):
            assert mesh.get("/f/hello")[0] == 200


def test_a_heap_that_is_filled_ends_the_request_with_507(build):
    with Mesh(build, settings=["workers.memory_mb=32", "workers.cpu_ms=20000"]) as mesh:
        mesh.deploy("grows", GROW)
        problem(mesh.get("/f/grows"), 507)
        problem(mesh.get("/f/grows"), 507)


def test_bad_requests_are_refused(build):
    with Mesh(build, nodes=1) as mesh:
        problem(mesh.get("/f/nobody"), 404)
        problem(mesh.get("/nowhere"), 404)
        problem(mesh.post("/api/serverless", b"not json"), 400)
        problem(mesh.post("/api/serverless", b'{"code_id": "zz"}'), 400)
        unknown = json.dumps({"code_id": "0" * 64, "input": {}}).encode()
        problem(mesh.post("/api/serverless", unknown), 404)
        problem(mesh.post("/api/serverless", b"x" * 1_100_000), 413)
        problem(mesh.post("/f/nobody", b"x" * 1_100_000), 404)  # it would stream
        problem(mesh.request("GET", "/v1/status"), 401)
        wrong = {"Authorization": "Bearer " + "0" * 64}
        problem(mesh.request("GET", "/v1/status", headers=wrong), 401)
        problem(mesh.manage("PUT", "/v1/functions/Bad%20Name", HELLO.encode()), 400)
        status, _, metrics = mesh.get("/metrics")
        assert status == 200 and b"themis_" in metrics, metrics[:200]
        assert mesh.get("/healthz")[0] == 200
