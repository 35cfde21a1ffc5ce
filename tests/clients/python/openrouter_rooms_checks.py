"""What OpenRouter's own Python client must be able to do with analytics, feedback, logged content, observability
destinations and sign-in by OAuth."""

import base64
import datetime
import hashlib
import time
import uuid

from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig

import checks
from checks import once, refuses

# A 503 says to try again shortly, which a busy machine may have to say. Whatever else fails is to be seen.
PATIENT = RetryConfig("backoff", BackoffStrategy(500, 5_000, 1.5, 30_000), False, ["503"])


def missing(call):
    error = refuses(errors.NotFoundResponseError, call)
    assert error.status_code == 404, error


def patiently(call, missing_kind=errors.NotFoundResponseError):
    """What `call` answers once it is found: accounts settle within seconds of an answer."""
    for _ in range(100):
        try:
            return call()
        except missing_kind:
            time.sleep(0.25)
    return call()


def pages(first):
    rows = []
    page = first
    while page is not None:
        rows += page.result.data
        page = page.next()
    return rows


def ask(client, words="Say hello."):
    return client.chat.send(model="openai/gpt-4o", messages=[{"role": "user", "content": words}])


@once
def analytics(clients):
    generation = ask(clients.user).id
    patiently(lambda: clients.user.generations.get_generation(id=generation))
    meta = clients.manager.analytics.get_analytics_meta().data
    assert meta.metrics and meta.dimensions, meta
    now = datetime.datetime.now(datetime.timezone.utc)
    span = {"start": now - datetime.timedelta(days=2), "end": now + datetime.timedelta(hours=1)}
    request = {"metrics": ["request_count"], "dimensions": ["model"], "time_range": span}
    answer = clients.manager.analytics.query_analytics(**request).data
    assert answer.data, answer
    refuses(
        errors.BadRequestResponseError,
        lambda: clients.manager.analytics.query_analytics(metrics=["no_such_metric"]),
    )


@once
def feedback(clients):
    generation = ask(clients.user).id
    give = clients.manager.generations.submit_feedback
    patiently(lambda: give(generation_id=generation, category="incorrect_response", comment="It said hello."))
    missing(lambda: give(generation_id=f"gen-{uuid.uuid4().hex}", category="other"))


@once
def generation_content(clients):
    home = clients.manager.workspaces.create(
        name="Logged", slug=f"logged-{uuid.uuid4().hex}", is_observability_io_logging_enabled=True
    ).data
    key = clients.manager.api_keys.create(name="Logged", workspace_id=home.id).key
    logged = clients.of(key)
    generation = ask(logged, "Say hello to the log.").id
    content = patiently(lambda: logged.generations.list_generation_content(id=generation)).data
    assert "hello" in content.output.completion.lower(), content
    silent = ask(clients.user).id
    patiently(lambda: clients.user.generations.get_generation(id=silent))
    missing(lambda: clients.user.generations.list_generation_content(id=silent))


@once
def destinations(clients):
    api = clients.manager.observability
    home = clients.manager.workspaces.create(name="Observed", slug=f"observed-{uuid.uuid4().hex}").data.id
    made = [
        api.create(
            name=f"Hook {n}",
            type_="webhook",
            config={"url": "https://hooks.example.com/patchbay"},
            workspace_id=home,
            sampling_rate=0.5,
            # One that is in force is asked whether it is there.
            enabled=False,
        ).data
        for n in range(3)
    ]
    ids = {destination.id for destination in made}
    assert {row.id for row in pages(api.list(workspace_id=home, limit=1))} == ids
    first = made[0].id
    assert api.update(id=first, name="Renamed", sampling_rate=0.25).data.name == "Renamed"
    found = api.get(id=first).data
    assert (found.name, found.sampling_rate, found.enabled) == ("Renamed", 0.25, False), found
    for id in ids:
        api.delete(id=id)
        missing(lambda: api.get(id=id))
        missing(lambda: api.update(id=id, name="Gone"))
        missing(lambda: api.delete(id=id))


@once
def oauth(clients):
    verifier = uuid.uuid4().hex * 2
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    code = clients.manager.o_auth.create_auth_code(
        callback_url="https://app.example.com/callback",
        code_challenge=challenge,
        code_challenge_method="S256",
        limit=5,
    ).data.id
    exchange = clients.user.o_auth.exchange_auth_code_for_api_key
    refuses(
        errors.ForbiddenResponseError,
        lambda: exchange(code=code, code_verifier="x" * 64, code_challenge_method="S256"),
    )
    key = exchange(code=code, code_verifier=verifier, code_challenge_method="S256").key
    assert clients.of(key).api_keys.get_current_key_metadata().data.limit == 5
    refuses(
        errors.ForbiddenResponseError,
        lambda: exchange(code=code, code_verifier=verifier, code_challenge_method="S256"),
    )


class Clients:
    """A user's client and a manager's."""

    def __init__(self, settings):
        self.api_base = settings["api_base"]
        self.user = self.of(settings["api_key"])
        self.manager = self.of(settings["management_key"])

    def of(self, key):
        return OpenRouter(api_key=key, server_url=self.api_base, retry_config=PATIENT, timeout_ms=60_000)


checks.main(Clients)
