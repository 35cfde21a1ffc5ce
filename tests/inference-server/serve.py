"""A real inference server, llama.cpp's own, with a tiny model of random weights, on a free port of this machine.

Usage: serve.py [--context TOKENS]   Prints its address and key as one line of JSON, and serves until its input ends.
"""

import argparse
import contextlib
import json
import os
import secrets
import sys
import tempfile

import tiny_model
import xllamacpp

# Requests that are answered at once; others wait.
SLOTS = 2
# Of llama.cpp: what it logs. A start that fails raises all the same.
NOTHING = 0


def start(context, key):
    """A server whose requests may be `context` tokens long, prompt and answer together."""
    params = xllamacpp.CommonParams()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.model_alias = {tiny_model.NAME}
    params.n_parallel = SLOTS
    params.n_ctx = context * SLOTS
    params.cpuparams.n_threads = 1
    params.endpoint_metrics = True
    params.ui = False
    params.verbosity = NOTHING
    with tempfile.TemporaryDirectory(prefix="patchbay-model-") as folder:
        params.model.path = os.path.join(folder, "model.gguf")
        tiny_model.write(params.model.path)
        # Once it is loaded, the server needs the file's name no more.
        return xllamacpp.Server(params)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--context", type=int, default=8192, help="tokens of a request and its answer")
    key = secrets.token_hex(16)
    server = start(arguments.parse_args().context, key)
    facts = {"base_url": f"{server.listening_address}/v1", "key": key, "model": tiny_model.NAME}
    print(json.dumps(facts), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    # The server's own end can wait for ever when it comes right after its start.
    os._exit(0)


main()
