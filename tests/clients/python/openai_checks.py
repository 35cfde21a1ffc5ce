"""What the official OpenAI client must be able to do: conversations in both its dialects."""

import json

import openai
from pydantic import BaseModel

import checks
import openai_other_checks  # noqa: F401, as they are declared by being read
from checks import conversation, once, refuses

FUNCTION = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": checks.WEATHER_SCHEMA,
}
WEATHER = {"type": "function", "function": FUNCTION}
WEATHER_TOO = {"type": "function", "strict": True, **FUNCTION}
ASK_WEATHER = "What is the weather in Paris? Call get_weather."
IMAGE_URL = f"data:image/png;base64,{checks.PNG}"


class Person(BaseModel):
    name: str
    age: int


def user(content):
    return [{"role": "user", "content": content}]


def routed(target, **more):
    return {"model": target.model, "extra_body": {"provider": target.routing(), **more}}


def priced(usage, target):
    assert usage.total_tokens > 0, f"no usage: {usage}"
    assert usage.model_extra["cost"] > 0, f"no cost: {usage}"


def reasoned(details, target):
    counted = details.reasoning_tokens > 0
    assert counted == ("counts-reasoning" in target.can), (
        f"reasoning is not counted as the provider does: {details}"
    )


# Chat completions.


@conversation()
def chat(client, target):
    answer = client.chat.completions.create(messages=user("Say hello."), **routed(target))
    assert answer.object == "chat.completion" and answer.id.startswith("gen-"), answer
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and "hello" in choice.message.content, answer
    assert choice.finish_reason == "stop", answer
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, usage
    priced(usage, target)


@conversation()
def chat_stream(client, target):
    text, finish, usage, ids = "", None, None, set()
    for chunk in client.chat.completions.create(
        messages=user("Count to five."), stream=True, stream_options={"include_usage": True}, **routed(target)
    ):
        assert chunk.object == "chat.completion.chunk", chunk
        ids.add(chunk.id)
        assert usage is None, f"after the usage came {chunk}"
        if chunk.usage is not None:
            assert chunk.choices == [], chunk
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert len(ids) == 1 and text and finish == "stop", (ids, text, finish)
    priced(usage, target)


@conversation()
def chat_stream_helper(client, target):
    with client.chat.completions.stream(messages=user("Count to five."), **routed(target)) as events:
        kinds = [event.type for event in events]
        answer = events.get_final_completion()
    assert kinds.count("content.done") == 1, kinds
    assert answer.choices[0].message.content and answer.choices[0].finish_reason == "stop", answer


@conversation()
def chat_limit(client, target):
    answer = client.chat.completions.create(
        messages=user("Tell a long story."), max_tokens=16, **routed(target)
    )
    assert answer.choices[0].finish_reason == "length", answer


@conversation("tools")
def chat_tools(client, target):
    messages = user(ASK_WEATHER)
    answer = client.chat.completions.create(messages=messages, tools=[WEATHER], **routed(target))
    assert answer.choices[0].finish_reason == "tool_calls", answer
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and json.loads(call.function.arguments)["city"], answer
    # As the client's documentation does it: the answer's own message goes back.
    messages += [
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 21}'},
    ]
    answer = client.chat.completions.create(messages=messages, tools=[WEATHER], **routed(target))
    assert "celsius" in answer.choices[0].message.content, f"the tool's result did not arrive: {answer}"


@conversation("tools")
def chat_tools_stream(client, target):
    with client.chat.completions.stream(
        messages=user(ASK_WEATHER), tools=[WEATHER], **routed(target)
    ) as events:
        done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
        answer = events.get_final_completion()
    assert len(done) == 1 and json.loads(done[0].arguments)["city"], done
    assert answer.choices[0].finish_reason == "tool_calls", answer


@conversation("tools")
def chat_parallel_tools(client, target):
    answer = client.chat.completions.create(
        messages=user("Call get_weather for Paris and for Rome. [[sim: tools=2]]"),
        tools=[WEATHER],
        **routed(target),
    )
    calls = answer.choices[0].message.tool_calls
    assert len(calls) == 2 and len({call.id for call in calls}) == 2, answer
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f'{{"celsius": {number}}}'}
        for number, call in enumerate(calls, start=20)
    ]
    messages = user("Call get_weather for Paris and for Rome.") + [answer.choices[0].message, *results]
    answer = client.chat.completions.create(messages=messages, tools=[WEATHER], **routed(target))
    content = answer.choices[0].message.content
    assert "20" in content and "21" in content, f"not both results arrived: {answer}"


@conversation("schema")
def chat_schema(client, target):
    answer = client.chat.completions.parse(
        messages=user("Invent a person."), response_format=Person, **routed(target)
    )
    assert isinstance(answer.choices[0].message.parsed, Person), answer


@conversation("images")
def chat_image(client, target):
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}},
    ]
    answer = client.chat.completions.create(messages=user(content), **routed(target))
    assert "looked at the image" in answer.choices[0].message.content, f"the image did not arrive: {answer}"


@conversation("files")
def chat_file(client, target):
    file = {"filename": "page.pdf", "file_data": f"data:application/pdf;base64,{checks.PDF}"}
    content = [{"type": "text", "text": "What is this?"}, {"type": "file", "file": file}]
    answer = client.chat.completions.create(messages=user(content), **routed(target))
    assert answer.choices[0].message.content, answer


@conversation("reasoning", "tools")
def chat_reasoning_replay(client, target):
    """What a model thought before a call goes back with the call's result, as it came."""
    messages = user(ASK_WEATHER)
    reasoning = {"reasoning": {"effort": "high"}}
    answer = client.chat.completions.create(messages=messages, tools=[WEATHER], **routed(target, **reasoning))
    reasoned(answer.usage.completion_tokens_details, target)
    message = answer.choices[0].message
    details = message.model_extra.get("reasoning_details")
    assert details, f"no reasoning_details: {message}"
    messages += [
        message,
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": '{"celsius": 3}'},
    ]
    answer = client.chat.completions.create(messages=messages, tools=[WEATHER], **routed(target, **reasoning))
    assert "celsius" in answer.choices[0].message.content, answer


@conversation("reasoning")
def chat_reasoning_stream(client, target):
    thought, text, details = "", "", []
    for chunk in client.chat.completions.create(
        messages=user("Why is the sky blue?"), stream=True, **routed(target, reasoning={"effort": "high"})
    ):
        for choice in chunk.choices:
            extra = choice.delta.model_extra or {}
            assert not (extra.get("reasoning") and text), "reasoning came after text"
            thought += extra.get("reasoning") or ""
            details += extra.get("reasoning_details") or []
            text += choice.delta.content or ""
        usage = chunk.usage or None
    assert text and details, f"text: {text!r}, details: {details}"
    reasoned(usage.completion_tokens_details, target)


# Completions of before chat.


@conversation()
def completion(client, target):
    answer = client.completions.create(prompt="Say hello.", max_tokens=200, **routed(target))
    assert answer.object == "text_completion" and answer.choices[0].text, answer
    assert answer.choices[0].finish_reason == "stop", answer
    priced(answer.usage, target)


@conversation()
def completion_stream(client, target):
    text, finish, usage = "", None, None
    for chunk in client.completions.create(
        prompt="Count to five.", stream=True, stream_options={"include_usage": True}, **routed(target)
    ):
        assert chunk.object == "text_completion", chunk
        for choice in chunk.choices:
            text += choice.text
            finish = choice.finish_reason or finish
        usage = chunk.usage or usage
    assert text and finish == "stop", (text, finish)
    priced(usage, target)


# Responses.


@conversation()
def response(client, target):
    answer = client.responses.create(input="Say hello.", instructions="Be brief.", **routed(target))
    assert answer.object == "response" and answer.status == "completed", answer
    assert "hello" in answer.output_text and answer.error is None, answer
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens, usage
    priced(usage, target)


@conversation()
def response_stream(client, target):
    kinds, numbers, text = [], [], ""
    for event in client.responses.create(input="Count to five.", stream=True, **routed(target)):
        kinds.append(event.type)
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            text += event.delta
    assert kinds[:2] == ["response.created", "response.in_progress"], kinds
    assert kinds[-1] == "response.completed" and kinds.count("response.completed") == 1, kinds
    assert numbers == sorted(set(numbers)), numbers
    assert text and text == event.response.output_text, (text, event.response)
    priced(event.response.usage, target)


@conversation("tools")
def response_tools(client, target):
    items = user(ASK_WEATHER)
    answer = client.responses.create(input=items, tools=[WEATHER_TOO], store=False, **routed(target))
    [call] = [item for item in answer.output if item.type == "function_call"]
    assert call.name == "get_weather" and json.loads(call.arguments)["city"], answer
    # As the client's documentation does it: the whole output goes back.
    items += answer.output
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius": 21}'})
    answer = client.responses.create(input=items, tools=[WEATHER_TOO], store=False, **routed(target))
    assert "celsius" in answer.output_text, f"the tool's result did not arrive: {answer}"


@conversation("tools")
def response_tools_stream(client, target):
    with client.responses.stream(input=ASK_WEATHER, tools=[WEATHER_TOO], **routed(target)) as events:
        kinds = [event.type for event in events]
        answer = events.get_final_response()
    assert "response.function_call_arguments.delta" in kinds, kinds
    assert "response.function_call_arguments.done" in kinds, kinds
    [call] = [item for item in answer.output if item.type == "function_call"]
    assert json.loads(call.arguments)["city"], answer


@conversation("schema")
def response_schema(client, target):
    answer = client.responses.parse(input="Invent a person.", text_format=Person, **routed(target))
    assert isinstance(answer.output_parsed, Person), answer


@conversation("images")
def response_image(client, target):
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "detail": "auto", "image_url": IMAGE_URL},
    ]
    answer = client.responses.create(input=user(content), **routed(target))
    assert "looked at the image" in answer.output_text, f"the image did not arrive: {answer}"


@conversation("reasoning", "tools")
def response_reasoning_replay(client, target):
    """Nothing is stored, so what a model thought travels encrypted, and back."""
    items = user(ASK_WEATHER)
    options = {
        "tools": [WEATHER_TOO],
        "store": False,
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    }
    answer = client.responses.create(input=items, **options, **routed(target))
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    assert thoughts, f"no reasoning item: {answer}"
    reasoned(answer.usage.output_tokens_details, target)
    [call] = [item for item in answer.output if item.type == "function_call"]
    items += answer.output
    items.append({"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius": 21}'})
    answer = client.responses.create(input=items, **options, **routed(target))
    assert "celsius" in answer.output_text, answer


@conversation("reasoning")
def response_reasoning_stream(client, target):
    with client.responses.stream(
        input="Why is the sky blue?", reasoning={"effort": "high", "summary": "auto"}, **routed(target)
    ) as events:
        kinds = [event.type for event in events]
        answer = events.get_final_response()
    assert any("reasoning" in kind for kind in kinds), kinds
    assert answer.output[0].type == "reasoning" and answer.output_text, answer
    reasoned(answer.usage.output_tokens_details, target)


# Errors.


@conversation()
def errors(client, target):
    ask = client.chat.completions.create
    hello = user("hello")
    unrouted = {"provider": {"only": ["no-such-provider"]}}
    refuses(openai.NotFoundError, lambda: ask(model=target.model, messages=hello, extra_body=unrouted))
    error = refuses(
        openai.RateLimitError,
        lambda: ask(messages=user("hello [[sim: status=429 retry_after=7]]"), **routed(target)),
    )
    expected = "7" if "retry-after" in target.can else None
    assert error.response.headers.get("retry-after") == expected, error.response.headers
    assert error.body["metadata"]["error_type"] == "rate_limit_exceeded", error.body
    refuses(openai.BadRequestError, lambda: ask(messages=[], **routed(target)))


@conversation()
def stream_error(client, target):
    prompt = user("Count to fifty. [[sim: tokens=300 cut_after_tokens=200]]")

    def read():
        return list(client.chat.completions.create(messages=prompt, stream=True, **routed(target)))

    error = refuses(openai.APIError, read)
    assert error.message, error


@once
def refusals(client):
    ask = client.chat.completions.create
    hello = user("hello")
    stranger = client.with_options(api_key="sk-pb-v1-wrong")
    refuses(
        openai.AuthenticationError,
        lambda: stranger.chat.completions.create(model="openai/gpt-4o", messages=hello),
    )
    error = refuses(openai.BadRequestError, lambda: ask(model="nobody/nothing", messages=hello))
    assert "is not a valid model ID" in error.body["message"], error.body
    tell = client.responses.create
    refuses(openai.BadRequestError, lambda: tell(model="openai/gpt-4o", input="hello", store=True))
    refuses(
        openai.BadRequestError,
        lambda: tell(model="openai/gpt-4o", input="hello", previous_response_id="resp_1"),
    )


@once
def models(client):
    listed = {model.id for model in client.models.list()}
    assert len(listed) > 290 and "openai/gpt-4o" in listed, len(listed)


def connect(settings):
    return openai.OpenAI(
        base_url=settings["api_base"], api_key=settings["api_key"], max_retries=0, timeout=60
    )


checks.main(connect)
