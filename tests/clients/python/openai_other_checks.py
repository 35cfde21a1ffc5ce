"""What the official OpenAI client must be able to do beside conversations: vectors, pictures and sound."""

import base64
import io
import struct

import checks
from checks import once


@once
def embeddings(client):
    # As the client asks by itself: in base64, decoded by it.
    words = [f"word number {number}" for number in range(40)]
    answer = client.embeddings.create(model="openai/text-embedding-3-small", input=words)
    assert [row.index for row in answer.data] == list(range(40)), "the batch is out of order"
    alone = client.embeddings.create(
        model="openai/text-embedding-3-small", input=words[7], encoding_format="float"
    )
    close = all(
        abs(a - b) < 1e-5 for a, b in zip(answer.data[7].embedding, alone.data[0].embedding, strict=True)
    )
    assert close, "the 8th vector is not that of the 8th text"
    raw = client.embeddings.create(
        model="openai/text-embedding-3-small", input=words[7], encoding_format="base64"
    )
    packed = base64.b64decode(raw.data[0].embedding)
    floats = struct.unpack(f"<{len(packed) // 4}f", packed)
    assert len(floats) == len(alone.data[0].embedding), len(floats)
    assert answer.usage.prompt_tokens > 0 and answer.usage.model_extra["cost"] > 0, answer.usage


@once
def embeddings_of_every_dialect(client):
    for model in (
        "google/gemini-embedding-001",
        "google/text-embedding-005",
        "mistralai/mistral-embed",
        "cohere/embed-v4.0",
        "qwen/qwen3-embedding-8b",
    ):
        answer = client.embeddings.create(model=model, input=["one", "two", "three"])
        assert [row.index for row in answer.data] == [0, 1, 2], f"{model}: {answer}"
        assert all(len(row.embedding) > 100 for row in answer.data), f"{model}: short vectors"
        assert answer.usage.prompt_tokens > 0, f"{model}: {answer.usage}"
    # Amazon's take one text at a time.
    alone = client.embeddings.create(model="amazon/titan-embed-text", input="one")
    assert len(alone.data[0].embedding) > 100, alone


@once
def images(client):
    for model in ("openai/gpt-image-1", "google/imagen-4", "google/gemini-2.5-flash-image"):
        answer = client.images.generate(model=model, prompt="A red ball")
        picture = base64.b64decode(answer.data[0].b64_json)
        assert picture.startswith(b"\x89PNG"), f"{model}: {picture[:8]!r}"


@once
def images_stream(client):
    events = list(
        client.images.generate(model="openai/gpt-image-1", prompt="A red ball", stream=True, partial_images=2)
    )
    kinds = [event.type for event in events]
    assert kinds[-1] == "image_generation.completed", kinds
    assert base64.b64decode(events[-1].b64_json).startswith(b"\x89PNG"), kinds


@once
def images_edit(client):
    picture = ("ball.png", base64.b64decode(checks.PNG), "image/png")
    answer = client.images.edit(model="openai/gpt-image-1", prompt="Make it blue", image=picture)
    assert base64.b64decode(answer.data[0].b64_json), answer
    answer = client.images.edit(model="openai/gpt-image-1", prompt="Join them", image=[picture, picture])
    assert base64.b64decode(answer.data[0].b64_json), answer


@once
def speech(client):
    for model, voice in (("openai/gpt-4o-mini-tts", "alloy"), ("google/gemini-2.5-flash-tts", "Kore")):
        whole = client.audio.speech.create(
            model=model, voice=voice, input="Hello there.", response_format="pcm"
        )
        assert len(whole.content) > 1000, f"{model}: {len(whole.content)} bytes"
    with client.audio.speech.with_streaming_response.create(
        model="openai/gpt-4o-mini-tts", voice="alloy", input="Hello there.", response_format="mp3"
    ) as answer:
        assert answer.headers["content-type"].startswith("audio/"), answer.headers
        sound = b"".join(answer.iter_bytes())
        assert sound.startswith((b"\xff", b"ID3")), f"no MP3: {sound[:8]!r}"


@once
def transcription(client):
    for model in ("openai/whisper-1", "openai/gpt-4o-mini-transcribe", "openai/whisper-large-v3"):
        sound = io.BytesIO(checks.silence())
        sound.name = "silence.wav"
        answer = client.audio.transcriptions.create(model=model, file=sound)
        assert answer.text, f"{model}: {answer}"
