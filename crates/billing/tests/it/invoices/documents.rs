//! What documents say: statements, invoices, receipts, and how they are read.

use rpc::billing::get_document_request::Form;
use rpc::billing::{
    ExportUsageRequest, GetDocumentRequest, GrantCreditRequest, ListDocumentsRequest, ListInvoicesRequest,
};
use tokio_stream::StreamExt as _;
use tonic::Code;

use super::books::{Books, json};
use crate::support::promotion;
use crate::support::records::{record, settle};

const DOLLAR: i64 = 1_000_000_000;
const CENT: i64 = 10_000_000;

#[tokio::test]
async fn who_pays_ahead_gets_a_statement_with_nothing_due() {
    let books = Books::open().await;
    let customer = books.billing.customer(5 * DOLLAR).await;
    let bought = GrantCreditRequest {
        kind: "purchase".to_owned(),
        ..promotion(customer.tenant, 10 * DOLLAR, "order")
    };
    books.billing.client.clone().grant_credit(bought).await.unwrap();
    books.spend(&customer, 1_234_567).await;
    let statement = books.issue(&customer).await;
    assert!(statement.number.starts_with("STM-"), "{}", statement.number);
    assert_eq!(statement.total("charges"), "0.001234567");
    assert_eq!(
        (statement.total("amount_due"), statement.total("rounding")),
        ("0.00".into(), "0.000000000".into())
    );
    assert_eq!(statement.document["due_on"], serde_json::Value::Null);
    let account = &statement.document["account"];
    assert_eq!(
        (account["opening"].as_str(), account["closing"].as_str()),
        (Some("0.000000000"), Some("14.998765433"))
    );
    let moved: Vec<(&str, &str)> = account["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moved| (moved["kind"].as_str().unwrap(), moved["amount"].as_str().unwrap()))
        .collect();
    assert_eq!(
        moved,
        [("promotion", "5.000000000"), ("purchase", "10.000000000"), ("usage", "-0.001234567")]
    );
    books.assert_sound().await;
}

#[tokio::test]
async fn who_pays_by_invoice_is_asked_for_what_credit_does_not_cover() {
    let books = Books::open().await;
    let customer = books.postpaid(10 * DOLLAR).await;
    let mut client = books.billing.client.clone();
    client.grant_credit(promotion(customer.tenant, DOLLAR, "welcome")).await.unwrap();
    books.spend(&customer, 40 * CENT).await;
    let first = books.issue(&customer).await;
    assert!(first.number.starts_with("INV-"), "{}", first.number);
    assert_eq!(
        (first.total("covered_by_credit"), first.total("amount_due")),
        ("0.400000000".into(), "0.00".into())
    );
    // 60 cents of the promotion are left for the next.
    books.spend(&customer, 200 * CENT + 4_999_999).await;
    let second = books.issue(&customer).await;
    assert_eq!(second.total("covered_by_credit"), "0.600000000");
    assert_eq!((second.total("unrounded"), second.total("total")), ("1.404999999".into(), "1.40".into()));
    assert_eq!(second.total("rounding"), "-0.004999999");
    let rounding =
        "select sum(case when debit_account = billing.platform_account('rounding') then amount else -amount
        end)::bigint from billing.transfer where kind = 'rounding'";
    assert_eq!(books.billing.count(rounding).await, 4_999_999);
    assert!(second.document["due_on"].is_string());
    books.assert_sound().await;
}

#[tokio::test]
async fn tax_is_computed_once_on_the_rounded_subtotal() {
    let books = Books::open().await;
    for (tax, points, net, expected) in [
        ("standard", 1_900, 133 * CENT, "0.25"),
        ("standard", 750, 100 * CENT, "0.08"),
        ("standard", 250, 100 * CENT, "0.02"),
        ("reverse_charge", 0, 133 * CENT, "0.00"),
        ("exempt", 0, 133 * CENT, "0.00"),
    ] {
        let customer = books.postpaid(10 * DOLLAR).await;
        books.tax(&customer, tax, points).await;
        books.spend(&customer, net).await;
        let invoice = books.issue(&customer).await;
        assert_eq!(invoice.total("tax"), expected, "{tax} {points}");
        assert_eq!(invoice.document["tax"]["treatment"], tax);
        assert_eq!(invoice.document["customer"]["name"], "Beispiel GmbH");
    }
    books.assert_sound().await;
}

#[tokio::test]
async fn every_purchase_gets_one_receipt() {
    let books = Books::open().await;
    let customer = books.billing.customer(5).await;
    for order in ["order-1", "order-2"] {
        let bought =
            GrantCreditRequest { kind: "purchase".to_owned(), ..promotion(customer.tenant, DOLLAR, order) };
        books.billing.client.clone().grant_credit(bought).await.unwrap();
    }
    let issuing = (0..6).map(|_| books.receipts());
    futures::future::join_all(issuing).await;
    books.receipts().await;
    assert_eq!(books.billing.count("select count(*) from billing.document where kind = 'receipt'").await, 2);
    let list =
        ListDocumentsRequest { tenant_id: customer.tenant.to_string(), ..ListDocumentsRequest::default() };
    let listed = json(&books.client.clone().list_documents(list).await.unwrap().into_inner().body_json);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed["data"][0]["total"], "1.000000000");
    books.assert_sound().await;
}

#[tokio::test]
async fn documents_are_read_by_their_owner_alone() {
    let books = Books::open().await;
    let (customer, other) = (books.billing.customer(1_000).await, books.billing.customer(1_000).await);
    books.spend(&customer, 7).await;
    let invoice = books.issue(&customer).await;
    let request = |tenant: identity::TenantId, form: Form| GetDocumentRequest {
        tenant_id: tenant.to_string(),
        number: invoice.number.clone(),
        form: form.into(),
        ..GetDocumentRequest::default()
    };
    let mut client = books.client.clone();
    for (form, begins) in
        [(Form::Json, "{\"account\":"), (Form::Html, "<!doctype html>"), (Form::Pdf, "%PDF-1.7")]
    {
        let found = client.get_document(request(customer.tenant, form)).await.unwrap().into_inner();
        assert!(found.body.starts_with(begins.as_bytes()), "{form:?}");
        assert_eq!(invoice.answer["sha256"], found.sha256.as_str());
    }
    let foreign = client.get_document(request(other.tenant, Form::Json)).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
}

#[tokio::test]
async fn drafts_can_be_looked_at_and_lists_are_paged() {
    let books = Books::open().await;
    let customer = books.billing.customer(1_000).await;
    for nanos in [1, 2, 3] {
        books.spend(&customer, nanos).await;
        let invoice = books.invoice_of(&customer, books.close().await).await;
        assert_eq!(books.document_of(invoice).await["number"], "");
        assert!(books.rendered(invoice, Form::Pdf).await.starts_with(b"%PDF"));
    }
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let request = ListInvoicesRequest {
            tenant_id: customer.tenant.to_string(),
            after: after.clone(),
            limit: 2,
            ..ListInvoicesRequest::default()
        };
        let listed = json(&books.client.clone().list_invoices(request).await.unwrap().into_inner().body_json);
        let charges =
            listed["data"].as_array().unwrap().iter().map(|row| row["charges"].as_str().unwrap().to_owned());
        seen.extend(charges);
        match listed["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen, ["0.000000003", "0.000000002", "0.000000001"]);
}

#[tokio::test]
async fn usage_is_exported_row_by_row() {
    let books = Books::open().await;
    let (customer, other) = (books.billing.customer(1_000_000).await, books.billing.customer(1_000).await);
    books.spend(&other, 9).await;
    let mut batch = Vec::new();
    for n in 0..1_203 {
        let granted = books.edge.ask(&customer, 2).await.unwrap();
        let mut record = record(&customer, &granted, 2);
        record.end_user = format!("user \"{n}\", desk\n{n}");
        batch.push(record);
    }
    for batch in batch.chunks(200) {
        settle(&books.billing.client, batch).await;
    }
    let period_id = books.close().await;
    let request = ExportUsageRequest {
        tenant_id: customer.tenant.to_string(),
        period_id,
        ..ExportUsageRequest::default()
    };
    let mut pieces = books.client.clone().export_usage(request).await.unwrap().into_inner();
    let (mut csv, mut count) = (String::new(), 0);
    while let Some(piece) = pieces.next().await {
        csv.push_str(std::str::from_utf8(&piece.unwrap().csv).unwrap());
        count += 1;
    }
    assert_eq!(count, 2);
    assert!(csv.starts_with("generation_id,occurred_at,settled_at,"));
    assert_eq!(csv.matches("\r\n").count(), 1_204);
    assert!(csv.contains("\"user \"\"7\"\", desk\n7\""));
    assert_eq!(csv.matches("0.000000002").count(), 3 * 1_203, "cost, due and charge of each row");
}
