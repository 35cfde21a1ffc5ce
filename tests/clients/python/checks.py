"""Runs named checks of one client library and reports each as a line of JSON.

A script declares its checks with `conversation` (run over every target that can what the check needs) or
`once`, then calls `main`. It is called with one argument, JSON: `{"api_base", "anthropic_base", "api_key",
"management_key", "other_management_key", "member", "targets"}`, where the other key is another organisation's, the
member one of this organisation by id, and targets are those of `../targets.json`. A line of its output is
`{"check", "dialect", "failure"}`, where `failure` is null or says what to look at.

A target is a model at one provider: `{"dialect", "model", "provider", "can"}`. What it can: `tools`, `schema`
(answers in a JSON schema), `images` and `files` as input, `reasoning`, `cache` (of marked prefixes),
`counts-reasoning` (its usage sets reasoning apart), `retry-after` (its 429 says how long to wait).
"""

import concurrent.futures
import dataclasses
import json
import struct
import sys
import traceback

WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
    "additionalProperties": False,
}

# A red square, 2 x 2 pixels.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mP4z8AARAwQCgAf7gP9Y167WwAAAABJRU5ErkJggg=="

# One empty page.
PDF = (
    "JVBERi0xLjEKMSAwIG9iago8PC9UeXBlL0NhdGFsb2cvUGFnZXMgMiAwIFI+PgplbmRvYmoKMiAwIG9iago8PC9UeXBlL1Bh"
    "Z2VzL0tpZHNbMyAwIFJdL0NvdW50IDE+PgplbmRvYmoKMyAwIG9iago8PC9UeXBlL1BhZ2UvUGFyZW50IDIgMCBSL01lZGlh"
    "Qm94WzAgMCA5IDldPj4KZW5kb2JqCnRyYWlsZXIKPDwvUm9vdCAxIDAgUj4+CiUlRU9G"
)


def silence():
    """A second of it, as a WAV file."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    header = b"RIFF" + struct.pack("<I", 32_036) + b"WAVEfmt " + form + b"data" + struct.pack("<I", 32_000)
    return header + bytes(32_000)


@dataclasses.dataclass(frozen=True)
class Target:
    """A model at one provider, and what that provider's dialect is."""

    dialect: str
    model: str
    provider: str
    can: frozenset

    def routing(self):
        """What pins a request to the provider."""
        return {"only": [self.provider], "allow_fallbacks": False}


_conversations = []
_once = []


def conversation(*needs):
    """A check that runs over every target that can all of `needs`; called with a client and the target."""

    def declare(check):
        _conversations.append((check, frozenset(needs)))
        return check

    return declare


def once(check):
    """A check that runs once; called with a client."""
    _once.append(check)
    return check


def refuses(kind, call):
    """The exception of this kind that `call` must raise."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised, but this came: {answer!r}")


def main(connect):
    """Runs the checks; `connect` makes a client from the settings."""
    settings = json.loads(sys.argv[1])
    targets = [
        Target(target["dialect"], target["model"], target["provider"], frozenset(target["can"]))
        for target in settings["targets"]
    ]
    client = connect(settings)
    runs = [(check, "", (client,)) for check in _once]
    for target in targets:
        runs += [
            (check, target.dialect, (client, target))
            for check, needs in _conversations
            if needs <= target.can
        ]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        for outcome in pool.map(lambda run: _run(*run), runs):
            print(json.dumps(outcome), flush=True)


def _run(check, dialect, arguments):
    failure = None
    try:
        check(*arguments)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in last if frame.filename == check.__code__.co_filename] or last
        where = f"{ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno} `{ours[-1].line}`"
        failure = f"{type(error).__name__}: {error} at {where}"[:2000]
    return {"check": check.__name__, "dialect": dialect, "failure": failure}
