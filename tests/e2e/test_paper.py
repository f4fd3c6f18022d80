"""The paper's applications: deployed by one command, their answers beside independent ones."""
import json
import subprocess
import sys

from mesh import SOURCE, Mesh, in_background, mesh_program

sys.path.insert(0, str(SOURCE / "tests/vectors"))
import paper  # noqa: E402  pylint: disable=wrong-import-position

FOLDER = SOURCE / "apps/functions/paper"
VECTORS = json.loads(paper.VECTORS.read_text())
# A computation takes up to a second of CPU time; wall time is for a machine with other work.
LIMITS = ["workers.cpu_ms=30000", "workers.wall_ms=120000"]
# The library's sums of 1.5 million products are rounded where the vector is exact.
TOLERANCES = {"linear_regression.intercept": 1e-5, "linear_regression.chi2": 1e-5}
TOLERANCE = 1e-9
OTHER_SIZES = {"decision_tree": 211, "k_means": 97, "knn": 101, "linear_regression": 12_345,
               "nlp": 700, "naive_bayes": 83, "random_forest": 23, "shortest_path": 377}


def differences(answer, vector, where):
    """Numbers are equal within a tolerance relative to the vector, everything else is the same."""
    if isinstance(vector, dict) and isinstance(answer, dict) and vector.keys() == answer.keys():
        return [each for key in vector
                for each in differences(answer[key], vector[key], f"{where}.{key}")]
    if isinstance(vector, list) and isinstance(answer, list) and len(vector) == len(answer):
        return [each for i, pair in enumerate(zip(answer, vector))
                for each in differences(*pair, f"{where}[{i}]")]
    if type(vector) in (int, float) and type(answer) in (int, float):
        allowed = TOLERANCES.get(where, TOLERANCE) * max(1, abs(vector))
        return [] if abs(answer - vector) <= allowed else [f"{where}: {answer}, not {vector}"]
    return [] if answer == vector else [f"{where}: {answer!r}, not {vector!r}"]


def check(mesh, name, body, vector):
    status, _, text = mesh.post(f"/f/{name}", body, timeout=120)
    assert status == 200, (name, status, text)
    answer = json.loads(text)
    if name == "encrypt_sign":
        answer = paper.opened(answer)
    assert not differences(answer, vector, name), (body[:9], differences(answer, vector, name))


def test_the_papers_applications_answer_as_computed_independently(build):
    with Mesh(build, nodes=2, settings=LIMITS) as mesh:
        files = sorted(str(file) for file in FOLDER.glob("*.js"))
        assert len(files) == len(VECTORS) == 9, files
        code, out, err = mesh.cli("deploy", *files)
        assert code == 0 and out.count("deployed ") == 9, (out, err)
        for name, vector in VECTORS.items():
            check(mesh, name, paper.TEXT if name == "encrypt_sign" else b"", vector)
        # Of other sizes: no answer is known beforehand.
        for name, size in OTHER_SIZES.items():
            check(mesh, name, str(size).encode(), getattr(paper, name)(size))
        check(mesh, "encrypt_sign", b"another text", paper.encrypt_sign(b"another text"))
        status, _, text = mesh.post("/f/decision_tree", b"0")
        assert status == 400 and b"an integer from 1 to" in text, (status, text)


def test_a_wrong_answer_of_an_application_is_seen(_build):
    for name, vector in VECTORS.items():
        wrong = json.loads(json.dumps(vector))
        key = next(iter(wrong))
        wrong[key] = wrong[key] * 1.001 if isinstance(wrong[key], float) else "another"
        assert differences(wrong, vector, name), name


@in_background
def test_the_vectors_are_what_their_script_computes(_build):
    """In a process of its own: it computes for some time."""
    done = subprocess.run([sys.executable, "-c",
                           "import json, sys; sys.path.insert(0, sys.argv[1]); import paper;"
                           "print(json.dumps({run.__name__: run() for run in paper.APPLICATIONS}))",
                           SOURCE / "tests/vectors"], capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 0, done.stderr
    for name, computed in json.loads(done.stdout).items():
        found = differences(computed, VECTORS[name], name)
        assert not found, found


def test_several_files_are_as_many_functions(build):
    with Mesh(build, nodes=1) as mesh:
        for name in ("one", "two"):
            (mesh.folder / f"{name}.js").write_text(
                f"export default {{ fetch() {{ return new Response('{name}'); }} }};")
        files = [str(mesh.folder / "one.js"), str(mesh.folder / "two.js")]
        code, _, err = mesh.cli("deploy", *files, "--name", "both")
        assert code == 2 and "--name is for one FILE" in err, err
        code, out, _ = mesh.cli("deploy", *files)
        assert code == 0 and out.count("deployed ") == 2, out
        assert (mesh.get("/f/one")[2], mesh.get("/f/two")[2]) == (b"one", b"two")
        code, _, err = mesh.cli("deploy", files[0], str(mesh.folder / "gone.js"))
        assert code == 1 and "gone.js" in err and err.count("\n") == 1, err


def test_regress_a_package_that_asks_for_nodes_modules_where_it_needs_none(build):
    with Mesh(build, nodes=1) as mesh:
        app = mesh.folder / "app"
        package = app / "node_modules/pad"
        package.mkdir(parents=True)
        (package / "package.json").write_text('{"name": "pad", "main": "index.js"}')
        (package / "index.js").write_text(
            "exports.pad = (text) => `[${text}]`;"
            "exports.bytes = () => require('crypto').randomBytes(4);")
        main = app / "index.js"
        main.write_text(
            "import { pad, bytes } from 'pad'; export default { fetch(request) {"
            " try { return new Response(request.url.endsWith('/bytes') ? bytes() : pad('x')); }"
            " catch (error) { return new Response(error.message); } } };")
        where = ["--gateway", f"127.0.0.1:{mesh.gateway_port}", "--token-file",
                 str(mesh.nodes[0].data / "admin.token")]

        def deploy():
            done = subprocess.run([mesh_program(mesh, "themis"), "deploy", *where, str(app)],
                                  capture_output=True, text=True, timeout=60, check=False,
                                  env={"THEMIS_ESBUILD": str(FOLDER / "node_modules/.bin/esbuild"),
                                       "PATH": "/usr/bin:/bin"})
            return done.returncode, done.stderr
        assert deploy() == (0, ""), deploy()
        assert mesh.get("/f/app")[2] == b"[x]"
        assert b"crypto" in mesh.get("/f/app/bytes")[2], mesh.get("/f/app/bytes")
        # One that is installed is taken, and an import of one that is not is refused.
        installed = app / "node_modules/crypto"
        installed.mkdir()
        (installed / "index.js").write_text("exports.randomBytes = () => 'mine';")
        assert deploy() == (0, ""), deploy()
        assert mesh.get("/f/app/bytes")[2] == b"mine", mesh.get("/f/app/bytes")
        main.write_text("import { readFileSync } from 'fs'; export default { fetch() {"
                        " return new Response(readFileSync('/etc/passwd')); } };")
        code, said = deploy()
        assert code == 1 and "cannot import 'fs'" in said and said.count("\n") == 1, said
