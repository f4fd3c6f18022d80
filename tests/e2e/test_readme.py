"""The walk of a reader: the commands of the README's first pages, copied and run in order."""
import contextlib
import os
import re
import signal
import subprocess

from mesh import SOURCE, Mesh
from test_bundles import deploy, folder_of
from test_examples import Shell

# How many `sh` blocks of a section can be pasted as they are; those after them need more.
PASTED = {"A first function": 2, "A first C++ service": 1, "Verified state": 2,
          "A private network, and new keys": 1}
EXPECTED = ["deployed greet version 1", '{"greeting":"Hello, Ada!"}', '{"greeting":"Hello, Ada!"}',
            "deployed guestbook version 1", "deployed hello version 1", "deployed stream version 1",
            "Hello, mesh!", "hello", "first", "valid      call", "valid    "]
# What the README's manifest is of.
SHOP = """export class Counter {}
export const add = (a, b) => a + b;
export default {
  fetch(request, env) { return new Response(`${env.GREETING} ${env.API_KEY}`); },
  queue() {}, scheduled() {},
};"""


def sections():
    """[(title, text)] in their order."""
    parts = re.split(r"^## (.*)$", (SOURCE / "README.md").read_text(), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def blocks(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def check_sources(mesh, found):
    """The manifest with all its keys, and the function that counts."""
    manifest, = blocks("toml", found["A first function"])
    deploy(mesh, folder_of(mesh, "shop", function_toml=manifest, index_js=SHOP),
           environment={"API_KEY": "secret"})
    assert mesh.get("/f/shop")[2] == b"hello secret", mesh.get("/f/shop")
    mesh.deploy("count", blocks("js", found["Verified state"])[0])
    assert [mesh.get("/f/count")[2] for _ in range(2)] == [b"1", b"2"]


def test_the_commands_of_the_readme_work_in_their_order(build):
    found = dict(sections())
    assert PASTED.keys() <= found.keys(), found.keys()
    script = [block for title, text in sections() if title in PASTED
              for block in blocks("sh", text)[:PASTED[title]]]
    assert len(script) == sum(PASTED.values()), script
    with Mesh(build) as mesh:
        shell = Shell(mesh)
        (shell.folder / "greet.js").write_text(blocks("js", found["A first function"])[0])
        output = mesh.folder / "said"
        with open(output, "wb") as out:
            walk = subprocess.Popen(shell.words("set -e\n" + "\n".join(script)), cwd=shell.folder,
                                    env=shell.environment, start_new_session=True, stdout=out,
                                    stderr=out)
        try:
            code = walk.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(walk.pid, signal.SIGKILL)  # what it started in the background, too
            walk.wait()
        rest = said = output.read_text()
        assert code == 0, said
        check_sources(mesh, found)
        for each in EXPECTED:
            assert each in rest, (each, said)
            rest = rest[rest.index(each) + len(each):]
