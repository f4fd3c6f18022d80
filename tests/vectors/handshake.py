#!/usr/bin/env python3
"""The protocol a second time, from its description in wire/handshake.hpp, cookie.hpp and session.hpp.

Prints tests/vectors/transcript.txt, the conversation that Transcript.… (tests/unit/wire/transcript_test.cpp) expects, and
with --digests the six values of Handshake.GoldenTranscriptStaysTheSame (handshake_test.cpp). Hashes come from Python's own
library, curves and ciphers from libsodium through ctypes. Not part of the build.
"""
import ctypes
import hashlib
import hmac
import struct
import sys

SODIUM = ctypes.CDLL("libsodium.so.23")
SODIUM.sodium_init()
WORD = (1 << 64) - 1
DOMAIN = b"themis/handshake/v1 SIGMA-I X25519 Ed25519 BLAKE2b-256 HKDF-SHA256"
NETWORK = b"testnet"
CHACHA20POLY1305 = bytes([2])


class SeededRng:
    """xoshiro256**, as runtime/base/rng.cpp seeds and draws it."""

    def __init__(self, seed):
        self.state = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & WORD
            z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & WORD
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
            self.state.append(z ^ (z >> 31))

    def step(self):
        def rotate(x, k):
            return ((x << k) | (x >> (64 - k))) & WORD

        s = self.state
        result = (rotate((s[1] * 5) & WORD, 7) * 9) & WORD
        shifted = (s[1] << 17) & WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        return result

    def take(self, size):
        return b"".join(struct.pack("<Q", self.step()) for _ in range((size + 7) // 8))[:size]


def key_pair(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    SODIUM.crypto_sign_seed_keypair(public, secret, seed)
    return public.raw, secret.raw


def sign(message, secret):
    out = ctypes.create_string_buffer(64)
    SODIUM.crypto_sign_detached(out, None, message, ctypes.c_ulonglong(len(message)), secret)
    return out.raw


def share(seed):
    out = ctypes.create_string_buffer(32)
    SODIUM.crypto_scalarmult_base(out, seed)
    return out.raw


def agree(seed, peer):
    out = ctypes.create_string_buffer(32)
    assert SODIUM.crypto_scalarmult(out, seed, peer) == 0
    return out.raw


def seal(key, aad, message, counter=0, suite=2):
    """AES-256-GCM (1) or ChaCha20-Poly1305 (2) with the nonce of `counter`."""
    encrypt = (SODIUM.crypto_aead_aes256gcm_encrypt if suite == 1
               else SODIUM.crypto_aead_chacha20poly1305_ietf_encrypt)
    out = ctypes.create_string_buffer(len(message) + 16)
    assert encrypt(out, None, message, ctypes.c_ulonglong(len(message)), aad,
                   ctypes.c_ulonglong(len(aad)), None, struct.pack("<IQ", 0, counter), key) == 0
    return out.raw


def framed_hash(domain, *fields):
    state = hashlib.blake2b(domain, digest_size=32)
    for field in fields:
        state.update(struct.pack("<Q", len(field)) + field)
    return state.digest()


def hkdf(salt, secret, info):
    key, block, out = hmac.new(salt, secret, hashlib.sha256).digest(), b"", b""
    for counter in (1, 2, 3):
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:32], out[32:64], out[64:]


def header(frame_type, length, sequence=0):
    return struct.pack("<BBHI", frame_type, 1, length, sequence)


def extract(salt, secret):
    return hmac.new(salt, secret, hashlib.sha256).digest()


def digests():
    rng = SeededRng(42)
    (public_a, secret_a), (public_b, secret_b), _ = [key_pair(rng.take(32)) for _ in range(3)]
    seed_a, nonce_a = rng.take(32), rng.take(32)
    tag = framed_hash(b"themis/network-tag/v1", nonce_a, NETWORK)[:8]
    message_1 = header(1, 73) + CHACHA20POLY1305 + share(seed_a) + nonce_a + tag

    seed_b, nonce_b = rng.take(32), rng.take(32)
    clear_2 = header(2, 177) + CHACHA20POLY1305 + share(seed_b) + nonce_b
    h2 = framed_hash(DOMAIN, NETWORK, message_1, clear_2)
    seal_2, seal_3, chain = hkdf(h2, agree(seed_a, share(seed_b)), b"themis/v1 handshake")
    signature = sign(b"themis/handshake/v1 responder" + h2 + public_b, secret_b)
    sealed_2 = seal(seal_2, h2 + header(2, 177), public_b + signature)
    h3 = framed_hash(DOMAIN, h2, sealed_2, public_b)

    signature = sign(b"themis/handshake/v1 initiator" + h3 + public_a, secret_a)
    sealed_3 = seal(seal_3, h3 + header(3, 112), public_a + signature)
    h4 = framed_hash(DOMAIN, h3, sealed_3, public_a)
    forward, _, exporter = hkdf(h4, chain, b"themis/v1 session")

    for message in (message_1, clear_2 + sealed_2, header(3, 112) + sealed_3):
        print(hashlib.blake2b(message, digest_size=32).hexdigest()[:16])
    print(h4.hex()[:16])
    print(exporter.hex()[:16])
    print((header(0x10, 22) + seal(forward, header(0x10, 22), b"golden")).hex())


ISSUED, LEFT, EXPIRES = 1000, 2000, 3000


def framed_statement(label, first, last, *fields, network=NETWORK):
    """What the signatures of invites and successions cover: the network is the only field that varies."""
    return label + struct.pack("<QII", len(network), first, last) + network + b"".join(fields)


def invite(public):
    """For the node with that key, by the issuer with the seed 22..22."""
    issuer, secret = key_pair(b"\x22" * 32)
    node = framed_hash(b"themis/id/v1", public, NETWORK)
    text = framed_statement(b"themis/invite/v1", ISSUED, EXPIRES, node, issuer)
    return issuer + struct.pack("<II", ISSUED, EXPIRES) + sign(text, secret)


def succession(public, secret):
    """From the identity with the seed 11..11."""
    old, old_secret = key_pair(b"\x11" * 32)
    by_old, by_new = (framed_statement(label, ISSUED, LEFT, old, public)
                      for label in (b"themis/succession/v1 by old", b"themis/succession/v1 by new"))
    return old + struct.pack("<II", ISSUED, LEFT) + sign(by_old, old_secret) + sign(by_new, secret)


class Direction:
    """One direction of a session: its key, its counter, its suite."""

    def __init__(self, key, suite):
        self.key, self.counter, self.suite = key, 0, suite

    def record(self, frame_type, plaintext):
        head = header(frame_type, len(plaintext) + 16, self.counter)
        sealed = seal(self.key, head, plaintext, self.counter, self.suite)
        self.counter += 1
        return head + sealed

    def mix(self, secret):
        step = seal(self.key, b"", bytes(32), WORD, self.suite)[:32]
        self.key = extract(step, secret)


def conversation(suite, with_credentials=False):
    """A conversation with a retry and an exchange of keys: every frame as (sender, what, frame), and every
    secret that an end may hold as ("secret", name, value)."""
    rng = SeededRng(42)
    (public_a, secret_a), (public_b, secret_b) = [key_pair(rng.take(32)) for _ in range(2)]
    gate = rng.take(32)
    shown_a = shown_b = b""
    if with_credentials:
        shown_a = b"\x81" + succession(public_a, secret_a) + invite(public_a)
        shown_b = b"\x80" + invite(public_b)
    head_2, head_3 = header(2, 177 + len(shown_b)), header(3, 112 + len(shown_a))
    offer = bytes([suite])
    seed_a, nonce_a = rng.take(32), rng.take(32)
    tag = framed_hash(b"themis/network-tag/v1", nonce_a, NETWORK)[:8]
    body = offer + share(seed_a) + nonce_a + tag
    yield "secret", "share_a", seed_a
    yield "A", "message 1", header(1, 73) + body
    text = framed_hash(b"themis/cookie/v1", b"10.0.0.1:5000", body)
    cookie = hashlib.blake2b(text, digest_size=16, key=gate).digest()
    yield "B", "retry", header(4, 16) + cookie
    message_1 = header(1, 89) + body + cookie
    yield "A", "message 1 with its cookie", message_1

    seed_b, nonce_b = rng.take(32), rng.take(32)
    clear_2 = head_2 + offer + share(seed_b) + nonce_b
    h2 = framed_hash(DOMAIN, NETWORK, message_1, clear_2)
    agreed = agree(seed_a, share(seed_b))
    seal_2, seal_3, chain = hkdf(h2, agreed, b"themis/v1 handshake")
    yield "secret", "share_b", seed_b
    yield "secret", "agreed", agreed
    yield "secret", "seal_2", seal_2
    yield "secret", "seal_3", seal_3
    yield "secret", "chain", chain
    signature = sign(b"themis/handshake/v1 responder" + h2 + public_b + shown_b, secret_b)
    sealed_2 = seal(seal_2, h2 + head_2, public_b + signature + shown_b, 0, suite)
    yield "B", "message 2", clear_2 + sealed_2
    h3 = framed_hash(DOMAIN, h2, sealed_2, public_b)
    signature = sign(b"themis/handshake/v1 initiator" + h3 + public_a + shown_a, secret_a)
    sealed_3 = seal(seal_3, h3 + head_3, public_a + signature + shown_a, 0, suite)
    yield "A", "message 3", head_3 + sealed_3
    forward, backward, _ = hkdf(framed_hash(DOMAIN, h3, sealed_3, public_a), chain,
                                b"themis/v1 session")

    yield "secret", "forward", forward
    yield "secret", "backward", backward
    a, b = Direction(forward, suite), Direction(backward, suite)
    yield "A", "record", a.record(0x10, b"a first command")
    yield "B", "record", b.record(0x10, b"its answer")
    seed_a, seed_b = rng.take(32), rng.take(32)
    yield "secret", "rekey_share_a", seed_a
    yield "secret", "rekey_share_b", seed_b
    yield "A", "rekey 1", a.record(0x11, share(seed_a))
    yield "B", "rekey 2", b.record(0x12, share(seed_b))
    secret = extract(share(seed_a) + share(seed_b), agree(seed_a, share(seed_b)))
    yield "secret", "mix", secret
    b.mix(secret)
    yield "secret", "next_backward", b.key
    yield "B", "record", b.record(0x10, b"under the next key")
    yield "A", "rekey 3", a.record(0x13, b"")
    a.mix(secret)
    yield "secret", "next_forward", a.key
    yield "A", "record", a.record(0x10, b"under the next key as well")


def transcripts():
    print("# suite (3: 2 with credentials), sender, frame in hexadecimal. Printed by tests/vectors/handshake.py.")
    print("# The secrets behind them: suite, \"secret\", name, value.")
    for suite in (1, 2, 3):
        for kind, what, value in conversation(min(suite, 2), suite == 3):
            if kind == "secret":
                print(f"{suite} secret {what} {value.hex()}")
            else:
                print(f"# {what}\n{suite} {kind} {value.hex()}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--digests"]:
        digests()
    else:
        transcripts()
