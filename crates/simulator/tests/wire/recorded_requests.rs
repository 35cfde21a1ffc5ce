//! What real providers were recorded to take, the simulator takes.

use serde_json::Value;

use crate::client::Simulator;
use crate::recorded;

const HEADERS: &str = "content-type: application/json\r\nanthropic-version: 2023-06-01\r\nauthorization: Bearer sk-test-1234\r\n";

/// What cannot come back to the simulator: signatures, seals and ids that somebody else has given, and text that the
/// publisher of a recording has replaced.
const FOREIGN: [&str; 8] = [
    "Invalid `signature`",
    "could not be verified",
    "Items are not persisted",
    "Thought signature is not valid",
    "with a length of 9",
    "anthropic_version",
    "Previous response",
    "'$.input' is invalid",
];

fn path(case: &Value, model: &str) -> Option<String> {
    let provider = case["provider"].as_str()?;
    let model = model.replace(':', "%3A");
    let way = if case["stream"] == true {
        ("streamGenerateContent", "converse-stream", "streamRawPredict")
    } else {
        ("generateContent", "converse", "rawPredict")
    };
    let place = "vertex/v1/projects/p/locations/global/publishers";
    let below = match case["api"].as_str()? {
        "openai.chat" if provider == "azure" => format!("openai/deployments/{model}/chat/completions"),
        "openai.chat" => "openai/v1/chat/completions".to_owned(),
        "openai.responses" => "openai/v1/responses".to_owned(),
        "openai.completions" => "openai/v1/completions".to_owned(),
        "openai.embeddings" => "openai/v1/embeddings".to_owned(),
        "anthropic.messages" => "anthropic/v1/messages".to_owned(),
        "gemini.generateContent" if provider == "vertex" => {
            format!("{place}/google/models/{model}:{}", way.0)
        }
        "gemini.generateContent" => format!("gemini/v1beta/models/{model}:{}", way.0),
        "gemini.batchEmbedContents" => format!("gemini/v1beta/models/{model}:batchEmbedContents"),
        "gemini.embedContent" => format!("{place}/google/models/{model}:embedContent"),
        "vertex.predict" => format!("{place}/google/models/{model}:predict"),
        "vertex.anthropic.rawPredict" => format!("{place}/anthropic/models/{model}:{}", way.2),
        "mistral.chat" => "mistral/v1/chat/completions".to_owned(),
        "mistral.embeddings" => "mistral/v1/embeddings".to_owned(),
        "cohere.v2.chat" => "cohere/v2/chat".to_owned(),
        "cohere.v2.embed" => "cohere/v2/embed".to_owned(),
        "cohere.v2.rerank" => "cohere/v2/rerank".to_owned(),
        "bedrock.converse" => format!("bedrock/model/{model}/{}", way.1),
        "ollama.chat" => "ollama/api/chat".to_owned(),
        _ => return None,
    };
    Some(format!("/p/{provider}/{below}"))
}

#[tokio::test]
async fn what_providers_took_is_taken() {
    let Some(folder) = recorded::folder() else { return };
    let simulator = Simulator::start().await;
    let index: Value = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    let (mut taken, mut foreign, mut refused) = (0, 0, Vec::new());
    for case in index["cases"].as_array().unwrap().iter().filter(|case| case["status"] == 200) {
        let name = case["case"].as_str().unwrap();
        let Ok(body) = std::fs::read_to_string(folder.join(name).join("request.json")) else { continue };
        let Some(path) = path(case, case["model"].as_str().unwrap_or("some-model")) else { continue };
        if !serde_json::from_str::<Value>(&body).unwrap().is_object() {
            continue;
        }
        let reply = simulator.call("POST", &path, HEADERS, &body).await;
        let text = reply.text();
        match reply.status {
            200 => taken += 1,
            _ if FOREIGN.iter().any(|word| text.contains(word)) => foreign += 1,
            status => refused.push(format!("{name}: {status} {text}")),
        }
    }
    eprintln!("{taken} recorded requests are taken, {foreign} hold what somebody else has given");
    assert!(refused.is_empty() && taken > 100, "{}", refused.join("\n"));
}
