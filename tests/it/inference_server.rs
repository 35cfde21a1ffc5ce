//! A real inference server that an operator adds by API: llama.cpp's, with a tiny model of random weights. What it
//! says makes no sense; how it says and counts it is as real as can be.

mod howto;
mod server;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Charge, Chunk, Platform};

use crate::{Scenario, scenarios};
use server::{Counted, Server};

/// Tokens of a request and its answer.
const CONTEXT: u32 = 8_192;
/// So long that an answer is never whole before its client leaves.
const LONG_CONTEXT: u32 = 65_536;
/// The tiny model's token for `{`, and the bias that makes it the first.
const OPEN: (&str, i32) = ("350", 100);

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        a_provider_is_added_as_the_howto_says,
        answers_cost_what_the_server_counted,
        a_limit_holds_whatever_the_server_calls_it,
        tools_and_schemas_bind_a_model_that_knows_nothing,
        a_prompt_that_is_too_long_is_named_so,
        an_answer_ends_where_the_context_ends,
        a_client_that_leaves_stops_the_server_and_pays_for_what_was_delivered,
        a_server_that_dies_ends_the_stream_with_an_error,
        a_wrong_credential_is_not_the_clients_fault,
        a_legacy_prompt_is_completed,
    ]
}

async fn a_provider_is_added_as_the_howto_says(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(CONTEXT).await?;
    let commands = howto::commands(&server)?;
    let (question, changes) = commands.split_last().context("no commands")?;
    for change in changes {
        let done = howto::run(&platform, change).await?;
        ensure!(done["id"].is_string() && done["catalogue_version"].is_number(), "{change}: {done}");
    }
    platform.admin.routable("acme/atlas-1", 1).await?;
    let answer = howto::run(&platform, question).await?;
    ensure!(answer["provider"] == "Acme" && answer["model"] == "acme/atlas-1", "{answer}");
    ensure!(
        answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| !text.is_empty()),
        "{answer}"
    );
    let charge = platform.ledger.charge(answer["id"].as_str().unwrap_or_default()).await?;
    let prices = Prices { input: 500, cache_read: 50, output: 800 };
    prices.check(&answer["usage"], &charge, server.counted().await?)?;
    let listed = platform.api().get("/models").await?;
    let rows = listed.body["data"].as_array().context("no list")?;
    ensure!(rows.iter().any(|row| row["id"] == "acme/atlas-1"), "the model is not listed");
    server.stop().await
}

async fn answers_cost_what_the_server_counted(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, CONTEXT).await?;
    let messages = json!([{"role": "user", "content": "Say hello: ½ Grüße, 你好, 👋."}]);
    let body = json!({"model": offer.model, "messages": messages, "max_tokens": 40, "logprobs": true});
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status == 200 && reply.body["provider"] == json!(offer.provider), "{reply:?}");
    let choice = &reply.body["choices"][0];
    ensure!(choice["finish_reason"] == "length" && !reply.text().is_empty(), "{reply:?}");
    ensure!(choice["logprobs"]["content"].as_array().is_some_and(|all| all.len() == 40), "{reply:?}");
    let first = platform.ledger.charge(reply.body["id"].as_str().unwrap_or_default()).await?;
    let counted = server.counted().await?;
    PRICES.check(&reply.body["usage"], &first, counted)?;

    let body = json!({"model": offer.model, "messages": messages, "max_tokens": 60, "stream": true});
    let streamed = platform.api().stream_with(&body).await?;
    ensure!(streamed.is_done() && streamed.provider() == Some(&offer.provider), "{streamed:?}");
    ensure!(streamed.finish_reason() == Some("length") && streamed.deltas() > 1, "{streamed:?}");
    let usage = streamed.usage().with_context(|| format!("no usage: {streamed:?}"))?;
    let second = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    PRICES.check(usage, &second, server.counted().await?.since(counted))?;
    // The second prompt is the first one: the server finds all but its last token in its cache.
    ensure!(second.nanos < PRICES.of(second.prompt_tokens, 0, second.completion_tokens)?, "{second:?}");
    server.stop().await
}

async fn a_limit_holds_whatever_the_server_calls_it(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, CONTEXT).await?;
    for name in ["max_tokens", "max_completion_tokens"] {
        let before = server.counted().await?;
        // The server's own words go before the standard ones, which the reservation is made from.
        let body = json!({"model": offer.model, name: 8, "n_predict": 200, "n_cmpl": 2,
                          "messages": [{"role": "user", "content": "Say hello."}]});
        let reply = platform.api().chat(&body).await?;
        ensure!(reply.body["choices"].as_array().is_some_and(|all| all.len() == 1), "{name}: {reply:?}");
        let counted = server.counted().await?.since(before);
        ensure!(counted.completion_tokens == 8, "{name}: {counted:?}: {reply:?}");
    }
    server.stop().await
}

async fn tools_and_schemas_bind_a_model_that_knows_nothing(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, CONTEXT).await?;
    let schema = json!({"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}},
                        "required": ["city"], "additionalProperties": false});
    let is_city = |text: &str| -> anyhow::Result<bool> {
        let answer: Value = serde_json::from_str(text).with_context(|| text.to_owned())?;
        Ok(answer == json!({"city": "Paris"}) || answer == json!({"city": "Rome"}))
    };
    let body = json!({
        "model": offer.model,
        "messages": [{"role": "user", "content": "Name a city."}],
        "response_format": {"type": "json_schema",
                            "json_schema": {"name": "city", "strict": true, "schema": schema}},
    });
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.body["choices"][0]["finish_reason"] == "stop" && is_city(reply.text())?, "{reply:?}");

    let question = json!({"role": "user", "content": "What is the weather?"});
    let mut body = json!({
        "model": offer.model,
        "messages": [question],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}],
        "tool_choice": "required",
        "parallel_tool_calls": false,
        "logit_bias": {OPEN.0: OPEN.1},
        "stream": true,
    });
    let streamed = platform.api().stream_with(&body).await?;
    ensure!(streamed.is_done() && streamed.finish_reason() == Some("tool_calls"), "{streamed:?}");
    let call = whole_call(&streamed.chunks);
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
    ensure!(call["function"]["name"] == "get_weather" && is_city(arguments)?, "{call}: {streamed:?}");
    let charge = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    let usage = streamed.usage().with_context(|| format!("no usage: {streamed:?}"))?;
    ensure!(charge.nanos == PRICES.charged(usage)?, "{charge:?} is not {usage}");

    // The call and its result go back, in the server's own template.
    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "21 °C"});
    let turn = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    body["messages"] = json!([question, turn, result]);
    body["stream"] = json!(false);
    body["max_tokens"] = json!(8);
    body["tool_choice"] = json!("auto");
    body["logit_bias"] = json!({});
    let reply = platform.api().chat(&body).await?;
    ensure!(reply.status == 200 && !reply.text().is_empty(), "{reply:?}");
    ensure!(reply.body["usage"]["prompt_tokens"].as_u64() > usage["prompt_tokens"].as_u64(), "{reply:?}");
    server.stop().await
}

async fn a_prompt_that_is_too_long_is_named_so(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(512).await?;
    // The operator promises more than the server can hold.
    let offer = Offer::make(&platform, &server, &server.key, CONTEXT).await?;
    let long = "x".repeat(2_000);
    let reply = platform.api().ask(&offer.model, &long).await?;
    ensure!(reply.status == 400 && reply.error_type() == "context_length_exceeded", "{reply:?}");
    ensure!(reply.error_message().contains("512 tokens"), "{reply:?}");
    let streamed = platform.api().stream(&offer.model, &long).await?;
    ensure!(streamed.status == 400, "{streamed:?}");
    ensure!(streamed.body["error"]["metadata"]["error_type"] == "context_length_exceeded", "{streamed:?}");
    // It is nobody's outage, so the endpoint goes on serving.
    let reply = platform.api().ask(&offer.model, "Say hello.").await?;
    ensure!(reply.status == 200, "{reply:?}");
    server.stop().await
}

async fn an_answer_ends_where_the_context_ends(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(512).await?;
    let offer = Offer::make(&platform, &server, &server.key, 512).await?;
    let streamed = platform.api().stream(&offer.model, "Say hello.").await?;
    ensure!(streamed.is_done() && streamed.finish_reason() == Some("length"), "{streamed:?}");
    let usage = streamed.usage().with_context(|| format!("no usage: {streamed:?}"))?;
    ensure!(usage["total_tokens"].as_u64().is_some_and(|total| total <= 512), "{usage}");
    let charge = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    PRICES.check(usage, &charge, server.counted().await?)?;
    server.stop().await
}

async fn a_client_that_leaves_stops_the_server_and_pays_for_what_was_delivered(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let server = Server::start(LONG_CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, LONG_CONTEXT).await?;
    let left = platform.api().stream_until(&offer.endless(), |chunks| chunks.len() >= 8).await?;
    ensure!(left.deltas() > 0, "{left:?}");
    let charge = platform.ledger.charge(left.id().unwrap_or_default()).await?;
    let counted = server.counted().await?;
    ensure!(counted.completion_tokens < u64::from(LONG_CONTEXT) / 2, "the server ran on: {counted:?}");
    ensure!(charge.cancelled && charge.completion_tokens > 0, "{charge:?}");
    ensure!(charge.completion_tokens <= counted.completion_tokens, "{charge:?} is more than {counted:?}");
    let most = PRICES.of(charge.prompt_tokens, 0, charge.completion_tokens)?;
    ensure!(charge.nanos == most, "{charge:?} is not {most}");
    server.stop().await
}

async fn a_server_that_dies_ends_the_stream_with_an_error(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(LONG_CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, LONG_CONTEXT).await?;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let body = offer.endless();
    let api = platform.api();
    let read = api.stream_until(&body, |chunks| {
        if chunks.len() >= 8
            && let Some(begun) = begun.take()
        {
            let _ = begun.send(());
        }
        false
    });
    let kill = async {
        has_begun.await.context("no stream")?;
        server.kill().await
    };
    let (streamed, killed) = tokio::join!(read, kill);
    killed?;
    let streamed = streamed?;
    let error = streamed.error().with_context(|| format!("a silent end: {streamed:?}"))?;
    ensure!(error["metadata"]["error_type"] == "provider_unavailable", "{error}");
    ensure!(streamed.is_done() && streamed.finish_reason() == Some("error"), "{:?}", streamed.chunks.last());
    let charge = platform.ledger.charge(streamed.id().unwrap_or_default()).await?;
    ensure!(charge.partial && charge.completion_tokens > 0, "{charge:?}");
    let most = PRICES.of(charge.prompt_tokens, 0, charge.completion_tokens)?;
    ensure!(charge.nanos == most, "{charge:?} is not {most}");
    Ok(())
}

async fn a_wrong_credential_is_not_the_clients_fault(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(512).await?;
    let offer = Offer::make(&platform, &server, "not-its-key", 512).await?;
    let reply = platform.api().ask(&offer.model, "Say hello.").await?;
    ensure!(reply.status == 503 && reply.body["error"]["availability"].is_object(), "{reply:?}");
    ensure!(!reply.body.to_string().contains("not-its-key"), "{reply:?}");
    server.stop().await
}

async fn a_legacy_prompt_is_completed(platform: Arc<Platform>) -> anyhow::Result<()> {
    let server = Server::start(CONTEXT).await?;
    let offer = Offer::make(&platform, &server, &server.key, CONTEXT).await?;
    let body = json!({"model": offer.model, "prompt": "Once upon a time", "max_tokens": 20});
    let reply = platform.api().post("/completions", body.to_string()).await?;
    let choice = &reply.body["choices"][0];
    ensure!(choice["text"].as_str().is_some_and(|text| !text.is_empty()), "{reply:?}");
    ensure!(choice["finish_reason"] == "length", "{reply:?}");
    let charge = platform.ledger.charge(reply.body["id"].as_str().unwrap_or_default()).await?;
    PRICES.check(&reply.body["usage"], &charge, server.counted().await?)?;
    server.stop().await
}

/// Nano-dollars per token.
struct Prices {
    input: u64,
    cache_read: u64,
    output: u64,
}

/// Of every [`Offer`].
const PRICES: Prices = Prices { input: 300, cache_read: 30, output: 1_500 };

impl Prices {
    fn of(&self, uncached: u64, cached: u64, completion: u64) -> anyhow::Result<i64> {
        let nanos = uncached * self.input + cached * self.cache_read + completion * self.output;
        Ok(i64::try_from(nanos)?)
    }

    /// What a reported usage comes to.
    fn charged(&self, usage: &Value) -> anyhow::Result<i64> {
        let count = |count: &Value| count.as_u64().with_context(|| format!("no count: {usage}"));
        let prompt = count(&usage["prompt_tokens"])?;
        let cached = count(&usage["prompt_tokens_details"]["cached_tokens"])?;
        let uncached = prompt.checked_sub(cached).context("more is cached than was sent")?;
        self.of(uncached, cached, count(&usage["completion_tokens"])?)
    }

    /// What the client was told, what the books say and what the server counted must be one.
    fn check(&self, usage: &Value, charge: &Charge, counted: Counted) -> anyhow::Result<()> {
        let told = Counted {
            prompt_tokens: usage["prompt_tokens"].as_u64().unwrap_or_default(),
            completion_tokens: usage["completion_tokens"].as_u64().unwrap_or_default(),
        };
        let booked =
            Counted { prompt_tokens: charge.prompt_tokens, completion_tokens: charge.completion_tokens };
        ensure!(told == counted && booked == counted, "{usage}, {charge:?}: the server counted {counted:?}");
        let nanos = self.charged(usage)?;
        ensure!(charge.nanos == nanos && nanos > 0, "{charge:?} is not {nanos}: {usage}");
        let cost = usage["cost"].as_f64().unwrap_or_default();
        ensure!((cost * 1e9 - charge.nanos as f64).abs() < 0.5, "{usage} is not {charge:?}");
        Ok(())
    }
}

/// A model of a test's own at a server.
struct Offer {
    model: String,
    /// Display name.
    provider: String,
}

impl Offer {
    /// Says over the operator's API that `server` takes `key` and requests of `context` tokens.
    async fn make(platform: &Platform, server: &Server, key: &str, context: u32) -> anyhow::Result<Self> {
        // The port is the server's alone while it runs, the key for good.
        let slug = format!("llama-{}", server.key);
        let offer = Self { model: format!("test/{slug}"), provider: format!("llama.cpp {slug}") };
        let admin = &platform.admin;
        let provider = json!({"slug": slug, "name": offer.provider, "dialect": "openai",
                              "base_url": server.base_url, "credential": key, "cancel_stops_billing": true});
        admin.post("/providers", provider).await?;
        let parameters = [
            "max_tokens",
            "logprobs",
            "logit_bias",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "response_format",
            "structured_outputs",
        ];
        let model =
            json!({"slug": offer.model, "context_length": context, "supported_parameters": parameters});
        admin.post("/models", model).await?;
        let price = json!({"input": "0.0000003", "cache_read": "0.00000003", "output": "0.0000015"});
        let endpoint = json!({"model": offer.model, "provider": slug, "provider_model": server.model,
                              "context_length": context, "price": {"base": price}});
        admin.post("/endpoints", endpoint).await?;
        admin.routable(&offer.model, 1).await?;
        Ok(offer)
    }

    /// A request whose answer takes the server longer than any client waits.
    fn endless(&self) -> Value {
        json!({
            "model": self.model,
            "messages": [{"role": "user", "content": "Talk."}],
            "stream": true,
        })
    }
}

/// The only tool call of a stream, put together from its deltas.
fn whole_call(chunks: &[Chunk]) -> Value {
    let mut call = json!({"type": "function"});
    let (mut name, mut arguments) = (String::new(), String::new());
    for chunk in chunks {
        let Chunk::Data(data) = chunk else { continue };
        for delta in data["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            if delta["id"].is_string() {
                call["id"] = delta["id"].clone();
            }
            name += delta["function"]["name"].as_str().unwrap_or_default();
            arguments += delta["function"]["arguments"].as_str().unwrap_or_default();
        }
    }
    call["function"] = json!({"name": name, "arguments": arguments});
    call
}
