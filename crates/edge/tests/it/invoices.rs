//! Invoices, for operators and for those who get them.

use http::Method;
use secrecy::ExposeSecret as _;

use crate::support::Platform;
use crate::support::invoices::{INVOICE, NUMBER};

#[tokio::test]
async fn operators_close_issue_and_correct() {
    let platform = Platform::start().await;
    *platform.invoices.owner.lock().unwrap() = platform.tenant.to_string();
    let closed = platform.admin(Method::POST, "/periods/close", r#"{"period_id":"3"}"#).await;
    assert_eq!((closed.status.as_u16(), closed.json()["state"].as_str()), (200, Some("closed")));
    for body in ["{}", r#"{"period_id":"x"}"#, r#"{"period_id":"3","more":1}"#] {
        assert_eq!(platform.admin(Method::POST, "/periods/close", body).await.error().0, 400, "{body}");
    }
    assert_eq!(platform.admin(Method::GET, "/periods?after=7", "").await.json()["after"], 7);
    assert_eq!(platform.admin(Method::GET, "/invoices?period_id=3", "").await.json()["period"], 3);
    assert_eq!(platform.admin(Method::GET, "/invoices?state=lost", "").await.error().0, 400);

    let invoice = platform.admin(Method::GET, &format!("/invoices/{INVOICE}"), "").await;
    assert_eq!(invoice.json()["number"], NUMBER);
    for unknown in ["x", "01920000-0000-7000-8000-000000000001", "x.pdf"] {
        assert_eq!(platform.admin(Method::GET, &format!("/invoices/{unknown}"), "").await.error().0, 404);
    }
    let pdf = platform.admin(Method::GET, &format!("/invoices/{INVOICE}.pdf"), "").await;
    assert_eq!((pdf.header("content-type"), pdf.text()), ("application/pdf", "%PDF-1.7"));
    assert_eq!(pdf.header("content-disposition"), "inline; filename=\"INV-2026-000001.pdf\"");

    let issued = platform.admin(Method::POST, &format!("/invoices/{INVOICE}/finalise"), "").await;
    assert_eq!(issued.status, 200);
    let path = format!("/invoices/{INVOICE}/credit-notes");
    let credited = platform
        .admin(Method::POST, &path, r#"{"amount":"1.25","reason":"an outage","source_id":"o-1"}"#)
        .await;
    assert_eq!(credited.status, 200);
    let note = platform.invoices.notes.lock().unwrap()[0].clone();
    assert_eq!((note.amount, note.source_id.as_str()), (1_250_000_000, "o-1"));
    for body in
        [r#"{"amount":"0","reason":"x"}"#, r#"{"amount":"1","reason":" "}"#, r#"{"amount":1,"reason":"x"}"#]
    {
        assert_eq!(platform.admin(Method::POST, &path, body).await.error().0, 400, "{body}");
    }
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let query = "select action from identity.audit_log order by id";
    let written: Vec<String> = sqlx::query_scalar(query).fetch_all(&owner).await.unwrap();
    owner.close().await;
    assert_eq!(written, ["person.create", "period.close", "invoice.finalise", "credit_note.issue"]);
    platform.stop().await;
}

#[tokio::test]
async fn a_profile_is_checked_before_it_is_kept() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/billing-profile", platform.tenant);
    let none = platform.admin(Method::GET, &path, "").await;
    assert_eq!((none.status.as_u16(), none.text()), (200, "null"), "nothing was set, which is no error");
    let stranger = format!("/tenants/{}/billing-profile", uuid::Uuid::now_v7());
    assert_eq!(platform.admin(Method::GET, &stranger, "").await.error().0, 404);
    for bad in [
        r#"{"name":"Acme","country":"Germany"}"#,
        r#"{"name":"Acme","country":"DE","tax":"standard"}"#,
        r#"{"name":"Acme","country":"DE","tax":"exempt","tax_basis_points":7}"#,
        r#"{"name":"Acme","country":"DE","tax":"none of it"}"#,
    ] {
        assert_eq!(platform.admin(Method::PUT, &path, bad).await.error().0, 400, "{bad}");
    }
    let good = r#"{"name":"Acme","country":"DE","tax":"standard","tax_basis_points":1900}"#;
    let bearer = format!("Bearer {}", platform.demo.admin_token.expose());
    let headers = [("authorization", bearer.as_str()), ("if-match", "*")];
    let unset = platform.call_with(Method::PUT, &format!("/admin/v1{path}"), &headers, good).await;
    assert_eq!(unset.error().0, 412, "there is none that it could match");
    assert_eq!(platform.admin(Method::PUT, &path, good).await.status, 200);
    let kept = platform.invoices.profiles.lock().unwrap()[0].profile.clone().unwrap();
    assert_eq!((kept.tax.as_str(), kept.tax_basis_points), ("standard", 1_900));
    let freeze = format!("/tenants/{}/invoicing-freeze", platform.tenant);
    let frozen = platform.admin(Method::PUT, &freeze, r#"{"reason":"looks odd"}"#).await;
    assert_eq!(frozen.json()["is_frozen"], true);
    assert_eq!(platform.admin(Method::DELETE, &freeze, "").await.json()["is_frozen"], false);
    platform.stop().await;
}

#[tokio::test]
async fn tenants_read_what_is_theirs_with_a_management_key() {
    let platform = Platform::start().await;
    let key = Some(platform.demo.management_key.expose());
    let one = format!("/api/v1/invoices/{NUMBER}");
    // Somebody else's.
    assert_eq!(platform.get(&one, key).await.error().0, 404);
    assert_eq!(platform.get("/api/v1/invoices", key).await.json()["data"].as_array().unwrap().len(), 0);
    *platform.invoices.owner.lock().unwrap() = platform.tenant.to_string();
    assert_eq!(platform.get("/api/v1/invoices", key).await.json()["data"][0]["number"], NUMBER);
    assert_eq!(platform.get(&one, key).await.header("content-type"), "application/json");
    assert_eq!(
        platform.get(&format!("{one}.html"), key).await.header("content-type"),
        "text/html; charset=utf-8"
    );
    assert_eq!(platform.get(&format!("{one}.pdf"), key).await.text(), "%PDF-1.7");

    let csv = platform.get("/api/v1/usage.csv?from=2026-11-01&to=2026-11-30", key).await;
    assert_eq!((csv.status.as_u16(), csv.text()), (200, "generation_id\r\na\r\n"));
    let asked = platform.invoices.exports.lock().unwrap()[0].clone();
    assert_eq!((asked.first_day.as_str(), asked.tenant_id), ("2026-11-01", platform.tenant.to_string()));
    for bad in [
        "",
        "?from=2026-11-01",
        "?from=2026-11-02&to=2026-11-01",
        "?from=2020-01-01&to=2026-01-01",
        "?period=x",
    ] {
        assert_eq!(platform.get(&format!("/api/v1/usage.csv{bad}"), key).await.error().0, 400, "{bad}");
    }
    for path in ["/api/v1/invoices", &one, "/api/v1/usage.csv?period=1"] {
        assert_eq!(platform.get(path, None).await.error().0, 401);
        let refused = platform.get(path, Some(platform.demo.api_key.expose())).await.error().0;
        assert!(matches!(refused, 401 | 403), "{path}: {refused}");
    }
    platform.stop().await;
}
