use serde_json::json;

use crate::client::{Simulator, chat, with};

const PATH: &str = "/openai/v1/chat/completions";

#[tokio::test]
async fn scripts_are_set_per_provider_and_model() {
    let simulator = Simulator::start().await;
    simulator.put_fault("/_admin/faults/org/some-model", &json!({"status": 500})).await;
    simulator
        .put_fault("/p/a/_admin/faults/*", &json!([{"status": 429, "times": 1}, {"status": 503, "times": 1}]))
        .await;
    let status = async |path: &str, model: &str| {
        simulator.post(path, &with(chat("Hi"), &json!({"model": model}))).await.status
    };
    assert_eq!(status(PATH, "org/some-model").await, 500);
    assert_eq!(status(PATH, "other").await, 200);
    let a = "/p/a/openai/v1/chat/completions";
    let seen = [status(a, "other").await, status(a, "other").await, status(a, "other").await];
    assert_eq!(seen, [429, 503, 200]);
    assert_eq!(simulator.get("/_admin/faults").await.as_array().unwrap().len(), 3);
    assert_eq!(simulator.call("DELETE", "/_admin/faults/org/some-model", "", "").await.status, 204);
    assert_eq!(status(PATH, "org/some-model").await, 200);
    let bad = simulator.call("PUT", "/_admin/faults/*", "", "{\"statsu\": 1}").await;
    assert!(bad.status == 400 && bad.text().contains("statsu"));
}

#[tokio::test]
async fn the_log_is_filtered_and_forgotten() {
    let simulator = Simulator::start().await;
    simulator.post(PATH, &chat("one")).await;
    simulator.post("/p/b/openai/v1/chat/completions", &chat("two")).await;
    simulator.last_entry().await;
    let log = simulator.get("/_admin/log?provider=b").await;
    assert_eq!(log.as_array().unwrap().len(), 1);
    assert_eq!(log[0]["request"]["messages"][0]["content"], "two");
    let state = simulator.get("/_admin/state").await;
    let totals = state["totals"].as_array().unwrap();
    assert_eq!(totals.len(), 2);
    assert_eq!((&totals[0]["totals"]["requests"], &totals[0]["totals"]["complete"]), (&json!(1), &json!(1)));
    assert_eq!(simulator.call("DELETE", "/_admin/state", "", "").await.status, 204);
    assert_eq!(simulator.get("/_admin/log").await, json!([]));
    assert_eq!(simulator.call("GET", "/nowhere", "", "").await.status, 404);
    assert_eq!(simulator.call("GET", "/healthz", "", "").await.status, 200);
}
