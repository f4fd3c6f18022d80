"""The walk of a reader: the commands of the README's first pages, copied and run in order."""
import contextlib
import os
import re
import signal
import subprocess

from mesh import SOURCE, Mesh
from test_examples import Shell

# How many `sh` blocks of a section can be pasted as they are; those after them need more.
PASTED = {"A first function": 2, "A first C++ service": 1, "Verified state": 2,
          "A private network, and new keys": 1}
EXPECTED = ["deployed greet version 1", '{"greeting":"Hello, Ada!"}', '{"greeting":"Hello, Ada!"}',
            "deployed guestbook version 1", "deployed hello version 1", "deployed stream version 1",
            "Hello, mesh!", "hello", "first", "valid      call", "valid    "]


def sections():
    """[(title, text)] in their order."""
    parts = re.split(r"^## (.*)$", (SOURCE / "README.md").read_text(), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


def blocks(language, text):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


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
        for each in EXPECTED:
            assert each in rest, (each, said)
            rest = rest[rest.index(each) + len(each):]
