use serde_json::{Value, json};

use crate::client::{Simulator, with};
use crate::recorded::{self, assert_like};

const BEARER: &str = "content-type: application/json\r\nauthorization: Bearer token\r\n";

fn length(vector: &Value) -> usize {
    vector.as_array().unwrap().len()
}

#[tokio::test]
async fn openai_embeds_texts_and_tokens() {
    let simulator = Simulator::start().await;
    let post = async |body: Value| simulator.post("/openai/v1/embeddings", &body).await;
    let base = json!({"model": "text-embedding-3-small", "input": ["first", "second"], "dimensions": 8});
    let whole = post(base.clone()).await.json();
    assert_eq!(length(&whole["data"][0]["embedding"]), 8);
    let encoded = post(with(base.clone(), &json!({"encoding_format": "base64"}))).await.json();
    assert_eq!(encoded["data"][1]["embedding"].as_str().unwrap().len(), 44);
    if let Some(recorded) = recorded::json("openai/embeddings-unary") {
        assert_like(&encoded, &recorded, &[]);
    }
    let tokens = post(with(base.clone(), &json!({"input": [[1, 2, 3], [4]]}))).await.json();
    assert_eq!((&tokens["usage"]["prompt_tokens"], tokens["data"].as_array().unwrap().len()), (&json!(4), 2));
    let usual = post(json!({"model": "m", "input": "one"})).await.json();
    assert_eq!(length(&usual["data"][0]["embedding"]), 1536);
    assert_eq!(usual, post(json!({"model": "m", "input": "one"})).await.json());
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["operation"], &entry["usage"]["prompt"]), (&json!("embeddings"), &json!(1)));
    assert_eq!(post(with(base.clone(), &json!({"encoding_format": "hex"}))).await.status, 400);
    assert_eq!(post(with(base, &json!({"model": "nonexistent"}))).await.status, 404);
    let failing = post(json!({"model": "m", "input": "one [[sim: status=429 times=1]]"})).await;
    assert_eq!(failing.status, 429);
}

#[tokio::test]
async fn mistral_and_cohere_embed_in_their_own_words() {
    let simulator = Simulator::start().await;
    let request = json!({"model": "codestral-embed", "input": ["one", "two"], "output_dimension": 64});
    let mistral = simulator.post("/mistral/v1/embeddings", &request).await.json();
    assert_eq!(length(&mistral["data"][1]["embedding"]), 64);
    if let Some(recorded) = recorded::json("mistral/embeddings-unary") {
        let but = [
            "completion_tokens_details",
            "prompt_audio_seconds",
            "prompt_token_details",
            "request_count",
            "service_tier",
        ]
        .map(|name| format!("usage.{name}"));
        assert_like(&mistral, &recorded, &but.each_ref().map(String::as_str));
    }
    let strange = simulator.post("/mistral/v1/embeddings", &with(request, &json!({"dimensions": 8}))).await;
    assert_eq!((strange.status, &strange.json()["detail"][0]["loc"]), (422, &json!(["body", "dimensions"])));

    let request = json!({"model": "embed-v4.0", "input_type": "search_document", "embedding_types": ["float", "int8"],
        "output_dimension": 256, "texts": ["Ruby is a friend"]});
    let cohere = simulator.post("/cohere/v2/embed", &request).await.json();
    assert_eq!(length(&cohere["embeddings"]["float"][0]), 256);
    assert_eq!(length(&cohere["embeddings"]["int8"][0]), 256);
    if let Some(recorded) = recorded::json("cohere/v2.embed-unary") {
        assert_like(&cohere, &recorded, &[]);
    }
    let untyped = simulator.post("/cohere/v2/embed", &with(request, &json!({"input_type": null}))).await;
    assert!(untyped.status == 400 && untyped.text().contains("input_type"));
}

#[tokio::test]
async fn google_embeds_one_and_many() {
    let simulator = Simulator::start().await;
    let part = |text: &str| json!({"content": {"parts": [{"text": text}]}, "outputDimensionality": 32});
    let one =
        simulator.post("/gemini/v1beta/models/gemini-embedding-2:embedContent", &part("Hello")).await.json();
    assert_eq!(length(&one["embedding"]["values"]), 32);
    if let Some(recorded) = recorded::json("vertex/embedcontent-unary") {
        assert_like(&one, &recorded, &[]);
    }
    let named = with(part("Hello"), &json!({"model": "models/gemini-embedding-001"}));
    let path = "/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents";
    let many = simulator.post(path, &json!({"requests": [named, named]})).await.json();
    assert_eq!(many["embeddings"].as_array().unwrap().len(), 2);
    assert!(many.get("usageMetadata").is_none());
    assert_eq!(simulator.last_entry().await["usage"]["prompt"], 2);
    let nameless = simulator.post(path, &json!({"requests": [part("Hello")]})).await;
    assert_eq!((nameless.status, &nameless.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    let path = "/vertex/v1/projects/p/locations/global/publishers/google/models/text-embedding-004:predict";
    let request =
        json!({"instances": [{"content": "Ruby is great"}], "parameters": {"outputDimensionality": 16}});
    let predicted = simulator.post(path, &request).await.json();
    assert_eq!(length(&predicted["predictions"][0]["embeddings"]["values"]), 16);
    if let Some(recorded) = recorded::json("vertex/predict-unary") {
        assert_like(&predicted, &recorded, &[]);
        assert_eq!(predicted["metadata"], recorded["metadata"]);
    }
}

#[tokio::test]
async fn ollama_and_bedrock_embed() {
    let simulator = Simulator::start().await;
    let many = simulator
        .post("/ollama/api/embed", &json!({"model": "m", "input": ["a", "b"], "dimensions": 4}))
        .await
        .json();
    assert_eq!((many["embeddings"].as_array().unwrap().len(), length(&many["embeddings"][0])), (2, 4));
    assert_eq!(many["prompt_eval_count"], 2);
    let old = simulator.post("/ollama/api/embeddings", &json!({"model": "m", "prompt": "a"})).await.json();
    assert_eq!(length(&old["embedding"]), 768);

    let invoke = async |model: &str, body: Value| {
        simulator.call("POST", &format!("/bedrock/model/{model}/invoke"), BEARER, &body.to_string()).await
    };
    let titan =
        invoke("amazon.titan-embed-text-v2%3A0", json!({"inputText": "Hello", "dimensions": 256})).await;
    assert_eq!(titan.header("x-amzn-bedrock-input-token-count"), Some("1"));
    assert_eq!((length(&titan.json()["embedding"]), &titan.json()["inputTextTokenCount"]), (256, &json!(1)));
    let texts = json!({"texts": ["a", "b"], "input_type": "search_query"});
    let cohere = invoke("cohere.embed-english-v3", texts.clone()).await.json();
    assert_eq!(
        (cohere["embeddings"].as_array().unwrap().len(), &cohere["response_type"]),
        (2, &json!("embeddings_floats"))
    );
    let typed = invoke("cohere.embed-english-v3", with(texts.clone(), &json!({"embedding_types": ["int8"]})))
        .await
        .json();
    assert_eq!(length(&typed["embeddings"]["int8"][0]), 1024);
    let strange = invoke("cohere.embed-english-v3", with(texts, &json!({"model": "x"}))).await;
    assert!(strange.status == 400 && strange.text().contains("extraneous key [model]"));
    let image = invoke(
        "amazon.titan-embed-image-v1",
        json!({"inputText": "a", "inputImage": "AAAA",
        "embeddingConfig": {"outputEmbeddingLength": 256}}),
    )
    .await
    .json();
    assert_eq!(length(&image["embedding"]), 256);
    let nova = json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX",
        "embeddingDimension": 384, "text": {"truncationMode": "NONE", "value": "Hello"}}});
    let nova = invoke("amazon.nova-2-multimodal-embeddings-v1%3A0", nova).await.json();
    assert_eq!(
        (length(&nova["embeddings"][0]["embedding"]), &nova["embeddings"][0]["embeddingType"]),
        (384, &json!("TEXT"))
    );
    let ranked = invoke(
        "cohere.rerank-v3-5%3A0",
        json!({"query": "whales", "documents": ["a stone", "the whales"], "api_version": 2}),
    )
    .await;
    assert_eq!(ranked.json()["results"][0]["index"], 1);
}
