use serde_json::{Value, json};

use crate::client::{Simulator, with};
use crate::recorded::{self, assert_like};

const PATH: &str = "/openai/v1/completions";

fn ask(prompt: Value) -> Value {
    json!({"model": "gpt-3.5-turbo-instruct", "prompt": prompt, "max_tokens": 40})
}

#[tokio::test]
async fn whole_and_streamed_texts_agree() {
    let simulator = Simulator::start().await;
    let request = ask(json!("The sea is"));
    let whole = simulator.post(PATH, &request).await.json();
    assert_eq!(
        (&whole["object"], &whole["choices"][0]["finish_reason"]),
        (&json!("text_completion"), &json!("length"))
    );
    if let Some(recorded) = recorded::json("vllm/completions-unary-plain") {
        let but =
            ["choices.stop_reason", "choices.prompt_logprobs", "system_fingerprint", "kv_transfer_params"];
        assert_like(&whole, &recorded, &but);
    }
    let stream = json!({"stream": true, "stream_options": {"include_usage": true}});
    let reply = simulator.post(PATH, &with(request.clone(), &stream)).await;
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    let text: String = events.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["text"].as_str().unwrap());
    assert_eq!(events.last().unwrap()["usage"], whole["usage"]);
    let short = json!({"model": "m", "prompt": "The sea is"});
    assert_eq!(simulator.post(PATH, &short).await.json()["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn choices_echoes_and_probabilities() {
    let simulator = Simulator::start().await;
    let more = json!({"n": 2, "echo": true, "logprobs": 2, "suffix": "ignored"});
    let body = simulator.post(PATH, &with(ask(json!(["One moon", "Two moons"])), &more)).await.json();
    let choices = body["choices"].as_array().unwrap();
    let begins = |at: usize, prompt: &str| choices[at]["text"].as_str().unwrap().starts_with(prompt);
    assert_eq!(choices.len(), 4);
    assert!(
        begins(0, "One moon") && begins(1, "One moon") && begins(2, "Two moons") && begins(3, "Two moons")
    );
    let logprobs = &choices[0]["logprobs"];
    let tokens: String = logprobs["tokens"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(tokens, choices[0]["text"].as_str().unwrap());
    assert_eq!(logprobs["text_offset"][0], 0);
    assert_eq!(logprobs["top_logprobs"][0].as_object().unwrap().len(), 2);
    let tokens = simulator.post(PATH, &ask(json!([[1, 2, 3], [4, 5]]))).await.json();
    assert_eq!(tokens["choices"].as_array().unwrap().len(), 2);
    assert_eq!(tokens["usage"]["prompt_tokens"], 5 + 2 * 4 + 3);
    let refused = simulator.post(PATH, &with(ask(json!("x")), &json!({"logprobs": 9}))).await;
    assert_eq!(refused.status, 400);
    let streamed = with(ask(json!("One moon [[sim: error_after_tokens=3]]")), &json!({"stream": true}));
    assert!(simulator.post(PATH, &streamed).await.text().contains("\"error\""));
}
