"""What the tests of [oyster] need of Ethereum, on its own: Keccak-256 and ECDSA over secp256k1 in
plain Python, and a local chain (anvil of Foundry) that is started and ended by pid."""
import json
import subprocess
import urllib.request
from pathlib import Path

from mesh import free_port, wait_until

CHAIN = Path(__file__).resolve().parent / "chain/node_modules/@foundry-rs/anvil-linux-amd64"

# --- Keccak-256 (the Keccak reference, version 3.0): rate 136, padding 10*1 ---

ROUNDS = 24
MASK = (1 << 64) - 1


def round_constants():
    """Of iota: bits of the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1."""
    register, constants = 1, []
    for _ in range(ROUNDS):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


def rotate(lane, by):
    by %= 64
    return ((lane << by) | (lane >> (64 - by))) & MASK


def permute(state):
    for constant in round_constants():
        column = [state[x][0] ^ state[x][1] ^ state[x][2] ^ state[x][3] ^ state[x][4]
                  for x in range(5)]
        for x in range(5):
            mix = column[(x - 1) % 5] ^ rotate(column[(x + 1) % 5], 1)
            state[x] = [lane ^ mix for lane in state[x]]
        x, y, lane = 1, 0, state[1][0]
        for step in range(ROUNDS):
            x, y = y, (2 * x + 3 * y) % 5
            lane, state[x][y] = state[x][y], rotate(lane, (step + 1) * (step + 2) // 2)
        for y in range(5):
            row = [state[x][y] for x in range(5)]
            for x in range(5):
                state[x][y] = row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5])
        state[0][0] ^= constant


def keccak256(data):
    rate = 136
    padded = bytearray(data) + bytes(rate - len(data) % rate)
    padded[len(data)] |= 1
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for block in range(0, len(padded), rate):
        for lane in range(rate // 8):
            at = block + 8 * lane
            state[lane % 5][lane // 5] ^= int.from_bytes(padded[at:at + 8], "little")
        permute(state)
    return b"".join(state[lane][0].to_bytes(8, "little") for lane in range(4))


# --- secp256k1 (SEC 2 version 2, section 2.4.1; recovery: SEC 1 section 4.1.6) ---

PRIME = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(first, second):
    if first is None or second is None:
        return first or second
    (x1, y1), (x2, y2) = first, second
    if x1 == x2 and (y1 + y2) % PRIME == 0:
        return None
    slope = (3 * x1 * x1 * pow(2 * y1, -1, PRIME) if first == second
             else (y2 - y1) * pow(x2 - x1, -1, PRIME))
    x = (slope * slope - x1 - x2) % PRIME
    return x, (slope * (x1 - x) - y1) % PRIME


def multiply(factor, point):
    result = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point, factor = add(point, point), factor >> 1
    return result


def public_key(secret):
    x, y = multiply(int.from_bytes(secret, "big"), BASE)
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def recover(digest, signature):
    """The public key (64 bytes) of r || s || v."""
    r, s = (int.from_bytes(signature[at:at + 32], "big") for at in (0, 32))
    parity = signature[64] - 27
    assert 0 < r < ORDER and 0 < s <= ORDER // 2 and parity in (0, 1), "not in its normal form"
    y = pow(r**3 + 7, (PRIME + 1) // 4, PRIME)
    assert y * y % PRIME == (r**3 + 7) % PRIME, "r is no point"
    point = (r, y if y % 2 == parity else PRIME - y)
    inverse = pow(r, -1, ORDER)
    e = int.from_bytes(digest, "big")
    x, y = add(multiply(s * inverse % ORDER, point), multiply(-e * inverse % ORDER, BASE))
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def address_of(key):
    return "0x" + keccak256(key)[12:].hex()


def abi_call(code):
    """The calldata of a call with one string, as Oyster's contract is given code."""
    data = code.encode()
    words = (32).to_bytes(32, "big") + len(data).to_bytes(32, "big")
    return keccak256(b"saveCodeInCallData(string)")[:4] + words + data + bytes(-len(data) % 32)


class Chain:
    """A local chain with funded accounts. Use `with`."""

    def __enter__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        program = CHAIN / "bin/anvil"
        self.process = subprocess.Popen([program, "--port", str(self.port), "--silent"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.account = wait_until("the chain answers", lambda: self.call("eth_accounts"))[0]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def call(self, method, *parameters):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        request = urllib.request.Request(self.url, data=body.encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            reply = json.load(answer)
        assert "result" in reply, reply
        return reply["result"]

    def send(self, to, data):
        """The hash of a mined transaction: 32 bytes."""
        made = self.call("eth_sendTransaction",
                         {"from": self.account, "to": to, "data": "0x" + data.hex()})
        receipt = wait_until("the transaction is mined",
                             lambda: self.call("eth_getTransactionReceipt", made))
        assert receipt["status"] == "0x1", receipt
        return bytes.fromhex(made[2:])
