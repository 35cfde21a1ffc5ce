//! How Stripe writes its objects.

use serde_json::{Value, json};

/// The kind of object that a list holds.
pub(super) fn kind(list: &str) -> &'static str {
    match list {
        "customers" => "customer",
        "payment_intents" => "payment_intent",
        "charges" => "charge",
        "refunds" => "refund",
        "disputes" => "dispute",
        "balance_transactions" => "balance_transaction",
        "payment_methods" => "payment_method",
        _ => "",
    }
}

pub(super) fn customer(id: &str, now: u64) -> Value {
    json!({
        "id": id, "object": "customer", "balance": 0, "created": now, "currency": null, "delinquent": false,
        "description": null, "email": null, "livemode": false, "metadata": {}, "name": null, "phone": null,
        "shipping": null, "tax_exempt": "none",
    })
}

pub(super) fn card(id: &str, customer: &Value, last4: &str, now: u64) -> Value {
    json!({
        "id": id, "object": "payment_method", "type": "card", "created": now, "customer": customer,
        "livemode": false, "metadata": {}, "allow_redisplay": "unspecified",
        "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
        "card": {
            "brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2034, "fingerprint": "simulated",
            "funding": "credit", "last4": last4, "display_brand": "visa",
        },
    })
}

pub(super) fn session(id: &str, url: &str, amount: i64, now: u64) -> Value {
    json!({
        "id": id, "object": "checkout.session", "url": url, "mode": "payment", "status": "open",
        "payment_status": "unpaid", "amount_subtotal": amount, "amount_total": amount, "currency": "usd",
        "created": now, "expires_at": now + 86_400, "livemode": false, "payment_intent": null, "customer": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "custom_fields": [], "custom_text": {}, "payment_method_types": ["card"], "shipping_options": [],
        "client_reference_id": null, "metadata": {}, "success_url": null, "cancel_url": null,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
    })
}

pub(super) fn intent(id: &str, amount: i64, now: u64) -> Value {
    json!({
        "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_received": 0,
        "capture_method": "automatic_async", "confirmation_method": "automatic", "created": now, "currency": "usd",
        "client_secret": format!("{id}_secret_simulated"), "customer": null, "description": null,
        "last_payment_error": null, "latest_charge": null, "livemode": false, "metadata": {}, "next_action": null,
        "payment_method": null, "payment_method_types": ["card"], "setup_future_usage": null,
        "status": "requires_payment_method",
    })
}

pub(super) fn charge(id: &str, intent: &Value, now: u64) -> Value {
    json!({
        "id": id, "object": "charge", "amount": intent["amount"], "amount_captured": 0, "amount_refunded": 0,
        "balance_transaction": null, "captured": false, "created": now, "currency": "usd",
        "billing_details": { "address": null, "email": null, "name": null, "phone": null, "tax_id": null },
        "customer": intent["customer"], "disputed": false, "failure_code": null, "failure_message": null,
        "livemode": false, "metadata": intent["metadata"], "paid": false, "payment_intent": intent["id"],
        "payment_method": intent["payment_method"], "refunded": false, "status": "failed",
    })
}

pub(super) fn refund(id: &str, intent: &Value, amount: i64, metadata: &Value, now: u64) -> Value {
    json!({
        "id": id, "object": "refund", "amount": amount, "balance_transaction": null,
        "charge": intent["latest_charge"], "created": now, "currency": "usd", "metadata": metadata,
        "payment_intent": intent["id"], "reason": null, "receipt_number": null, "status": "succeeded",
    })
}

pub(super) fn dispute(id: &str, intent: &Value, amount: i64, now: u64) -> Value {
    json!({
        "id": id, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": intent["latest_charge"],
        "created": now, "currency": "usd", "enhanced_eligibility_types": [],
        "evidence": { "enhanced_evidence": {} },
        "evidence_details": {
            "due_by": now + 7 * 86_400, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": false, "livemode": false, "metadata": {}, "payment_intent": intent["id"],
        "reason": "fraudulent", "status": "needs_response",
    })
}

pub(super) fn booked(id: &str, kind: &str, source: &str, amount: i64, fee: i64, now: u64) -> Value {
    let details = json!({
        "amount": fee, "application": null, "currency": "usd", "description": "Stripe processing fees",
        "type": "stripe_fee",
    });
    json!({
        "id": id, "object": "balance_transaction", "amount": amount, "available_on": now + 2 * 86_400,
        "balance_type": "payments", "created": now, "currency": "usd", "description": null, "exchange_rate": null,
        "fee": fee, "fee_details": if fee == 0 { json!([]) } else { json!([details]) }, "net": amount - fee,
        "reporting_category": kind, "source": source, "status": "pending", "type": kind,
    })
}
