"""Drives the official OpenAI client against a running platform.

Usage: check.py BASE_URL API_KEY MODEL...   Exits 0 when every check passes, else says which failed.
"""

import json
import sys

import openai
from pydantic import BaseModel

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Person(BaseModel):
    name: str
    age: int


def chat(client, model):
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Say hello."}])
    assert answer.object == "chat.completion", answer
    assert answer.id.startswith("gen-"), answer.id
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content, answer
    assert choice.finish_reason == "stop", answer
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    assert usage.model_extra["cost"] > 0, usage


def stream(client, model):
    text, finish, usage = "", None, None
    for chunk in client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Count to five."}],
        stream=True,
        stream_options={"include_usage": True},
    ):
        assert chunk.object == "chat.completion.chunk", chunk
        if chunk.usage is not None:
            assert usage is None and chunk.choices == [], chunk
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert text, "a stream without text"
    assert finish == "stop", finish
    assert usage is not None and usage.completion_tokens > 0 and usage.model_extra["cost"] > 0, usage


def tool_loop(client, model):
    messages = [{"role": "user", "content": "What is the weather in Paris? Call get_weather."}]
    calls = {}
    finish = None
    for chunk in client.chat.completions.create(
        model=model, messages=messages, tools=[WEATHER], tool_choice="required", stream=True
    ):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for delta in choice.delta.tool_calls or []:
                call = calls.setdefault(delta.index, {"id": "", "name": "", "arguments": ""})
                call["id"] += delta.id or ""
                call["name"] += delta.function.name or ""
                call["arguments"] += delta.function.arguments or ""
    assert finish == "tool_calls", finish
    call = calls[0]
    assert call["id"] and call["name"] == "get_weather", call
    assert isinstance(json.loads(call["arguments"])["city"], str), call
    function = {"name": call["name"], "arguments": call["arguments"]}
    messages += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call["id"], "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call["id"], "content": '{"celsius": 21}'},
    ]
    answer = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.content, answer
    # Not streamed, the whole call comes at once.
    answer = client.chat.completions.create(
        model=model, messages=messages[:1], tools=[WEATHER], tool_choice="required"
    )
    whole = answer.choices[0].message.tool_calls[0]
    assert whole.type == "function" and "city" in json.loads(whole.function.arguments), answer


def structured(client, model):
    answer = client.chat.completions.parse(
        model=model,
        messages=[{"role": "user", "content": "Invent a person."}],
        response_format=Person,
    )
    person = answer.choices[0].message.parsed
    assert isinstance(person, Person), answer


def models(client, wanted):
    listed = {model.id for model in client.models.list()}
    assert len(listed) > 290, len(listed)
    for model in ("openai/gpt-4o", "anthropic/claude-3.5-sonnet"):
        assert model in listed, f"{model} is not listed"
    assert set(wanted) <= listed, set(wanted) - listed


def errors(client, model):
    hello = [{"role": "user", "content": "hello"}]

    def expect(kind, call):
        try:
            call()
        except kind as error:
            assert error.body and error.body.get("message"), error.body
            return error
        raise AssertionError(f"{kind.__name__} was not raised")

    stranger = client.with_options(api_key="sk-pb-v1-wrong")
    expect(openai.AuthenticationError, lambda: stranger.chat.completions.create(model=model, messages=hello))
    unknown = expect(
        openai.BadRequestError,
        lambda: client.chat.completions.create(model="nobody/nothing", messages=hello),
    )
    assert "is not a valid model ID" in unknown.body["message"], unknown.body
    expect(openai.BadRequestError, lambda: client.chat.completions.create(model=model, messages=[]))
    expect(
        openai.NotFoundError,
        lambda: client.chat.completions.create(
            model=model, messages=hello, extra_body={"provider": {"only": ["no-such-provider"]}}
        ),
    )


def main():
    base_url, api_key, *wanted = sys.argv[1:]
    client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0, timeout=60)
    models(client, wanted)
    for model in wanted:
        for check in (chat, stream, tool_loop, structured, errors):
            try:
                check(client, model)
            except Exception as error:
                print(f"FAILED {check.__name__} on {model}: {type(error).__name__}: {error}")
                raise
            print(f"ok {check.__name__} on {model}")


main()
