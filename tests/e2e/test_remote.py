"""themis.remote: functions that call each other's exported functions, across nodes and owners."""
import json
from types import SimpleNamespace

from mesh import Mesh, free_port, wait_until
from test_bundles import deploy, folder_of

FAR = """
let id;
export const who = () => (id ??= crypto.randomUUID());
export const add = (a, b) => a + b;
export const closed = () => 'closed';
const thrower = () => { throw new RangeError('no more'); };
export function fails() { thrower(); }
export function greets() { return this.env.GREETING; }
"""
NEAR = """
const far = themis.remote('far');
const told = (promise) => promise.then((value) => ({ value }), (e) => ({ name: e.name,
  message: e.message, stack: e.stack.includes('thrower') }));
export default { async fetch() {
  const who = new Set();
  for (let i = 0; i < 40; i++) who.add(await far.who());
  return Response.json({ who: who.size, sum: String(await far.add(40n, 2n)),
    greets: await far.greets(), closed: await told(far.closed()), fails: await told(far.fails()),
    none: await told(far.none()), bad: await told(far.add(() => 1)),
    other: await told(themis.remote('unnamed').f()) });
} };
"""
MANIFEST = 'instances = 2\nremote = ["add", "fails", "greets", "who"]\n[env]\nGREETING = "hi"\n'
NAMED = 'instances = 1\n[functions]\nFAR = "far"\n'


def answer_of(gateway, name):
    status, _, body = Mesh.get(gateway, f"/f/{name}")
    assert status == 200, (status, body)
    return json.loads(body)


def test_functions_call_exported_functions_across_nodes_and_owners(build):
    with Mesh(build, nodes=1) as mesh:
        port = free_port()
        node = mesh.add([*mesh.settings, f"gateway.listen=127.0.0.1:{port}"])
        other = SimpleNamespace(gateway_port=port, nodes=[node], build=mesh.build,
                                request=lambda *words, **more: Mesh.request(other, *words, **more))
        wait_until("both are on the ring",
                   lambda: Mesh.get(other, "/readyz")[0] == 200
                   and len(mesh.json("/v1/ring")["successors"]) == 1)
        deploy(mesh, folder_of(mesh, "far", index_js=FAR, function_toml=MANIFEST))
        near = folder_of(mesh, "near", index_js=NEAR, function_toml=NAMED)
        deploy(mesh, near)
        wait_until("both instances run", lambda: answer_of(mesh, "near")["who"] == 2)
        told = answer_of(mesh, "near")
        assert told["sum"] == "42" and told["greets"] == "hi", told
        assert told["closed"] == {"value": "closed"}, told
        assert told["fails"] == {"name": "RangeError", "message": "no more", "stack": True}, told
        assert told["none"]["message"] == 'no exported function "none"', told
        assert told["bad"]["name"] == "DataCloneError", told
        assert "no manifest of a function here names fn/unnamed" in told["other"]["message"], told
        # Another owner's function has what the manifest opens, and no stack.
        deploy(other, near, "--name", "stranger")
        told = answer_of(other, "stranger")
        assert told["sum"] == "42", told
        assert told["closed"]["message"].startswith('no exported function "closed" that'), told
        assert told["fails"] == {"name": "RangeError", "message": "no more", "stack": False}, told
