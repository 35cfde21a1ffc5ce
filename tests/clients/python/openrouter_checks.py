"""What OpenRouter's own Python client, whose validators are strict, must be able to do."""

import base64
import json
import time

from openrouter import OpenRouter, errors

import checks
from checks import conversation, once, refuses

FUNCTION = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": checks.WEATHER_SCHEMA,
}
TOOL = {"type": "function", "function": FUNCTION}
ASK_WEATHER = "What is the weather in Paris? Call get_weather."
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def user(content):
    return [{"role": "user", "content": content}]


def routed(target):
    return {"model": target.model, "provider": target.routing()}


def priced(usage, target):
    assert usage.cost > 0, f"no cost: {usage}"


@conversation()
def chat(clients, target):
    answer = clients.user.chat.send(messages=user("Say hello."), **routed(target))
    choice = answer.choices[0]
    assert "hello" in choice.message.content and choice.finish_reason == "stop", answer
    priced(answer.usage, target)


@conversation()
def chat_stream(clients, target):
    text, usage, finish = "", None, None
    with clients.user.chat.send(messages=user("Count to five."), stream=True, **routed(target)) as events:
        for event in events:
            chunk = getattr(event, "data", event)
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
            usage = chunk.usage or usage
    assert text and finish == "stop", (text, finish)
    priced(usage, target)


@conversation("tools")
def chat_tools(clients, target):
    messages = user(ASK_WEATHER)
    answer = clients.user.chat.send(messages=messages, tools=[TOOL], **routed(target))
    message = answer.choices[0].message
    [call] = message.tool_calls
    assert json.loads(call.function.arguments)["city"], answer
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 21}'}]
    answer = clients.user.chat.send(messages=messages, tools=[TOOL], **routed(target))
    assert "celsius" in answer.choices[0].message.content, f"the tool's result did not arrive: {answer}"


@conversation("schema")
def chat_schema(clients, target):
    answer = clients.user.chat.send(
        messages=user("Invent a person."),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "person", "strict": True, "schema": PERSON},
        },
        **routed(target),
    )
    person = json.loads(answer.choices[0].message.content)
    assert isinstance(person["age"], int), answer


@conversation("reasoning", "tools")
def chat_reasoning_replay(clients, target):
    messages = user(ASK_WEATHER)
    options = {"tools": [TOOL], "reasoning": {"effort": "high"}, **routed(target)}
    message = clients.user.chat.send(messages=messages, **options).choices[0].message
    assert message.reasoning_details, f"no reasoning_details: {message}"
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": '{"celsius": 21}'}
    answer = clients.user.chat.send(messages=[*messages, message, result], **options)
    assert "celsius" in answer.choices[0].message.content, answer


@conversation()
def response(clients, target):
    answer = clients.user.responses.send(input="Say hello.", **routed(target))
    assert answer.status == "completed" and "hello" in answer.output[-1].content[0].text, answer
    priced(answer.usage, target)


@conversation()
def response_stream(clients, target):
    kinds = []
    with clients.user.beta.responses.send(input="Count to five.", stream=True, **routed(target)) as events:
        for event in events:
            event = getattr(event, "data", event)
            kinds.append(event.type)
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    priced(event.response.usage, target)


@conversation("tools")
def response_tools(clients, target):
    tool = {"type": "function", "strict": True, **FUNCTION}
    answer = clients.user.responses.send(input=ASK_WEATHER, tools=[tool], **routed(target))
    [call] = [item for item in answer.output if item.type == "function_call"]
    assert json.loads(call.arguments)["city"], answer
    items = [
        {"type": "message", "role": "user", "content": ASK_WEATHER},
        *[item.model_dump(by_alias=True, exclude_none=True) for item in answer.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius": 21}'},
    ]
    answer = clients.user.responses.send(input=items, tools=[tool], **routed(target))
    assert "celsius" in answer.output[-1].content[0].text, f"the tool's result did not arrive: {answer}"


@conversation()
def limited(clients, target):
    error = refuses(
        errors.TooManyRequestsResponseError,
        lambda: clients.user.chat.send(messages=user("hello [[sim: status=429]]"), **routed(target)),
    )
    assert error.status_code == 429 and error.data.error.code == 429, error


@conversation()
def stream_error(clients, target):
    """A stream that breaks ends with a chunk that says so."""
    prompt = user("Count to fifty. [[sim: tokens=300 cut_after_tokens=200]]")
    with clients.user.chat.send(messages=prompt, stream=True, **routed(target)) as events:
        chunks = [getattr(event, "data", event) for event in events]
    broken = [chunk for chunk in chunks if getattr(chunk, "error", None)]
    assert broken and broken[-1].error.code >= 500, chunks[-1]
    assert broken[-1].choices[0].finish_reason == "error", broken[-1]


@once
def refusals(clients):
    ask = clients.user.chat.send
    error = refuses(
        errors.BadRequestResponseError, lambda: ask(model="nobody/nothing", messages=user("hello"))
    )
    assert "is not a valid model ID" in error.data.error.message, error
    nowhere = {"only": ["no-such-provider"]}
    refuses(
        errors.NotFoundResponseError,
        lambda: ask(model="openai/gpt-4o", messages=user("hello"), provider=nowhere),
    )
    refuses(
        errors.UnauthorizedResponseError,
        lambda: clients.stranger.chat.send(model="openai/gpt-4o", messages=user("hello")),
    )


@once
def account(clients):
    key = clients.user.api_keys.get_current_key_metadata()
    assert key.data.is_management_key is False, key
    credits = clients.manager.credits.get_credits()
    assert credits.data.total_credits > 0, credits


@once
def models(clients):
    listed = clients.user.models.list()
    data = listed.result.data if hasattr(listed, "result") else listed.data
    assert len(data) > 290, len(data)
    one = clients.user.models.get(author="anthropic", slug="claude-3-5-sonnet")
    assert one.data.id == "anthropic/claude-3.5-sonnet", one
    refuses(
        errors.NotFoundResponseError, lambda: clients.user.models.get(author="nobody", slug="nothing")
    )


@once
def endpoints(clients):
    listed = clients.user.endpoints.list(author="openai", slug="gpt-4o").data.endpoints
    assert any(endpoint.tag == "openai" for endpoint in listed), listed
    assert clients.user.endpoints.list_zdr_endpoints().data
    providers = clients.user.providers.list().data
    assert any(provider.slug == "openai" for provider in providers), providers


@once
def generation(clients):
    answer = clients.user.chat.send(model="openai/gpt-4o", messages=user("Say hello."))
    for _ in range(100):
        try:
            found = clients.user.generations.get_generation(id=answer.id)
            break
        except errors.NotFoundResponseError:
            # Accounts settle within seconds of the answer.
            time.sleep(0.25)
    else:
        raise AssertionError(f"{answer.id} cannot be looked up")
    assert found.data.total_cost == answer.usage.cost, (found, answer.usage)


@once
def embeddings(clients):
    answer = clients.user.embeddings.generate(model="openai/text-embedding-3-small", input=["one", "two"])
    assert [row.index for row in answer.data] == [0, 1] and len(answer.data[0].embedding) > 100
    assert answer.usage.prompt_tokens > 0 and answer.usage.cost > 0, answer.usage


@once
def rerank(clients):
    documents = ["a treatise on stones", "rivers and seas", "birds"]
    answer = clients.user.rerank.rerank(
        model="cohere/rerank-v3.5", query="rivers", documents=documents, top_n=2
    )
    scores = [result.relevance_score for result in answer.results]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True), answer
    assert answer.results[0].index == 1, f"the document on rivers is not the first: {answer}"


@once
def images(clients):
    for model in ("openai/gpt-image-1", "google/imagen-4", "google/gemini-2.5-flash-image"):
        answer = clients.user.images.generate(model=model, prompt="A red ball")
        assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG"), f"{model}: no picture"
        assert answer.usage.cost > 0, f"{model}: {answer.usage}"


@once
def images_stream(clients):
    with clients.user.images.generate(model="openai/gpt-image-1", prompt="A red ball", stream=True) as events:
        kinds = [getattr(event, "data", event).type for event in events]
    assert kinds[-1] == "image_generation.completed", kinds


@once
def speech(clients):
    answer = clients.user.tts.create_speech(
        model="openai/gpt-4o-mini-tts", voice="alloy", input="Hello there."
    )
    assert len(answer.read()) > 1000


@once
def transcription(clients):
    sound = {"data": base64.b64encode(checks.silence()).decode(), "format": "wav"}
    answer = clients.user.stt.create_transcription(model="openai/whisper-1", input_audio=sound)
    assert answer.text, answer
    file = {"file_name": "silence.wav", "content": checks.silence(), "content_type": "audio/wav"}
    answer = clients.user.stt.create_transcription_multipart(model="openai/whisper-1", file=file)
    assert answer.text, answer


class Clients:
    """A user's client, a manager's, and a stranger's."""

    def __init__(self, settings):
        def client(key):
            # Nothing is tried again: what fails is to be seen.
            return OpenRouter(
                api_key=key, server_url=settings["api_base"], retry_config=None, timeout_ms=60_000
            )

        self.user = client(settings["api_key"])
        self.manager = client(settings["management_key"])
        self.stranger = client("sk-pb-v1-wrong")


checks.main(Clients)
