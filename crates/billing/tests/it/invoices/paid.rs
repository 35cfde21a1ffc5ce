//! Money that came for an invoice.

use tonic::Code;

use super::books::Books;

const CENT: i64 = 10_000_000;

/// What an account of the platform owes (or is owed) by its transfers.
async fn standing(books: &Books, code: &'static str) -> i64 {
    sqlx::query_scalar(
        "select coalesce(sum(case when debit_account = billing.platform_account($1) then amount else -amount end), 0)::bigint
        from billing.transfer where billing.platform_account($1) in (debit_account, credit_account)",
    )
    .bind(code)
    .fetch_one(books.billing.admin())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_paid_invoice_leaves_nothing_open_and_the_credit_line_whole() {
    let books = Books::open().await;
    let customer = books.postpaid(100 * CENT).await;
    books.tax(&customer, "standard", 1_900).await;
    books.spend(&customer, 33 * CENT + 1_234).await;
    let before = books.billing.credits(customer.tenant).await;
    let cash = standing(&books, "cash").await;
    let invoice = books.issue(&customer).await;
    assert_eq!(
        (invoice.total("total"), invoice.answer["left"].as_str()),
        ("0.39".to_owned(), Some("0.390000000"))
    );

    let part = books.pay(invoice.id, 4 * CENT, "first").await.unwrap();
    assert_eq!(part["left"], "0.350000000");
    assert_eq!(books.pay(invoice.id, 4 * CENT, "first").await.unwrap(), part, "told twice");
    assert_eq!(books.pay(invoice.id, 5 * CENT, "first").await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(books.pay(invoice.id, 36 * CENT, "much").await.unwrap_err().code(), Code::FailedPrecondition);
    assert!(books.pay(invoice.id, CENT / 2, "half a cent").await.is_err());
    assert_eq!(books.pay(invoice.id, 35 * CENT, "rest").await.unwrap()["left"], "0.000000000");
    assert_eq!(books.pay(invoice.id, CENT, "more").await.unwrap_err().code(), Code::FailedPrecondition);

    assert_eq!(standing(&books, "receivables").await, 0, "tax and rounding are paid");
    assert_eq!(standing(&books, "cash").await, cash + 39 * CENT);
    let after = books.billing.credits(customer.tenant).await;
    assert_eq!(after.total_credits - before.total_credits, 33 * CENT + 1_234, "the charges are paid back");
    books.assert_sound().await;
    // The next one says where it came from.
    let next = books.issue(&customer).await;
    assert_eq!(next.document["account"]["movements"][0]["kind"], "invoice_payment");
    books.assert_sound().await;
}

#[tokio::test]
async fn payments_at_once_never_come_to_more_than_the_invoice() {
    let books = Books::open().await;
    let customer = books.postpaid(100 * CENT).await;
    books.spend(&customer, 20 * CENT + 6_000_000).await;
    let invoice = books.issue(&customer).await;
    let paying = (0..10).map(|n| {
        let books = &books;
        async move { books.pay(invoice.id, 7 * CENT, &format!("payment-{n}")).await }
    });
    let taken = futures::future::join_all(paying).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(taken, 3, "three times seven are the twenty-one cents that it asks for");
    assert_eq!(standing(&books, "receivables").await, 0);
    books.assert_sound().await;
}

#[tokio::test]
async fn what_was_paid_ahead_is_not_paid_again() {
    let books = Books::open().await;
    let customer = books.billing.customer(10 * CENT).await;
    books.spend(&customer, CENT).await;
    let statement = books.issue(&customer).await;
    assert_eq!(statement.answer["left"], serde_json::Value::Null);
    let refused = books.pay(statement.id, CENT, "again").await.unwrap_err();
    assert!(refused.message().contains("asks for no money"), "{refused}");
    books.assert_sound().await;
}
