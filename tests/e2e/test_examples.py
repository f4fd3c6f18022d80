"""The examples of functions: the commands of their README, run as they are written there."""
import contextlib
import json
import os
import random
import re
import signal
import struct
import subprocess
import zlib
from fractions import Fraction

from mesh import SOURCE, Mesh, wait_until
from websocket_client import TEXT, WebSocket, frame

README = SOURCE / "apps/functions/README.md"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


class Shell:
    """Runs commands of a README in a folder that looks like the clone, against `mesh`."""

    def __init__(self, mesh):
        self.mesh, self.started = mesh, []
        self.folder = mesh.folder / "clone"
        self.folder.mkdir()
        for name in ("apps", "configs"):
            (self.folder / name).symlink_to(SOURCE / name)
        (self.folder / "build").symlink_to(mesh.build)
        # Where `themis` looks for its node.
        config = mesh.folder / "shell.toml"
        config.write_text(f'[node]\nlisten = "127.0.0.1:{mesh.ports[0]}"\n'
                          f'data = "{mesh.nodes[0].data}"\n'
                          f'[gateway]\nlisten = "127.0.0.1:{mesh.gateway_port}"\n')
        self.environment = {**os.environ, "THEMIS_CONFIG": str(config)}

    def words(self, command):
        """The same command for this mesh's ports."""
        command = command.replace("127.0.0.1:8080", f"127.0.0.1:{self.mesh.gateway_port}")
        join = f" --join 127.0.0.1:{self.mesh.ports[0]}"
        return ["bash", "-c", re.sub(r"(build/apps/services/\w+)", rf"\1{join}", command)]

    def run(self, command):
        """What it prints; it must succeed."""
        done = subprocess.run(self.words(command), cwd=self.folder, env=self.environment, text=True,
                              capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def start(self, command):
        """Runs a command that ends in & until stop()."""
        self.started.append(subprocess.Popen(
            self.words(command.removesuffix("&")), cwd=self.folder, env=self.environment,
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def stop(self):
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def matches(pattern, text):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("…")), text.strip(),
                        re.DOTALL)


def rows():
    """[(name, [command to start], deploy, ask, answer)] of the table."""
    found = []
    for line in README.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and cells[0].startswith("["):
            found.append((cells[0][1:].split("]")[0], re.findall(r"`(build/[^`]* &)`", cells[1]),
                          *(cell.strip("`") for cell in cells[2:])))
    return found


def test_the_commands_of_the_examples_answer_what_is_written_there(build):
    examples = rows()
    assert len(examples) == 10, examples
    with Mesh(build, nodes=2, settings=["workers.services=check"]) as mesh:
        shell = Shell(mesh)
        try:
            for name, services, deploy, ask, answer in examples:
                for service in services:
                    shell.start(service)
                    wait_until("it is found",
                               lambda: mesh.cli("find", "service/check")[0] == 0)
                assert f"deployed {name} version 1" in shell.run(deploy), name
                said = shell.run(ask)
                assert matches(answer, said), (name, said, answer)
            check_pictures(mesh, shell.folder)
            check_notes(mesh)
            check_chat(mesh)
            check_stream(mesh)
        finally:
            shell.stop()


def check_notes(mesh):
    (note, *_), more = (mesh.json("/f/notes")[key] for key in ("notes", "more"))
    where = f"/f/notes/{note['id']}"
    assert (note["text"], more) == ("milk", False), note
    for method, body, expected in (
            ("GET", None, 200), ("PUT", b'{"text": "bread"}', 200), ("PUT", b'{"text": 1}', 400),
            ("PATCH", b"", 405), ("DELETE", None, 204), ("DELETE", None, 404), ("GET", None, 404),
            ("PUT", b'{"text": "x"}', 404)):
        status, _, said = mesh.request(method, where, body=body)
        assert status == expected, (method, status, said)
        if (method, status) == ("PUT", 200):
            assert json.loads(said) == {"id": note["id"], "text": "bread"}, said


def check_stream(mesh):
    lines = b"".join(b"line %d\n" % n for n in range(20_000))
    assert len(lines) < 256 << 10
    status, _, said = mesh.post("/f/stream", lines * 3)  # so long a body comes in as it arrives
    assert status == 200
    expected = [b"%d line %d" % (n + 1, n % 20_000) for n in range(60_000)]
    assert said.splitlines() == expected, said[:200]


def check_chat(mesh):
    with contextlib.ExitStack() as open_sockets:
        visitors = [WebSocket(mesh.gateway_port, "/f/chat/lobby") for _ in range(6)]
        for visitor in visitors:
            open_sockets.callback(visitor.socket.close)
        expected = [{"number": 1, "text": "hello"}]
        for number, visitor in enumerate(visitors, 2):
            visitor.send(frame(TEXT, f"says {number}".encode()))
            expected.append({"number": number, "text": f"says {number}"})
            # The next one speaks when it has read this one.
            for reader in visitors[number - 1:number]:
                assert [json.loads(reader.receive()[1]) for _ in expected] == expected
        for reader in [visitors[0]]:
            assert [json.loads(reader.receive()[1]) for _ in expected] == expected
    assert mesh.json("/f/chat/lobby") == expected
    assert mesh.json("/f/chat/another") == []


def png(width, height, colour, rows_):
    """A file of unfiltered rows, each filtered in another of the five ways."""
    channels, packed = CHANNELS[colour], b""
    above = bytes(width * channels)
    for y, row in enumerate(rows_):
        filtered = []
        for i, byte in enumerate(row):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            guess = left + above[i] - corner
            nearest = min((left, above[i], corner), key=lambda value: abs(guess - value))
            predicted = (0, left, above[i], (left + above[i]) // 2, nearest)[y % 5]
            filtered.append((byte - predicted) & 255)
        packed += bytes([y % 5, *filtered])
        above = row
    file = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
                       (b"tEXt", b"Comment\0made by a test"), (b"IDAT", zlib.compress(packed)),
                       (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + kind + data
        file += struct.pack(">I", zlib.crc32(kind + data))
    return file


def pixels_of(file):
    """(width, height, colour, rows) of a file of ours, whose rows have the filter 0."""
    at, packed, header = 8, b"", None
    while at < len(file):
        (length,), kind = struct.unpack(">I", file[at:at + 4]), file[at + 4:at + 8]
        data = file[at + 8:at + 8 + length]
        assert struct.unpack(">I", file[at + 8 + length:at + 12 + length])[0] \
            == zlib.crc32(kind + data), kind
        header = struct.unpack(">IIBBBBB", data) if kind == b"IHDR" else header
        packed += data if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour, *rest = header
    assert (depth, rest) == (8, [0, 0, 0]), header
    raw, stride = zlib.decompress(packed), width * CHANNELS[colour]
    assert len(raw) == (stride + 1) * height and not any(raw[::stride + 1])
    return width, height, colour, [raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)]
                                   for y in range(height)]


def shares(size, target):
    """For each target place: [(source place, how much of it)]."""
    out = []
    for place in range(target):
        begin, end = Fraction(place * size, target), Fraction((place + 1) * size, target)
        out.append([(at, min(end, at + 1) - max(begin, at))
                    for at in range(int(begin), -int(-end // 1))])
    return out


def rounded(value):
    return int(value + Fraction(1, 2))


def resampled(picture, width, height):
    """The mean colour of the area that each pixel covers, weighted by how opaque it is."""
    old_width, old_height, colour, source = picture
    channels, across, out = CHANNELS[colour], shares(old_width, width), []
    for covered in shares(old_height, height):
        row = []
        for columns in across:
            parts = [(a * b, source[y][x * channels:(x + 1) * channels])
                     for y, a in covered for x, b in columns]
            alpha = [Fraction(p[-1], 255) if channels % 2 == 0 else 1 for _, p in parts]
            weight = sum(part[0] * a for part, a in zip(parts, alpha))
            colours = channels - (channels % 2 == 0)
            row += [rounded(sum(part[0] * a * part[1][c] for part, a in zip(parts, alpha)) / weight)
                    if weight else 0 for c in range(colours)]
            if channels % 2 == 0:
                row.append(rounded(255 * weight / sum(share for share, _ in parts)))
        out.append(bytes(row))
    return width, height, colour, out


def check_pictures(mesh, folder):
    original = pixels_of((folder / "picture.png").read_bytes())
    assert original[:3] == (320, 200, 2)
    assert pixels_of((folder / "small.png").read_bytes()) == resampled(original, 64, 40)
    seed = random.randrange(1 << 32)
    chosen = random.Random(seed)
    for colour, channels in CHANNELS.items():
        width, height = chosen.randint(1, 24), chosen.randint(1, 24)
        source = [chosen.randbytes(width * channels) for _ in range(height)]
        new = chosen.randint(1, 30), chosen.randint(1, 30)
        status, headers, file = mesh.post(f"/f/resize?width={new[0]}&height={new[1]}",
                                          png(width, height, colour, source))
        assert status == 200 and headers["content-type"] == "image/png", (status, file)
        assert pixels_of(file) == resampled((width, height, colour, source), *new), \
            (seed, colour, width, height, new)
    good = png(2, 2, 0, [b"ab", b"cd"])
    for query, file, why in (
            ("?width=9", b"GIF89a", "no PNG"), ("?width=9", good[:-13], "in the middle"),
            ("?width=9", good.replace(b"made", b"Made"), "damaged"), ("", good, "say ?width="),
            ("?width=0", good, "from 1 to 2048"),
            ("?width=9", png(3, 2, 0, [b"ab", b"cd"]), "fewer pixels"),
            ("?width=9", png(2048, 2049, 0, [b"a"]), "at most 4194304 bytes")):
        status, _, said = mesh.post(f"/f/resize{query}", file)
        assert status == 400 and why in said.decode(), (query, status, said)
