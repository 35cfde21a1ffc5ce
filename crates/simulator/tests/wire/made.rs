//! Rankings, and how scripts apply to what is made at once.

use serde_json::{Value, json};

use crate::client::{Simulator, with};
use crate::recorded::{self, assert_like};

#[tokio::test]
async fn documents_are_ranked_by_nearness() {
    let simulator = Simulator::start().await;
    let request = json!({"model": "rerank-v3.5", "query": "Who won the World Cup in 2022?", "top_n": 2, "documents": [
        "Paul Graham is the founder of Y Combinator.", "Lionel Messi won his first World Cup in 2022.", "A stone."]});
    let ranked = simulator.post("/cohere/v2/rerank", &request).await.json();
    let results = ranked["results"].as_array().unwrap();
    assert_eq!((results.len(), &results[0]["index"]), (2, &json!(1)));
    assert!(results[0]["relevance_score"].as_f64() > results[1]["relevance_score"].as_f64());
    if let Some(recorded) = recorded::json("cohere/v2.rerank-unary") {
        assert_like(&ranked, &recorded, &[]);
    }
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["operation"], &entry["usage"]["search_units"]), (&json!("rerank"), &json!(1)));
    let strange = simulator.post("/cohere/v2/rerank", &with(request.clone(), &json!({"top_k": 1}))).await;
    assert!(strange.status == 422 && strange.text().contains("top_k"));
    let returned = with(request, &json!({"return_documents": true}));
    let ranked = simulator.post("/p/jina/openai/v1/rerank", &returned).await.json();
    assert!(ranked["results"][0]["document"]["text"].is_string());
}

#[tokio::test]
async fn scripts_apply_to_everything() {
    let simulator = Simulator::start().await;
    simulator.put_fault("/p/e/_admin/faults/*", &json!({"status": 503, "times": 1})).await;
    let request = json!({"model": "m", "input": "Hello"});
    let post = async |path: &str, body: &Value| simulator.post(path, body).await;
    let path = "/p/e/openai/v1/embeddings";
    assert_eq!([post(path, &request).await.status, post(path, &request).await.status], [503, 200]);
    let cut = json!({"model": "m", "input": "Hello [[sim: cut_at_byte=50]]"});
    assert!(!post(path, &cut).await.whole);
    let silent = json!({"model": "m", "input": "Hello [[sim: no_usage]]"});
    assert!(post(path, &silent).await.json().get("usage").is_none());
    let entry = simulator.last_entry().await;
    assert_eq!((&entry["says_usage"], &entry["outcome"]), (&json!(false), &json!("complete")));
    let garbage = json!({"model": "rerank", "query": "x [[sim: garbage]]", "documents": ["a"]});
    assert!(serde_json::from_slice::<Value>(&post("/cohere/v2/rerank", &garbage).await.body).is_err());
}

#[tokio::test]
async fn requests_are_kept_as_they_arrived_without_credentials() {
    let simulator = Simulator::start().await;
    let body = json!({"model": "m", "input": "Hello", "extra": [1, 2]});
    let headers = "authorization: Bearer sk-very-secret\r\nx-api-key: sk-other-secret\r\nx-trace: abc\r\ncontent-type: application/json\r\n";
    simulator
        .call("POST", "/p/e/openai/v1/embeddings?key=sk-third-secret&a=b", headers, &body.to_string())
        .await;
    simulator.post("/openai/v1/embeddings", &json!({"model": "other", "input": "x"})).await;
    let kept = simulator.get("/_admin/requests?provider=e").await;
    let [request] = &kept.as_array().unwrap()[..] else { panic!("{kept}") };
    assert_eq!((&request["body"], &request["path"]), (&body, &json!("/p/e/openai/v1/embeddings")));
    assert_eq!((&request["headers"]["x-trace"], &request["model"]), (&json!("abc"), &json!("m")));
    assert_eq!(request["headers"]["authorization"], "Bearer ***");
    assert!(!kept.to_string().contains("secret"));
    let last = simulator.get("/_admin/requests?limit=1").await;
    assert_eq!(last[0]["model"], "other");
    assert_eq!(simulator.call("DELETE", "/_admin/requests", "", "").await.status, 204);
    assert_eq!(simulator.get("/_admin/requests").await, json!([]));
}
