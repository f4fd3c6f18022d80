"""Wrong words, wrong configs, wrong files: one clear line, the right exit code."""
import os
import socket
import subprocess
import tempfile
from pathlib import Path

from mesh import SOURCE, free_port

CONFIG = SOURCE / "configs/mesh.toml"


def program(build, name, *words):
    return subprocess.run([Path(build) / "apps" / name, *words], capture_output=True, text=True,
                          timeout=20, check=False)


def node(build, *words):
    return program(build, "themis-node", *words)


def one_line(done, code, *parts):
    assert done.returncode == code, done
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if line.startswith("themis")]
    assert len(errors) == 1, done.stderr
    for part in parts:
        assert part in errors[0], (part, errors[0])


def test_a_wrong_config_stops_before_anything_starts(build):
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mesh.toml"
        config.write_text('[node]\nlisen = "127.0.0.1:7001"\n')
        one_line(node(build, "--config", config), 2, "mesh.toml:2:", "node.listen")
        config.write_text('[node]\nlisten = "127.0.0.1"\n')
        one_line(node(build, "--config", config), 2, "mesh.toml:2:", '"127.0.0.1" has no port')
        config.write_text('[[route]]\nname = "a"\nretrys = 1\n')
        one_line(node(build, "--config", config), 2, "mesh.toml:3:", "route.retries")
        config.write_text('[[route]]\nname = "a"\nbreaker.failures = 7\n')
        done = node(build, "--config", config, "--check-config")
        assert done.returncode == 0 and "breaker.failures = 7" in done.stdout, done
        one_line(node(build, "--config", Path(folder) / "none.toml"), 2, "none.toml")
        one_line(node(build, "--config", CONFIG, "--set", "place.workers=snp"), 2, "not available")
        done = node(build, "--config", CONFIG, "--check-config")
        assert done.returncode == 0 and "listen" in done.stdout, done
        assert node(build, "--help").returncode == 0
        assert node(build, "--nonsense").returncode == 2


def settings(folder, port):
    words = []
    for setting in (f"node.data={folder}/node", f"node.listen=127.0.0.1:{port}", "gateway.listen=",
                    "workers.count=1"):
        words += ["--set", setting]
    return words


def test_a_port_in_use_is_one_line(build):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one_line(node(build, "--config", CONFIG, *settings(folder, port)), 1, f"127.0.0.1:{port}",
                 "address already in use")


def test_a_key_that_others_can_read_is_refused(build):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        made = program(build, "themis", "keygen", "--data", data, "--network", "twiitr")
        assert made.returncode == 0, made
        os.chmod(data / "identity", 0o644)
        refused = node(build, "--config", CONFIG, *settings(folder, free_port()))
        one_line(refused, 1, "identity", "chmod")


def test_a_data_directory_of_another_network_is_refused(build):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        made = program(build, "themis", "keygen", "--data", data, "--network", "other")
        assert made.returncode == 0, made
        one_line(node(build, "--config", CONFIG, *settings(folder, free_port())), 1, "other")


def test_the_command_line_says_when_nobody_answers(build):
    done = program(build, "themis", "status", "--gateway", f"127.0.0.1:{free_port()}",
                   "--token-file", "/dev/null")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done
