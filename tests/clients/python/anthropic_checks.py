"""What the official Anthropic client must be able to do, whatever model answers."""

import json
import uuid

import anthropic
from pydantic import BaseModel

import checks
from checks import conversation, once, refuses

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "input_schema": checks.WEATHER_SCHEMA,
}
ASK_WEATHER = "What is the weather in Paris? Call get_weather."
LIMIT = 2048


class Person(BaseModel):
    name: str
    age: int


def user(content):
    return [{"role": "user", "content": content}]


def routed(target, **more):
    return {"model": target.model, "max_tokens": LIMIT, "extra_body": {"provider": target.routing()}, **more}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def priced(usage, target):
    assert usage.input_tokens > 0 and usage.output_tokens > 0, f"no usage: {usage}"
    cost = usage.model_extra["cost"]
    assert cost > 0, f"no cost: {usage}"


@conversation()
def message(client, target):
    answer = client.messages.create(system="Be brief.", messages=user("Say hello."), **routed(target))
    assert answer.type == "message" and answer.role == "assistant", answer
    assert answer.id.startswith("gen-") and "hello" in text_of(answer), answer
    assert answer.stop_reason == "end_turn" and answer.stop_sequence is None, answer
    priced(answer.usage, target)


@conversation()
def message_events(client, target):
    kinds, text, open_block, blocks = [], "", None, 0
    for event in client.messages.create(messages=user("Count to five."), stream=True, **routed(target)):
        kinds.append(event.type)
        if event.type == "content_block_start":
            assert open_block is None and event.index == blocks, kinds
            open_block, blocks = event.index, blocks + 1
        elif event.type == "content_block_delta":
            assert event.index == open_block, kinds
            text += getattr(event.delta, "text", "")
        elif event.type == "content_block_stop":
            assert event.index == open_block, kinds
            open_block = None
        elif event.type == "message_delta":
            assert open_block is None and event.delta.stop_reason == "end_turn", event
            priced(event.usage, target)
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"], kinds
    assert kinds.count("message_delta") == 1 and text, kinds


@conversation()
def message_stream(client, target):
    with client.messages.stream(messages=user("Count to five."), **routed(target)) as stream:
        text = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert text and text == text_of(answer) and answer.stop_reason == "end_turn", (text, answer)
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage


@conversation()
def message_limit(client, target):
    options = routed(target) | {"max_tokens": 16}
    answer = client.messages.create(messages=user("Tell a long story."), **options)
    assert answer.stop_reason == "max_tokens", answer


@conversation("tools")
def message_tools(client, target):
    messages = user(ASK_WEATHER)
    answer = client.messages.create(messages=messages, tools=[WEATHER], **routed(target))
    assert answer.stop_reason == "tool_use", answer
    [call] = [block for block in answer.content if block.type == "tool_use"]
    assert call.name == "get_weather" and call.input["city"], answer
    result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"celsius": 21}'}
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    answer = client.messages.create(messages=messages, tools=[WEATHER], **routed(target))
    assert "celsius" in text_of(answer), f"the tool's result did not arrive: {answer}"


@conversation("tools")
def message_tools_stream(client, target):
    choice = {"type": "any", "disable_parallel_tool_use": True}
    with client.messages.stream(
        messages=user("Weather in Paris?"), tools=[WEATHER], tool_choice=choice, **routed(target)
    ) as stream:
        parts = [event.partial_json for event in stream if event.type == "input_json"]
        answer = stream.get_final_message()
    [call] = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use" and call.input == json.loads("".join(parts)), answer


@conversation("schema")
def message_schema(client, target):
    answer = client.messages.parse(messages=user("Invent a person."), output_format=Person, **routed(target))
    assert isinstance(answer.parsed_output, Person), answer


@conversation("images")
def message_image(client, target):
    source = {"type": "base64", "media_type": "image/png", "data": checks.PNG}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    answer = client.messages.create(messages=user(content), **routed(target))
    assert "looked at the image" in text_of(answer), f"the image did not arrive: {answer}"


@conversation("files")
def message_file(client, target):
    plain = client.messages.create(messages=user("What is this?"), **routed(target))
    source = {"type": "base64", "media_type": "application/pdf", "data": checks.PDF}
    content = [{"type": "document", "source": source}, {"type": "text", "text": "What is this?"}]
    answer = client.messages.create(messages=user(content), **routed(target))
    assert answer.usage.input_tokens > plain.usage.input_tokens + 100, f"the file did not arrive: {answer}"


@conversation("reasoning", "tools")
def message_thinking_replay(client, target):
    """What a model thought before a call goes back with the call's result, signed as it came."""
    messages = user(ASK_WEATHER)
    options = routed(target, tools=[WEATHER], thinking={"type": "enabled", "budget_tokens": 1024})
    answer = client.messages.create(messages=messages, **options)
    kinds = [block.type for block in answer.content]
    assert kinds[0] in ("thinking", "redacted_thinking"), f"no thinking first: {answer}"
    [call] = [block for block in answer.content if block.type == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": '{"celsius": 21}'}
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    answer = client.messages.create(messages=messages, **options)
    assert "celsius" in text_of(answer), f"the tool's result did not arrive: {answer}"


@conversation("reasoning")
def message_thinking_stream(client, target):
    options = routed(target, thinking={"type": "enabled", "budget_tokens": 1024})
    with client.messages.stream(messages=user("Why is the sky blue?"), **options) as stream:
        kinds = [event.type for event in stream]
        answer = stream.get_final_message()
    blocks = [block.type for block in answer.content]
    assert blocks[0] in ("thinking", "redacted_thinking") and blocks[-1] == "text", answer
    if blocks[0] == "thinking" and answer.content[0].thinking:
        assert "thinking" in kinds, kinds
        assert kinds.index("thinking") < kinds.index("text"), kinds


@conversation("cache")
def message_cache(client, target):
    """A marked prefix is written once and read afterwards, at the prices of both."""
    text = f"{uuid.uuid4()}: " + "The river runs to the sea. " * 800
    system = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
    messages = user("Say one.")
    first = client.messages.create(system=system, messages=messages, **routed(target))
    assert first.usage.cache_creation_input_tokens > 1000, f"nothing was written to the cache: {first.usage}"
    messages += [{"role": "assistant", "content": first.content}, *user("Say two.")]
    second = client.messages.create(system=system, messages=messages, **routed(target))
    usage = second.usage
    assert usage.cache_read_input_tokens == first.usage.cache_creation_input_tokens, (first.usage, usage)
    assert usage.model_extra["cost"] < first.usage.model_extra["cost"], (first.usage, usage)


@conversation()
def count_tokens(client, target):
    count = client.messages.count_tokens(
        model=target.model, messages=user("Say hello."), extra_body={"provider": target.routing()}
    )
    assert count.input_tokens > 0, count


@conversation()
def errors(client, target):
    ask = client.messages.create
    unrouted = {"provider": {"only": ["no-such-provider"]}}
    error = refuses(
        anthropic.NotFoundError,
        lambda: ask(model=target.model, max_tokens=9, messages=user("hello"), extra_body=unrouted),
    )
    assert error.body["type"] == "error" and error.body["error"]["type"] == "not_found_error", error.body
    error = refuses(
        anthropic.RateLimitError,
        lambda: ask(messages=user("hello [[sim: status=429 retry_after=7]]"), **routed(target)),
    )
    expected = "7" if "retry-after" in target.can else None
    assert error.response.headers.get("retry-after") == expected, error.response.headers
    assert error.body["error"]["type"] == "rate_limit_error", error.body
    error = refuses(
        anthropic.APIStatusError,
        lambda: ask(messages=user("hello [[sim: status=503]]"), **routed(target)),
    )
    assert error.body["error"]["type"] in ("overloaded_error", "api_error"), error.body
    error = refuses(anthropic.BadRequestError, lambda: ask(messages=[], **routed(target)))
    assert error.body["error"]["type"] == "invalid_request_error" and error.request_id, error.body


@conversation()
def stream_error(client, target):
    prompt = user("Count to fifty. [[sim: tokens=300 cut_after_tokens=200]]")

    def read():
        with client.messages.stream(messages=prompt, **routed(target)) as stream:
            return stream.get_final_message()

    error = refuses(anthropic.APIStatusError, read)
    assert error.body["error"]["type"] == "api_error", error.body


@once
def refusals(client):
    hello = {"model": "openai/gpt-4o", "max_tokens": 9, "messages": user("hello")}
    stranger = client.with_options(api_key="sk-pb-v1-wrong")
    error = refuses(anthropic.AuthenticationError, lambda: stranger.messages.create(**hello))
    assert error.body["error"]["type"] == "authentication_error", error.body
    nobody = hello | {"model": "nobody/nothing"}
    error = refuses(anthropic.BadRequestError, lambda: client.messages.create(**nobody))
    assert "is not a valid model ID" in error.body["error"]["message"], error.body


@once
def bearer(client):
    """A token in place of a key, as Claude Code sends it."""
    other = anthropic.Anthropic(base_url=client.base_url, auth_token=client.api_key, max_retries=0)
    answer = other.messages.create(model="openai/gpt-4o", max_tokens=99, messages=user("Say hello."))
    assert "hello" in text_of(answer), answer


def connect(settings):
    return anthropic.Anthropic(
        base_url=settings["anthropic_base"], api_key=settings["api_key"], max_retries=0, timeout=60
    )


checks.main(connect)
