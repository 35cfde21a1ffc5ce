//! The operators' view of endpoint health.

use http::Method;
use serde_json::json;

use crate::support::Platform;

#[tokio::test]
async fn operators_ask_for_all_endpoints_or_for_one() {
    let platform = Platform::start().await;
    let all = platform.admin(Method::GET, "/health?state=ejected&model=acme/echo&provider=acme", "").await;
    let asked = json!({ "endpoint_id": "", "state": "ejected", "model": "acme/echo", "provider": "acme" });
    assert_eq!(all.json(), json!({ "endpoints": [asked] }));
    let one = platform.admin(Method::GET, "/endpoints/e1/health", "").await.json();
    assert_eq!(one["endpoints"][0]["endpoint_id"], "e1");
    assert_eq!(platform.admin(Method::GET, "/endpoints/unknown/health", "").await.error().0, 404);
    assert_eq!(platform.admin(Method::GET, "/health?state=sleepy", "").await.error().0, 400);
    assert_eq!(platform.admin(Method::GET, "/health?stat=ejected", "").await.error().0, 400);
    let key = Some(platform.demo.management_key.expose());
    assert_eq!(platform.call(Method::GET, "/admin/v1/health", key, "").await.error().0, 401);
    platform.stop().await;
}
