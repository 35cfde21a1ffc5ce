"""What OpenRouter's own Python client must be able to administer: each resource through its whole life."""

import uuid

from openrouter import OpenRouter, errors
from openrouter.utils import BackoffStrategy, RetryConfig

import checks
from checks import once, refuses

# A 503 says to try again shortly, which a busy machine may have to say. Whatever else fails is to be seen.
PATIENT = RetryConfig("backoff", BackoffStrategy(500, 5_000, 1.5, 30_000), False, ["503"])


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex}"


def missing(call):
    """What is deleted, or was never there, is not found."""
    error = refuses(errors.NotFoundResponseError, call)
    assert error.status_code == 404 and error.data.error.code == 404, error


def pages(first):
    """All rows of a list, page by page, as the client itself goes on."""
    rows = []
    page = first
    while page is not None:
        rows += page.result.data
        page = page.next()
    return rows


def listed(call, wanted, **request):
    """The rows of a list come one by one as they come together; the `wanted` ids are among them."""
    together = [row.id for row in pages(call(limit=100, **request))]
    one_by_one = [row.id for row in pages(call(limit=1, **request))]
    assert together == one_by_one, f"{together} in one page, {one_by_one} in pages of one"
    assert set(wanted) <= set(together), f"{wanted} are not all in {together}"


@once
def keys(clients):
    # A workspace of its own, so that nobody else's keys come between two pages.
    home = clients.manager.workspaces.create(name="Keys", slug=unique("keys")).data
    api = clients.manager.api_keys
    made = [
        api.create(name=f"Key {n}", limit=5, limit_reset="monthly", workspace_id=home.id) for n in range(3)
    ]
    hashes = [key.data.hash for key in made]
    assert clients.of(made[0].key).api_keys.get_current_key_metadata().data.limit == 5

    found = [key.hash for key in api.list(workspace_id=home.id).data]
    rest = [key.hash for key in api.list(workspace_id=home.id, offset=1).data]
    assert set(found) == set(hashes) and rest == found[1:], (hashes, found, rest)

    changed = api.update(hash=hashes[0], name="Renamed", limit=None, disabled=True).data
    assert (changed.name, changed.limit, changed.disabled) == ("Renamed", None, True), changed
    assert api.get(hash=hashes[0]).data.name == "Renamed"
    shown = [key.hash for key in api.list(workspace_id=home.id, include_disabled=False).data]
    assert hashes[0] not in shown, "a disabled key is listed unasked"

    for hash in hashes:
        api.delete(hash=hash)
        missing(lambda: api.get(hash=hash))
        missing(lambda: api.update(hash=hash, name="Gone"))
        missing(lambda: api.delete(hash=hash))
    refuses(errors.UnauthorizedResponseError, lambda: clients.of(made[1].key).api_keys.get_current_key_metadata())


@once
def guardrails(clients):
    api = clients.manager.guardrails
    home = clients.manager.workspaces.create(name="Guardrails", slug=unique("guardrails")).data
    made = [
        api.create(
            name=f"Guardrail {n}",
            limit_usd=5,
            reset_interval="daily",
            allowed_models=["openai/gpt-4o"],
            workspace_id=home.id,
        ).data
        for n in range(3)
    ]
    listed(api.list, [guardrail.id for guardrail in made], workspace_id=home.id)
    first = made[0].id
    changed = api.update(id=first, name="Renamed", limit_usd=7, allowed_models=None).data
    assert (changed.name, changed.limit_usd, changed.allowed_models) == ("Renamed", 7, None), changed
    assert api.get(id=first).data.name == "Renamed"

    hashes = [clients.manager.api_keys.create(name=f"Guarded {n}").data.hash for n in range(2)]
    assert api.bulk_assign_keys(id=first, key_hashes=hashes).assigned_count == 2
    rows = pages(api.list_guardrail_key_assignments(id=first, limit=1))
    assert {row.key_hash for row in rows} == set(hashes), rows
    everywhere = pages(api.list_key_assignments(limit=100))
    assert {row.key_hash for row in everywhere if row.guardrail_id == first} == set(hashes), everywhere
    assert api.bulk_unassign_keys(id=first, key_hashes=hashes[:1]).unassigned_count == 1
    rows = pages(api.list_guardrail_key_assignments(id=first))
    assert [row.key_hash for row in rows] == hashes[1:], rows
    missing(lambda: api.bulk_assign_keys(id=first, key_hashes=["0" * 64]))

    people = [clients.member]
    assert api.bulk_assign_members(id=first, member_user_ids=people).assigned_count == 1
    rows = pages(api.list_guardrail_member_assignments(id=first))
    assert [row.user_id for row in rows] == people, rows
    everywhere = pages(api.list_member_assignments(limit=100))
    assert people == [row.user_id for row in everywhere if row.guardrail_id == first], everywhere
    assert api.bulk_unassign_members(id=first, member_user_ids=people).unassigned_count == 1
    assert not pages(api.list_guardrail_member_assignments(id=first))

    for guardrail in made:
        api.delete(id=guardrail.id)
        missing(lambda: api.get(id=guardrail.id))
        missing(lambda: api.update(id=guardrail.id, name="Gone"))
        missing(lambda: api.delete(id=guardrail.id))
    missing(lambda: api.list_guardrail_key_assignments(id=first))


@once
def workspaces(clients):
    api = clients.manager.workspaces
    made = [api.create(name=f"Workspace {n}", slug=unique("workspace")).data for n in range(3)]
    ids = [row.id for row in pages(api.list(limit=1))]
    # Others may make some meanwhile.
    assert {workspace.id for workspace in made} <= set(ids) and len(set(ids)) == len(ids), ids
    first = made[0]
    changed = api.update(id=first.id, name="Renamed", description="For tests", default_provider_sort="price")
    assert (changed.data.name, changed.data.description) == ("Renamed", "For tests"), changed
    assert api.get(id=first.slug).data.id == first.id

    people = [clients.member]
    assert api.bulk_add_members(id=first.id, user_ids=people).added_count == 1
    rows = pages(api.list_members(id=first.id, limit=1))
    assert [row.user_id for row in rows] == people, rows
    assert api.bulk_remove_members(id=first.id, user_ids=people).removed_count == 1
    assert not pages(api.list_members(id=first.id))
    missing(lambda: api.bulk_add_members(id=first.id, user_ids=[str(uuid.uuid4())]))

    for workspace in made:
        api.delete(id=workspace.id)
        missing(lambda: api.get(id=workspace.id))
        missing(lambda: api.update(id=workspace.id, name="Gone"))
        missing(lambda: api.delete(id=workspace.id))
    missing(lambda: api.list_members(id=first.id))


@once
def budgets(clients):
    api = clients.manager.workspaces
    home = api.create(name="Budgets", slug=unique("budgets")).data.id
    for interval, limit in (("daily", 2), ("monthly", 20)):
        kept = api.set_budget(workspace_ref=home, interval=interval, limit_usd=limit).data
        assert (kept.reset_interval, kept.limit_usd) == (interval, limit), kept
    kept = api.set_budget(workspace_ref=home, interval="daily", limit_usd=3).data
    assert kept.limit_usd == 3 and api.get_budget(workspace_ref=home, interval="daily").data.limit_usd == 3
    intervals = [budget.reset_interval for budget in api.list_budgets(workspace_ref=home).data]
    assert sorted(intervals) == ["daily", "monthly"], intervals
    api.delete_budget(workspace_ref=home, interval="daily")
    missing(lambda: api.get_budget(workspace_ref=home, interval="daily"))
    assert len(api.list_budgets(workspace_ref=home).data) == 1
    api.delete(id=home)
    missing(lambda: api.list_budgets(workspace_ref=home))


@once
def byok(clients):
    api = clients.manager.byok
    home = clients.manager.workspaces.create(name="Own keys", slug=unique("byok")).data.id
    secret = "sk-0123456789-of-our-own"
    made = [
        api.create(key=secret, provider=provider, name=f"Own {n}", workspace_id=home).data
        for n, provider in enumerate(("openai", "openai", "anthropic"))
    ]
    assert secret not in made[0].model_dump_json(), "a credential is shown"
    listed(api.list, [own.id for own in made], workspace_id=home)
    listed(api.list, [own.id for own in made[:2]], workspace_id=home, provider="openai")
    first = made[0].id
    changed = api.update(id=first, name="Renamed", is_fallback=True, allowed_models=["openai/gpt-4o"]).data
    assert (changed.name, changed.is_fallback, changed.allowed_models) == (
        "Renamed",
        True,
        ["openai/gpt-4o"],
    ), changed
    assert api.update(id=first, disabled=True).data.disabled is True and api.get(id=first).data.disabled is True
    for own in made:
        api.delete(id=own.id)
        missing(lambda: api.get(id=own.id))
        missing(lambda: api.update(id=own.id, name="Gone"))
        missing(lambda: api.delete(id=own.id))


@once
def presets(clients):
    api = clients.user.presets
    slug = unique("preset")

    def keep(**settings):
        return api.create_presets_chat_completions(
            slug=slug,
            messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
            model="openai/gpt-4o",
            **settings,
        ).data

    assert keep(temperature=0.5).slug == slug
    keep(temperature=0.7)
    found = api.get(slug=slug).data
    assert found.slug == slug, found
    slugs = [preset.slug for preset in pages(api.list(limit=1))]
    assert slug in slugs and len(set(slugs)) == len(slugs), slugs
    versions = [row.version for row in pages(api.list_versions(slug=slug, limit=1))]
    assert sorted(versions) == [1, 2], versions
    assert api.get_version(slug=slug, version="1").data.version == 1
    missing(lambda: api.get_version(slug=slug, version="3"))
    missing(lambda: api.get(slug=unique("nothing")))


@once
def organization(clients):
    people = pages(clients.manager.organization.list_members(limit=1))
    assert clients.member in [person.id for person in people], people


@once
def strangers(clients):
    """What belongs to another organisation is not there; an inference key administers nothing."""
    theirs = clients.other.guardrails.create(name="Theirs").data.id
    missing(lambda: clients.manager.guardrails.get(id=theirs))
    missing(lambda: clients.manager.guardrails.delete(id=theirs))
    home = clients.other.workspaces.create(name="Theirs", slug=unique("theirs")).data
    missing(lambda: clients.manager.workspaces.get(id=home.slug))
    for key in ("sk-pb-v1-wrong", clients.api_key):
        try:
            answer = clients.of(key).guardrails.list()
        except (errors.UnauthorizedResponseError, errors.ForbiddenResponseError) as error:
            assert error.status_code in (401, 403), error
        else:
            raise AssertionError(f"a key that administers nothing lists guardrails: {answer}")


class Clients:
    """A user's client, a manager's, and that of another organisation's manager."""

    def __init__(self, settings):
        self.api_base = settings["api_base"]
        self.api_key = settings["api_key"]
        self.member = settings["member"]
        self.user = self.of(self.api_key)
        self.manager = self.of(settings["management_key"])
        self.other = self.of(settings["other_management_key"])

    def of(self, key):
        return OpenRouter(api_key=key, server_url=self.api_base, retry_config=PATIENT, timeout_ms=60_000)


checks.main(Clients)
