"""Whether the service answers what its own OpenAPI documents say, whatever it is asked.

It is called with one argument, JSON: `{"base", "operator_token", "management_key", "api_key", "cookie", "csrf",
"known", "examples", "seed"}`. `base` is an edge's address; `known` has values of parameters in paths and queries, by
name, so that not only things that do not exist are asked for; `examples` is how many requests are made up for each
operation beside those that cover its document. A line of its output is that of `checks.py`, one for each document and
caller: `failure` says what was answered wrongly and how to ask again.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]

# Method and path of what is not asked: it would end the session that asks, or does not end itself.
LEFT_OUT = {
    "/admin/v1": {("get", "/live")},
    "/api/v1": set(),
    "/account/v1": {
        ("post", "/sign-out"),
        ("delete", "/sessions"),
        ("delete", "/sessions/{id}"),
        ("put", "/me/password"),
    },
}

# Methods that a document does not speak of are not asked.
CONFIGURATION = """
[phases.coverage]
unexpected-methods = []
"""

# An operation for which this security stands takes an inference key.
INFERENCE = "inference_key"


def main():
    settings = json.loads(sys.argv[1])
    token, manager, user = (settings[name] for name in ("operator_token", "management_key", "api_key"))
    session = {"Cookie": settings["cookie"], "X-CSRF-Token": settings["csrf"]}
    runs = [
        ("operators", "/admin/v1", {"Authorization": f"Bearer {token}"}, lambda operation: True),
        ("managers", "/api/v1", {"Authorization": f"Bearer {manager}"}, lambda operation: not infers(operation)),
        ("users", "/api/v1", {"Authorization": f"Bearer {user}"}, infers),
        ("people", "/account/v1", session, lambda operation: True),
        ("strangers", "/account/v1", {}, lambda operation: True),
    ]
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "schemathesis.toml").write_text(CONFIGURATION)
        for name, prefix, headers, wanted in runs:
            failure = run(settings, pathlib.Path(folder), prefix, headers, wanted)
            outcome = {"check": f"{name} of {prefix}", "dialect": "", "failure": failure}
            print(json.dumps(outcome), flush=True)


def infers(operation):
    """Whether it takes an inference key alone."""
    taken = {name for alternative in operation.get("security", []) for name in alternative}
    return INFERENCE in taken and "management_key" not in taken


def run(settings, folder, prefix, headers, wanted):
    """What was answered wrongly, or None."""
    base = settings["base"] + prefix
    with urllib.request.urlopen(f"{base}/openapi.json") as answer:
        document = json.load(answer)
    file = folder / "openapi.json"
    file.write_text(json.dumps(narrowed(document, prefix, settings["known"], wanted)))
    arguments = [sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", base]
    for name, value in headers.items():
        arguments += ["--header", f"{name}: {value}"]
    arguments += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
    arguments += ["--max-examples", str(settings["examples"]), "--seed", str(settings["seed"])]
    # One worker: Python's own parser fails now and then when two threads make up requests.
    arguments += ["--generation-database", "none", "--workers", "1", "--continue-on-failure", "--no-shrink"]
    # The key that asks is no secret, and what failed must be possible to ask again.
    arguments += ["--no-color", "--warnings", "off", "--output-sanitize", "false", "--request-timeout", "60"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    said = done.stdout + done.stderr
    start = said.find("= FAILURES =")
    return said[max(start, 0) :][:20_000]


def narrowed(document, prefix, known, wanted):
    """The operations that are to be asked, with known values for some of their parameters."""
    paths = {}
    for path, item in document["paths"].items():
        kept = {}
        for method, operation in item.items():
            if (method, path) in LEFT_OUT[prefix] or not wanted(operation):
                continue
            parameters = [parameter for parameter in operation.get("parameters", []) if asked(parameter)]
            operation["parameters"] = [with_known(parameter, known) for parameter in parameters]
            kept[method] = operation
        if kept:
            paths[path] = kept
    return {**document, "paths": paths}


def asked(parameter):
    """A tag that is made up refuses every change, and a key that is made up twice refuses the second request."""
    return parameter["name"] not in ("If-Match", "Idempotency-Key")


def with_known(parameter, known):
    if parameter["name"] in known and parameter["in"] in ("path", "query"):
        schema = {"anyOf": [{"enum": known[parameter["name"]]}, parameter["schema"]]}
        return {**parameter, "schema": schema}
    return parameter


main()
