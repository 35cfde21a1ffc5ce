"""What LangChain's integration of OpenRouter must be able to do."""

from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openrouter import ChatOpenRouter
from pydantic import BaseModel

import checks
from checks import conversation, once, refuses

ASK_WEATHER = "What is the weather in Paris? Call get_weather."
PRESS = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{checks.PNG}"}}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f'{{"celsius": 21, "city": "{city}"}}'


class Models:
    """Chat models of one account."""

    def __init__(self, settings):
        self._settings = settings

    def model(self, target, **options):
        return self.named(target.model, openrouter_provider=target.routing(), **options)

    def named(self, model, **options):
        settings = {"api_key": self._settings["api_key"], "max_retries": 0, "timeout": 60_000} | options
        return ChatOpenRouter(model=model, base_url=self._settings["api_base"], **settings)


@conversation()
def invoke(models, target):
    answer = models.model(target).invoke("Say hello.")
    assert "hello" in answer.text, answer
    usage = answer.usage_metadata
    assert usage["input_tokens"] > 0 and usage["output_tokens"] > 0, answer
    assert answer.response_metadata["finish_reason"] == "stop", answer


@conversation()
def stream(models, target):
    whole = AIMessageChunk("")
    pieces = 0
    for chunk in models.model(target).stream("Count to five."):
        pieces += 1
        whole += chunk
    assert pieces > 2 and whole.text, (pieces, whole)
    assert whole.usage_metadata["output_tokens"] > 0, whole
    assert whole.response_metadata["finish_reason"] == "stop", whole


@conversation("tools")
def tools(models, target):
    model = models.model(target).bind_tools([get_weather])
    messages = [HumanMessage(ASK_WEATHER)]
    answer = model.invoke(messages)
    [call] = answer.tool_calls
    assert call["name"] == "get_weather" and call["args"]["city"], answer
    messages += [answer, get_weather.invoke(call)]
    assert isinstance(messages[-1], ToolMessage), messages
    answer = model.invoke(messages)
    assert "celsius" in answer.text, f"the tool's result did not arrive: {answer}"


@conversation("tools")
def tools_stream(models, target):
    whole = AIMessageChunk("")
    for chunk in models.model(target).bind_tools([get_weather]).stream(ASK_WEATHER):
        whole += chunk
    [call] = whole.tool_calls
    assert call["name"] == "get_weather" and call["args"]["city"], whole


@conversation("schema")
def structured_output(models, target):
    model = models.model(target).with_structured_output(Person, method="json_schema")
    assert isinstance(model.invoke("Invent a person."), Person)


@conversation("tools")
def structured_output_by_tool(models, target):
    model = models.model(target).with_structured_output(Person, method="function_calling")
    assert isinstance(model.invoke("Invent a person."), Person)


@conversation("images")
def image(models, target):
    answer = models.model(target).invoke([HumanMessage([{"type": "text", "text": "What is this?"}, PRESS])])
    assert "looked at the image" in answer.text, f"the image did not arrive: {answer}"


@conversation("reasoning", "tools")
def reasoning_replay(models, target):
    model = models.model(target, reasoning={"effort": "high"}).bind_tools([get_weather])
    messages = [HumanMessage(ASK_WEATHER)]
    answer = model.invoke(messages)
    assert answer.additional_kwargs.get("reasoning_details"), f"no reasoning: {answer}"
    messages += [answer, get_weather.invoke(answer.tool_calls[0])]
    answer = model.invoke(messages)
    assert "celsius" in answer.text, f"the tool's result did not arrive: {answer}"


@conversation("reasoning", "tools")
def reasoning_stream_replay(models, target):
    """The same with what streamed in, joined as LangChain joins it."""
    model = models.model(target, reasoning={"effort": "high"}).bind_tools([get_weather])
    messages = [HumanMessage(ASK_WEATHER)]
    whole = AIMessageChunk("")
    for chunk in model.stream(messages):
        whole += chunk
    messages += [whole, get_weather.invoke(whole.tool_calls[0])]
    answer = model.invoke(messages)
    assert "celsius" in answer.text, f"the tool's result did not arrive: {answer}"


@conversation()
def errors(models, target):
    error = refuses(Exception, lambda: models.model(target).invoke("hello [[sim: status=429]]"))
    assert getattr(error, "status_code", None) == 429, f"{type(error).__name__}: {error}"


@once
def refusals(models):
    error = refuses(Exception, lambda: models.named("nobody/nothing").invoke("hello"))
    assert "is not a valid model ID" in str(error), error
    error = refuses(
        Exception, lambda: models.named("openai/gpt-4o", api_key="sk-pb-v1-wrong").invoke("hello")
    )
    assert getattr(error, "status_code", None) == 401, f"{type(error).__name__}: {error}"


checks.main(Models)
