"""What a developer does all day: versions, logs, dev."""
import json

from mesh import Mesh, wait_until


def answering(text):
    """A function that answers `text`."""
    return f"export default {{ fetch: () => new Response('{text}') }};"


def test_versions_are_rolled_back_on_every_node_and_survive_a_restart(build):
    with Mesh(build, nodes=2) as mesh:
        source = mesh.folder / "f.js"
        for text in ("one", "two", "three"):
            source.write_text(answering(text))
            code, _, said = mesh.cli("deploy", str(source))
            assert code == 0, said
        code, out, said = mesh.cli("rollback", "f")
        assert code == 0 and out.startswith("f is version 2 again, as version 4 ("), (out, said)
        seen = [mesh.get("/f/f")[2] for _ in range(8)]  # of both instances
        assert seen == [b"two"] * 8, (seen, mesh.nodes[1].log())
        node = mesh.nodes[0]
        code, took = node.stop()
        assert code == 0, (code, took)
        node.start()
        wait_until("it is back", lambda: mesh.get("/f/f")[2] == b"two")
        code, out, said = mesh.cli("versions", "f", "--json")
        assert code == 0, said
        versions = json.loads(out)["versions"]
        assert [one["version"] for one in versions] == [4, 3, 2, 1], versions
        assert versions[0]["restores"] == 2 and versions[0]["current"], versions
        assert versions[0]["function_id"] == versions[2]["function_id"], versions
        code, out, said = mesh.cli("rollback", "f", "--to", "1", "--json")
        assert code == 0 and json.loads(out)["version"] == 5, (out, said)
        seen = [mesh.get("/f/f")[2] for _ in range(8)]
        assert seen == [b"one"] * 8, (seen, mesh.nodes[1].log())
        code, out, _ = mesh.cli("versions", "f")
        assert code == 0 and "current, version 1 again" in out, out
        code, _, said = mesh.cli("rollback", "f", "--to", "99")
        assert code == 1 and "no version 99" in said and said.count("\n") == 1, said
        code, _, said = mesh.cli("rollback", "none")
        assert code == 1 and "cannot roll back none: no function" in said, said
