"""[oyster] on a real node, its code in the calldata of a real local chain: Oyster's own eleven
tests, what its other generations add, and what ours does better."""
import base64
import contextlib
import http.client
import http.server
import json
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import ethereum
from mesh import Mesh, free_port, wait_until

CONTRACT = "0x44fe06d2940b8782a0a9a9ffd09c65852c0156b1"
OTHER_CONTRACT = "0x0784e2d4551905f66269b133aa4f43fe3d23b707"
# Oyster's sample, with what it does to a last factor 2; the texts are those of its master's copy.
PRIME = """export default {
  async fetch(request, env) {
    let input;
    try {
      input = await request.json();
    } catch (e) {
      return new Response('Please provide a valid JSON input');
    }
    let num = input.num;
    if (typeof num !== 'number')
      return new Response("Please provide a valid integer as input in the format{'num':10}");
    const factors = [];
    let divisor = 2;
    while (num > 2) {
      if (num % divisor === 0) {
        factors.push(divisor);
        num = num / divisor;
      } else {
        divisor++;
      }
    }
    if (factors.length === 0) return new Response('No prime factor for the provided number');
    return new Response(factors.join(','));
  },
};
"""
SLOW = """addEventListener('fetch', (event) => event.respondWith(new Promise(
  (done) => setTimeout(() => done(new Response('late')), 35000))));"""
SYNTAX = "{export default {}}"
COUNTER = """let calls = 0;
export default { async fetch(request) {
  return new Response(`${++calls} ${new URL(request.url).pathname} ${request.headers.get('host')}`,
    { status: 201, headers: { 'x-from': 'code', 'X-Oyster-Signature': 'forged' } });
} };"""
PARTS = """export default { async fetch() {
  let part = 0;
  return new Response(new ReadableStream({ async pull(c) {
    await new Promise((r) => setTimeout(r, 1));
    part < 20 ? c.enqueue(new TextEncoder().encode(`${part++},`)) : c.close();
  } }));
} };"""
THROWS = "export default { async fetch() { throw new Error('boo'); } };"
BUSY = "export default { async fetch() { while (true); } };"
HEAP = """export default { async fetch() {
  const a = [];
  while (true) a.push(new Array(1e5).fill(a.length));
} };"""
TOP_LEVEL = "export default { async fetch() {} }; x.y();"
NO_FACTORS = "No prime factor for the provided number"
WANTS_NUMBER = "Please provide a valid integer as input in the format{'num':10}"
TIMED_OUT = (408, "worker timed out\n\nCaused by:\n    deadline has elapsed")


def label(tx):
    return base64.b32encode(tx).decode().rstrip("=")


class Front:
    """A node with [oyster], and its chain; `mesh` makes what it is a node of. Use `with`."""

    def __init__(self, build, settings=(), mesh=None):
        self.chain = ethereum.Chain()
        self.build, self.more = build, settings
        self.make = mesh or (lambda folder, all_settings: Mesh(folder, 1, all_settings))

    def __enter__(self):
        self.chain.__enter__()
        self.port, self.billing_port = free_port(), free_port()
        settings = [f"oyster.listen=127.0.0.1:{self.port}", f"oyster.rpc={self.chain.url}/?a-key",
                    f"oyster.billing=127.0.0.1:{self.billing_port}", *self.more]
        self.mesh = self.make(self.build, settings)
        try:
            self.mesh.__enter__()
        except BaseException:
            self.chain.__exit__()
            raise
        self.signer = self.mesh.json("/v1/status")["oyster"]["signer"]
        return self

    def __exit__(self, *_):
        self.mesh.__exit__()
        self.chain.__exit__()

    def put(self, code, contract=CONTRACT):
        return self.chain.send(contract, ethereum.abi_call(code))

    def ask(self, host, body=b"", method="POST", path="/", headers=None, port=None):
        """(status, headers, text). `host`: a whole Host header."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=20)
        with_host = {"Host": host, "Content-Type": "application/json", **(headers or {})}
        try:
            connection.request(method, path, body=body, headers=with_host)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        request = (method, path, host, body)
        if answer.status != 401 and "X-Oyster-Signature" in answer.headers:
            self.check_signed(request, answer.headers, text)
        return answer.status, answer.headers, text.decode()

    def run(self, tx, body=None, **more):
        """(status, text) of code by its transaction."""
        data = b"" if body is None else json.dumps(body).encode()
        status, _, text = self.ask(f"{label(tx)}.oyster.run", data, **more)
        return status, text

    def check_signed(self, request, headers, answer):
        method, path, host, body = request
        digest = ethereum.keccak256(b"".join([
            b"|oyster-serverless-hasher||timestamp|",
            int(headers["X-Oyster-Timestamp"]).to_bytes(8, "big"), b"|request||method|",
            method.encode(), b"|pathandquery|", path.encode(), b"|host|", host.encode(),
            b"|body|", body, b"|response||body|", answer]))
        signature = bytes.fromhex(headers["X-Oyster-Signature"])
        assert ethereum.address_of(ethereum.recover(digest, signature)) == self.signer
        assert len(bytes.fromhex(headers["X-Themis-Signature"])) == 64
        assert len(bytes.fromhex(headers["X-Themis-Public-Key"])) == 32

    def first(self, body, port=None):
        """(status, reply) of POST /api/serverless."""
        status, _, text = self.ask("localhost", json.dumps(body).encode(), path="/api/serverless",
                                   port=port)
        return status, json.loads(text)

    def raw(self, text):
        """The answer to bytes that no HTTP library sends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as peer:
            peer.sendall(text)
            head, _, body = b"".join(iter(lambda: peer.recv(65536), b"")).partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def bill(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        status, _, text = self.ask("billing", data, "GET" if body is None else "POST", path,
                                   port=self.billing_port)
        return status, text

    def outcome(self, name):
        metric = re.search(rf'themis_oyster_requests_total{{outcome="{name}"}} (\d+)',
                           self.mesh.get("/metrics")[2].decode())
        return int(metric.group(1))


def eleven(front):
    """Oyster's own, in its order."""
    prime = front.put(PRIME)
    expected = [(10, "2,5"), (20, "2,2,5"), (600, "2,2,2,3,5,5")]
    for more in ({}, {"path": "/serverless"}, {"method": "GET"}):  # 1, 3, 4
        for number, factors in expected:
            assert front.run(prime, {"num": number}, **more) == (200, factors), (number, more)
    for number, factors in expected:  # 2
        body = json.dumps({"num": number}).encode()
        assert front.ask(label(prime).lower() + ".oyster.run", body)[::2] == (200, factors)
    other = front.put(PRIME, OTHER_CONTRACT)  # 5
    assert front.run(other, {}) == (
        400, "failed to create code file\n\nCaused by:\n    to address "
        f"{OTHER_CONTRACT} does not match expected {CONTRACT}")
    unknown = bytes([0x94, 0x68]) * 16  # 6
    assert front.run(unknown, {}) == (
        400, "failed to create code file\n\nCaused by:\n    tx not found")
    no_host = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"  # 7
    assert front.raw(no_host) == (400, "could not find Host header")
    assert front.run(front.put(SYNTAX), {}) == (  # 8
        400, "syntax error in the code: service main: Uncaught SyntaxError: "
        "Unexpected token 'export'\n  at main:1:1")
    assert front.run(prime, {}) == (200, WANTS_NUMBER)  # 9
    assert front.run(front.put(SLOW), {}) == TIMED_OUT  # 10
    with_zero = label(prime)[:-1] + "0"  # 11
    assert front.ask(with_zero + ".oyster.run")[::2] == (
        400, "invalid tx hash encoding: DecodeError { position: 51, kind: Symbol }")
    return prime


def check_more(front, prime):
    """What Oyster's handlers answer and its tests leave out; and inputs that ended it."""
    assert front.run(prime, {"num": 2}) == (200, NO_FACTORS)
    assert front.ask(label(prime), b"no JSON")[2] == "Please provide a valid JSON input"
    assert front.run(front.put(THROWS)) == (500, "Internal Server Error")
    assert front.run(front.put(BUSY)) == TIMED_OUT
    assert front.run(front.put(TOP_LEVEL)) == (
        500, "failed to execute worker: service main: Uncaught ReferenceError: x is not defined"
        "\n  at main:1:38")
    failed = "failed to get a response\n\nCaused by:\n    "
    status, text = front.run(front.put(HEAP))
    assert (status, text[:len(failed)]) == (500, failed), (status, text)
    assert front.run(front.put(PARTS)) == (200, "".join(f"{part}," for part in range(20)))
    no_code = "failed to create code file\n\nCaused by:\n    "
    short = front.chain.send(CONTRACT, b"\1\2\3\4")
    assert front.run(short) == (400, no_code + "calldata is not a valid hex string")
    creation = front.chain.send(None, b"")
    assert front.run(creation) == (400, no_code + "to field of transaction is not an address")
    assert front.run(b"\1" * 30) == (400, no_code + "failed to retrieve calldata")
    assert front.ask("ABC.oyster.run")[2] == (
        "invalid tx hash encoding: DecodeError { position: 2, kind: Length }")
    strange = b"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\nConnection: close\r\n\r\n"
    assert front.raw(strange) == (400, "could not parse Host header\n\nCaused by:\n    "
                                  "failed to convert header to a str")


def check_managed(front, prime):
    """Drain, with the operator's token, and back; a taken place; bills."""
    token = {"Authorization": f"Bearer {front.mesh.token()}"}
    assert front.ask("unregister.oyster.run")[0] == 401
    assert front.run(prime, {"num": 10}) == (200, "2,5")
    assert front.ask("unregister.oyster.run", headers=token)[::2] == (
        200, "successfully set server in draining state")
    assert front.run(prime, {"num": 10}) == (410, "worker unregistered")
    assert front.mesh.json("/v1/status")["oyster"]["state"] == "unregistered"
    said = front.mesh.cli("status")[1]
    assert f"oyster   unregistered, 0 running, signs as {front.signer}" in said, said
    assert front.first({"tx_hash": prime.hex()}) == (
        400, {"status": "error", "message": "Worker Unregistered", "data": None})
    assert front.ask("register.oyster.run", headers=token)[0] == 200
    unregister = {"method": "GET", "path": "/api/unregister"}
    assert front.ask("localhost", **unregister)[0] == 401
    assert front.ask("localhost", headers=token, **unregister)[::2] == (200, "SUCCESS")
    assert front.ask("localhost", headers=token, path="/api/register")[0] == 200
    assert front.run(prime, {"num": 10}) == (200, "2,5")

    slow = front.put(SLOW)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(front.run, slow, {}) for _ in range(2)]
        wait_until("both places are taken", lambda: front.mesh.metric("oyster_running") == 2)
        assert front.run(prime, {"num": 10}) == (
            429, "no free cgroup available to run request")
        assert [one.result() for one in running] == [TIMED_OUT] * 2
    assert front.outcome("busy") == 1 and front.outcome("answered") > 10

    costs = json.loads(front.bill("/billing/inspect")[1])["bill"]
    ours, unknown = "0x" + prime.hex(), "11" * 32
    assert costs["0x" + slow.hex()] >= 2 * (1 + 2 * 1000), costs
    assert front.bill("/billing/latest") == (400, "No bill claimed yet!")
    nonce = "ab" * 32
    assert front.bill("/billing/export", {"nonce": "", "tx_hashes": [ours]}) == (
        400, "Nonce must not be empty!")
    assert front.bill("/billing/export", {"nonce": nonce, "tx_hashes": []}) == (
        400, "List of transaction hashes must not be empty!")
    assert front.bill("/billing/export", {"nonce": "ab", "tx_hashes": [ours]})[1].startswith(
        "Failed to decode nonce into 32 bytes: ")
    assert front.bill("/billing/export", {"nonce": nonce, "tx_hashes": [unknown]}) == (
        400, "Given transaction hashes are not present in billing data")
    status, text = front.bill("/billing/export", {"nonce": nonce, "tx_hashes": [ours, unknown]})
    claim = json.loads(text)
    data = bytes.fromhex(nonce) + prime + costs[ours].to_bytes(16, "big")
    assert (status, claim["bill_claim_data"]) == (200, data.hex())
    key = ethereum.recover(ethereum.keccak256(data), bytes.fromhex(claim["signature"]))
    assert ethereum.address_of(key) == front.signer
    assert front.bill("/billing/latest") == (200, text)
    assert ours not in json.loads(front.bill("/billing/inspect")[1])["bill"]


def test_oyster_answers_its_own_eleven_tests_byte_by_byte(build):
    settings = ["oyster.timeout_ms=1000", "oyster.capacity=2", "oyster.fresh=true",
                # In any case: a contract's address is a number.
                "oyster.contract=0x44FE06D2940B8782A0A9A9FFD09C65852C0156B1"]
    with Front(build, settings) as front:
        prime = eleven(front)
        check_more(front, prime)
        counter = front.put(COUNTER)
        for _ in range(2):
            host = label(counter) + ".oyster.run"
            status, headers, text = front.ask(host, path="/a/b?c")
            assert (status, text, headers["x-from"]) == (201, f"1 / {host}", "code")
        check_managed(front, prime)
        # Who leaves gives its place back, and pays.
        slow = front.put(SLOW)
        leaver = socket.create_connection(("127.0.0.1", front.port), timeout=20)
        leaver.sendall(f"GET / HTTP/1.1\r\nHost: {label(slow)}\r\n\r\n".encode())
        wait_until("it runs", lambda: front.mesh.metric("oyster_running") == 1)
        leaver.close()
        wait_until("its place is free", lambda: front.mesh.metric("oyster_running") == 0)
        assert "0x" + slow.hex() in json.loads(front.bill("/billing/inspect")[1])["bill"]
        # Code that was fetched once needs no chain any more.
        front.chain.__exit__()
        assert front.run(prime, {"num": 10}) == (200, "2,5")
        assert front.run(b"\7" * 32) == (400, "failed to create code file\n\nCaused by:\n    "
                                         "failed to retrieve calldata")
        log = front.mesh.nodes[0].log()
        assert f"127.0.0.1:{front.chain.port}: unavailable" in log and "a-key" not in log, log


class StorageServer:
    """Gives the code of some keys, and notes what it was asked. Use `with`."""
    CODES = {"prime-1": PRIME, "long": "//" + "x" * 1_200_000, "endless": "//" + "x" * 5_000_000}

    def __enter__(self):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked.append((self.path, json.loads(body)))
                code = StorageServer.CODES.get(asked[-1][1].get("key"))
                self.send_response(200 if code else 404)
                self.end_headers()
                with contextlib.suppress(OSError):  # too long a code is not read to its end
                    self.wfile.write((code or "").encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/load"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def error(message, data=None):
    return {"status": "error", "message": message, "data": data}


def success(data):
    return {"status": "success", "message": "Response successfully generated", "data": data}


def test_oyster_first_generation_answers_json_here_and_on_the_gateway(build):
    settings = ["oyster.strict_path=false", f"oyster.deposit_contract={OTHER_CONTRACT}"]
    with StorageServer() as storage, Front(
            build, [*settings, f"oyster.storage={storage.url}"]) as front:
        # A contract whose every answer is this number.
        deposit = lambda number: front.chain.call(  # pylint: disable=unnecessary-lambda-assignment
            "anvil_setCode", OTHER_CONTRACT, f"0x60{number:02x}60005260206000f3")
        deposit(201)
        prime = front.put(PRIME)
        call = {"tx_hash": "0x" + prime.hex(), "input": {"num": 600}}
        assert front.first(call) == (200, success("2,2,2,3,5,5"))
        assert front.first(call, front.mesh.gateway_port) == (200, success("2,2,2,3,5,5"))
        assert front.first({"input": {}}) == (400, error("Invalid payload"))
        other = front.put(PRIME, OTHER_CONTRACT)
        assert front.first({"tx_hash": other.hex()}) == (400, error(
            f"Please make sure you are interacting with the correct contract : {CONTRACT}"))
        assert front.first({"tx_hash": "11" * 32}) == (400, error(
            "Error fetching the call data, make sure a valid tx_hash is provided"))
        assert front.first({"tx_hash": "0x12"}) == (500, error("Error fetching transacton data"))
        assert front.first({"tx_hash": front.put(SYNTAX).hex()}) == (400, error(
            "Failed to generate a response. Syntax error in your JavaScript code. "
            "Please check the syntax and try again.",
            "service main: Uncaught SyntaxError: Unexpected token 'export'\n  at main:1:1"))
        assert front.first({"tx_hash": front.put(THROWS).hex()}) == (500, error(
            "The server failed to retrieve a response. Please ensure that you have implemented "
            "appropriate exception handling in your JavaScript code."))
        assert front.first({"tx_hash": front.put(HEAP).hex()}) == (
            500, error("The execution of the code has run out of memory."))
        cut = ethereum.abi_call(PRIME)[:-64]
        assert front.first({"tx_hash": front.chain.send(CONTRACT, cut).hex()}) == (
            500, error("Error decoding the call data"))

        for _ in range(2):
            call = {"code_id": "prime-1", "input": {"num": 10}}
            assert front.first(call) == (200, success("2,5"))
        for key in ("none", "endless"):
            assert front.first({"code_id": key}) == (500, error(
                "There was a problem in fetching the code from the storage server"))
        assert front.first({"code_id": "long"}) == (500, error("Error generating the JS file"))
        assert storage.asked == [("/load", {"key": key})
                                 for key in ("prime-1", "none", "endless", "long")]
        ours = front.mesh.deploy("primes", PRIME)["function_id"]
        assert front.first({"code_id": ours, "input": {"num": 20}}) == (200, success("2,2,5"))

        # Not fresh: the isolate stays. And the path is passed on, as the config says.
        counter = front.put(COUNTER)
        host = label(counter) + ".oyster.run"
        texts = [front.ask(host, path="/a/b?c")[2] for _ in range(2)]
        assert texts == [f"1 /a/b {host}", f"2 /a/b {host}"]
        memory = json.loads(front.ask("localhost", method="GET", path="/api/serverlessinfo")[2])
        assert 0 < memory["free_memory"] < memory["total_system_memory"]
        asked = front.mesh.metric("oyster_questions_total")
        assert front.run(counter)[0] == 201
        asked += 1  # for the deposit; the code is kept
        assert front.mesh.metric("oyster_questions_total") == asked
        deposit(200)
        assert front.run(counter) == (400, "tx deposit not enough")
