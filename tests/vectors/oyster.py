#!/usr/bin/env python3
"""Writes oyster.json: Keccak-256 digests, and signatures of keys over secp256k1 whose nonces are
those of RFC 6979, computed in plain Python. Usage: tests/vectors/oyster.py > tests/vectors/oyster.json"""
import hashlib
import hmac
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import ethereum  # pylint: disable=wrong-import-position


def nonce(secret, digest):
    """RFC 6979 section 3.2 with HMAC-SHA-256, for a curve of 256 bits."""
    reduced = (int.from_bytes(digest, "big") % ethereum.ORDER).to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for mark in (b"\0", b"\1"):
        key = hmac.digest(key, value + mark + secret + reduced, "sha256")
        value = hmac.digest(key, value, "sha256")
    while True:
        value = hmac.digest(key, value, "sha256")
        if 0 < (candidate := int.from_bytes(value, "big")) < ethereum.ORDER:
            return candidate
        key = hmac.digest(key, value + b"\0", "sha256")
        value = hmac.digest(key, value, "sha256")


def sign(secret, digest):
    """SEC 1 section 4.1.3, s in the lower half; then 27 and the parity of the point."""
    k = nonce(secret, digest)
    x, y = ethereum.multiply(k, ethereum.BASE)
    r = x % ethereum.ORDER
    number = int.from_bytes(digest, "big") + r * int.from_bytes(secret, "big")
    s = number * pow(k, -1, ethereum.ORDER) % ethereum.ORDER
    parity = y % 2
    if s > ethereum.ORDER // 2:
        s, parity = ethereum.ORDER - s, 1 - parity
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])


def main():
    # Around the rate of 136 bytes, where the padding changes.
    lengths = [0, 1, 3, 55, 134, 135, 136, 137, 271, 272, 500]
    texts = [bytes((7 * i + length) % 256 for i in range(length)) for length in lengths]
    hashes = [{"text": text.hex(), "keccak256": ethereum.keccak256(text).hex()} for text in texts]
    signatures = []
    for i in range(16):
        secret = hashlib.sha256(b"themis oyster key %d" % i).digest()
        digest = ethereum.keccak256(b"themis oyster text %d" % i)
        key = ethereum.public_key(secret)
        signature = sign(secret, digest)
        assert ethereum.recover(digest, signature) == key
        signatures.append({"secret": secret.hex(), "digest": digest.hex(), "public_key": key.hex(),
                           "address": ethereum.address_of(key), "signature": signature.hex()})
    request = {"time_s": 1_700_000_000, "method": "POST", "path_and_query": "/serverless?a=1",
               "host": "A.oyster.run", "body": '{"num": 10}', "answer": "2,5"}
    text = (b"|oyster-serverless-hasher||timestamp|" + request["time_s"].to_bytes(8, "big")
            + b"|request||method|POST|pathandquery|/serverless?a=1|host|A.oyster.run"
            + b'|body|{"num": 10}|response||body|2,5')
    reply = {**request, "digest": ethereum.keccak256(text).hex()}
    json.dump({"hashes": hashes, "signatures": signatures, "reply": reply}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
