//! What the stand-in remembers, and what becomes of it.

use std::collections::HashMap;

use http::StatusCode;
use serde_json::{Value, json};

use crate::config::StripeConfig;
use crate::simulator::unix_millis;

use super::cards::{self, Habit};
use super::form::Form;
use super::objects;
use super::refusal::Refusal;
use super::webhook::{Outbox, Post};

/// What a dispute costs, in cents.
const DISPUTE_FEE: i64 = 1_500;
const API_VERSION: &str = "2026-09-30.endive";

/// What a key was answered with.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) request: String,
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// What the intent of a session is made with.
#[derive(Debug, Clone, Default)]
struct Plan {
    metadata: Value,
    usage: Value,
    makes_customer: bool,
}

#[derive(Debug, Default)]
struct Faults {
    drop_answers: i64,
    fail_refunds: i64,
    mute: bool,
}

#[derive(Debug)]
pub(super) struct State {
    began: u64,
    made: u64,
    objects: HashMap<String, Value>,
    /// Ids, oldest first.
    order: Vec<String>,
    /// Numbers of cards by payment method.
    numbers: HashMap<String, String>,
    plans: HashMap<String, Plan>,
    keys: HashMap<String, Kept>,
    events: Vec<Value>,
    faults: Faults,
    url: String,
    secret: String,
    outbox: Outbox,
}

impl State {
    pub(super) fn new(config: &StripeConfig, began: u64, outbox: Outbox) -> Self {
        Self {
            began,
            made: 0,
            objects: HashMap::new(),
            order: Vec::new(),
            numbers: HashMap::new(),
            plans: HashMap::new(),
            keys: HashMap::new(),
            events: Vec::new(),
            faults: Faults::default(),
            url: config.webhook_url.clone(),
            secret: config.webhook_secret.clone(),
            outbox,
        }
    }

    pub(super) fn kept(&self, key: &str) -> Option<&Kept> {
        self.keys.get(key)
    }

    pub(super) fn keep(&mut self, key: String, request: String, status: StatusCode, body: Value) {
        self.keys.insert(key, Kept { request, status, body });
    }

    pub(super) fn set_webhook(&mut self, url: String, secret: String) {
        (self.url, self.secret) = (url, secret);
    }

    pub(super) fn set_faults(&mut self, said: &Value) {
        let count = |name: &str| said[name].as_i64().unwrap_or(0);
        self.faults = Faults {
            drop_answers: count("drop_answers"),
            fail_refunds: count("fail_refunds"),
            mute: said["mute"].as_bool().unwrap_or(false),
        };
    }

    pub(super) fn drops_answer(&mut self) -> bool {
        let drops = self.faults.drop_answers > 0;
        self.faults.drop_answers -= i64::from(drops);
        drops
    }

    pub(super) fn show(&self, kind: &str, id: &str) -> Result<Value, Refusal> {
        let found = self.objects.get(id).filter(|found| found["object"] == kind);
        found.cloned().ok_or_else(|| Refusal::missing(kind, id))
    }

    /// Newest first, as Stripe does.
    pub(super) fn list(&self, kind: &str, query: &Form) -> Value {
        let fits = |object: &&Value| {
            object["object"] == kind
                && ["payment_intent", "customer"]
                    .iter()
                    .all(|name| query.get(name).is_none_or(|wanted| object[*name].as_str() == Some(wanted)))
        };
        let found = self.order.iter().rev().filter_map(|id| self.objects.get(id)).filter(fits);
        let limit = usize::try_from(query.number("limit").unwrap_or(10)).unwrap_or(10);
        let data: Vec<Value> = found.cloned().collect();
        let has_more = data.len() > limit;
        let data: Vec<Value> = data.into_iter().take(limit).collect();
        json!({ "object": "list", "url": format!("/v1/{kind}s"), "has_more": has_more, "data": data })
    }

    /// Replaces the id at a path such as `latest_charge.balance_transaction` by its object.
    pub(super) fn expand(&self, value: &mut Value, path: &str) {
        let (head, rest) = path.split_once('.').unwrap_or((path, ""));
        let Some(member) = value.get_mut(head) else { return };
        if let Some(object) = member.as_str().and_then(|id| self.objects.get(id)) {
            *member = object.clone();
        }
        if rest.is_empty() {
            return;
        }
        match member {
            Value::Array(members) => members.iter_mut().for_each(|member| self.expand(member, rest)),
            member => self.expand(member, rest),
        }
    }

    pub(super) fn open_customer(&mut self, form: &Form) -> Value {
        let id = self.id("cus");
        let mut customer = objects::customer(&id, now());
        customer["metadata"] = form.map("metadata");
        customer["email"] = form.get("email").into();
        self.put(customer)
    }

    pub(super) fn open_session(&mut self, form: &Form, base: &str) -> Result<Value, Refusal> {
        if form.get("mode") != Some("payment") {
            return Err(Refusal::invalid(400, "Only `mode=payment` is simulated."));
        }
        let item = |n: i32, name: &str| format!("line_items[{n}]{name}");
        let mut total = 0;
        for n in 0.. {
            let Some(price) = form.number(&item(n, "[price_data][unit_amount]")) else { break };
            total += price * form.number(&item(n, "[quantity]")).unwrap_or(1);
        }
        if total < 50 {
            return Err(Refusal::invalid(
                400,
                "The Checkout Session's total amount due must add up to at least $0.50 usd",
            ));
        }
        if let Some(customer) = form.get("customer") {
            self.show("customer", customer)?;
        }
        let id = self.id("cs_test");
        let mut session = objects::session(&id, &format!("{base}/pay/{id}"), total, now());
        for name in ["customer", "client_reference_id", "success_url", "cancel_url"] {
            session[name] = form.get(name).into();
        }
        session["metadata"] = form.map("metadata");
        let plan = Plan {
            metadata: form.map("payment_intent_data[metadata]"),
            usage: form.get("payment_intent_data[setup_future_usage]").into(),
            makes_customer: form.get("customer_creation") == Some("always"),
        };
        self.plans.insert(id, plan);
        Ok(self.put(session))
    }

    pub(super) fn expire_session(&mut self, id: &str) -> Result<Value, Refusal> {
        let mut session = self.show("checkout.session", id)?;
        if session["status"] != "open" {
            return Err(Refusal::invalid(
                400,
                "Only Checkout Sessions with a status of `open` can be expired.",
            ));
        }
        session["status"] = "expired".into();
        session["url"] = Value::Null;
        let session = self.put(session);
        self.tell("checkout.session.expired", &session);
        Ok(session)
    }

    /// Pays a session with a card. Where its payer is led then.
    pub(super) fn pay(&mut self, id: &str, number: &str) -> Result<String, Refusal> {
        let mut session = self.show("checkout.session", id)?;
        if session["status"] != "open" {
            return Err(Refusal::invalid(400, "This page is closed."));
        }
        let plan = self.plans.get(id).cloned().unwrap_or_default();
        if session["customer"].is_null() && plan.makes_customer {
            session["customer"] = self.open_customer(&Form::default())["id"].clone();
        }
        let method_id = self.id("pm");
        self.numbers.insert(method_id.clone(), number.to_owned());
        let method = objects::card(&method_id, &session["customer"], cards::last4(number), now());
        self.put(method);
        let mut intent = match session["payment_intent"].as_str() {
            Some(intent) => self.show("payment_intent", intent)?,
            None => objects::intent(&self.id("pi"), session["amount_total"].as_i64().unwrap_or(0), now()),
        };
        intent["customer"] = session["customer"].clone();
        intent["metadata"] = plan.metadata;
        intent["setup_future_usage"] = plan.usage;
        intent["payment_method"] = method_id.into();
        session["payment_intent"] = intent["id"].clone();
        self.put(session.clone());
        let paid = self.confirm(intent, true);
        if paid.is_ok() {
            session["status"] = "complete".into();
            session["payment_status"] = "paid".into();
            session["url"] = Value::Null;
            let session = self.put(session.clone());
            self.tell("checkout.session.completed", &session);
        }
        let intent = paid?;
        if cards::habit(number) == Habit::Disputes {
            self.dispute(intent["id"].as_str().unwrap_or_default(), None)?;
        }
        Ok(session["success_url"].as_str().unwrap_or_default().to_owned())
    }

    /// Charges a saved card.
    pub(super) fn charge(&mut self, form: &Form) -> Result<Value, Refusal> {
        let amount = form.number("amount").filter(|amount| *amount >= 50);
        let amount = amount.ok_or_else(|| Refusal::invalid(400, "Amount must be at least $0.50 usd"))?;
        let mut intent = objects::intent(&self.id("pi"), amount, now());
        for name in ["customer", "payment_method", "description"] {
            intent[name] = form.get(name).into();
        }
        intent["metadata"] = form.map("metadata");
        if form.get("confirm") != Some("true") {
            return Ok(self.put(intent));
        }
        let method = self.show("payment_method", form.get("payment_method").unwrap_or_default())?;
        if method["customer"] != intent["customer"] || method["customer"].is_null() {
            return Err(Refusal::invalid(400, "The provided PaymentMethod does not belong to the Customer."));
        }
        self.confirm(intent, false)
    }

    fn confirm(&mut self, mut intent: Value, owner_is_there: bool) -> Result<Value, Refusal> {
        let number = self.numbers.get(intent["payment_method"].as_str().unwrap_or_default()).cloned();
        let decline = match cards::habit(number.as_deref().unwrap_or_default()) {
            Habit::Declines(reason) => Some(reason),
            Habit::PaysOnce if !owner_is_there => Some("generic_decline"),
            _ => None,
        };
        let mut charge = objects::charge(&self.id("ch"), &intent, now());
        intent["latest_charge"] = charge["id"].clone();
        if let Some(reason) = decline {
            charge["failure_code"] = "card_declined".into();
            self.put(charge.clone());
            self.tell("charge.failed", &charge);
            let refusal = Refusal::declined(reason, &intent);
            intent["last_payment_error"] = refusal.body()["error"].clone();
            intent["last_payment_error"]["payment_intent"] = Value::Null;
            let intent = self.put(intent);
            self.tell("payment_intent.payment_failed", &intent);
            return Err(Refusal::declined(reason, &intent));
        }
        let amount = intent["amount"].as_i64().unwrap_or(0);
        // 2.9 % and 30 cents.
        let booked = self.book("charge", &charge["id"], amount, (amount * 29 + 500) / 1_000 + 30);
        charge["balance_transaction"] = booked["id"].clone();
        charge["amount_captured"] = amount.into();
        charge["paid"] = true.into();
        charge["captured"] = true.into();
        charge["status"] = "succeeded".into();
        let charge = self.put(charge);
        intent["amount_received"] = amount.into();
        intent["status"] = "succeeded".into();
        intent["last_payment_error"] = Value::Null;
        let intent = self.put(intent);
        self.tell("charge.succeeded", &charge);
        self.tell("payment_intent.succeeded", &intent);
        Ok(intent)
    }

    pub(super) fn refund(&mut self, form: &Form) -> Result<Value, Refusal> {
        let intent = self.show("payment_intent", form.get("payment_intent").unwrap_or_default())?;
        let mut charge = self.show("charge", intent["latest_charge"].as_str().unwrap_or_default())?;
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let left = number(&charge["amount_captured"]) - number(&charge["amount_refunded"]);
        let amount = form.number("amount").unwrap_or(left);
        if charge["disputed"] == true || left == 0 {
            return Err(Refusal::invalid(400, "The charge has been refunded or charged back."));
        }
        if amount < 1 || amount > left {
            return Err(Refusal::invalid(400, "Refund amount is greater than unrefunded amount on charge"));
        }
        if self.faults.fail_refunds > 0 {
            self.faults.fail_refunds -= 1;
            return Err(Refusal::invalid(400, "The refund cannot be made."));
        }
        let mut refund = objects::refund(&self.id("re"), &intent, amount, &form.map("metadata"), now());
        let booked = self.book("refund", &refund["id"], -amount, 0);
        refund["balance_transaction"] = booked["id"].clone();
        charge["amount_refunded"] = (number(&charge["amount_refunded"]) + amount).into();
        charge["refunded"] = (amount == left).into();
        let (refund, charge) = (self.put(refund), self.put(charge));
        self.tell("refund.created", &refund);
        self.tell("charge.refunded", &charge);
        Ok(refund)
    }

    /// The payer's bank takes `amount` back, all of it when none is said.
    pub(super) fn dispute(&mut self, intent: &str, amount: Option<i64>) -> Result<Value, Refusal> {
        let intent = self.show("payment_intent", intent)?;
        let mut charge = self.show("charge", intent["latest_charge"].as_str().unwrap_or_default())?;
        let amount = amount.or(charge["amount"].as_i64()).unwrap_or(0);
        let mut dispute = objects::dispute(&self.id("du"), &intent, amount, now());
        let booked = self.book("adjustment", &dispute["id"], -amount, DISPUTE_FEE);
        dispute["balance_transactions"] = json!([booked]);
        charge["disputed"] = true.into();
        self.put(charge);
        let dispute = self.put(dispute);
        self.tell("charge.dispute.created", &dispute);
        self.tell("charge.dispute.funds_withdrawn", &dispute);
        Ok(dispute)
    }

    pub(super) fn close_dispute(&mut self, id: &str, status: &str) -> Result<Value, Refusal> {
        let mut dispute = self.show("dispute", id)?;
        if status == "won" {
            let booked = self.book("adjustment", &dispute["id"], dispute["amount"].as_i64().unwrap_or(0), 0);
            if let Some(list) = dispute["balance_transactions"].as_array_mut() {
                list.push(booked);
            }
        }
        dispute["status"] = status.into();
        let dispute = self.put(dispute);
        self.tell("charge.dispute.closed", &dispute);
        if status == "won" {
            self.tell("charge.dispute.funds_reinstated", &dispute);
        }
        Ok(dispute)
    }

    pub(super) fn events(&self) -> Value {
        Value::Array(self.events.clone())
    }

    pub(super) fn deliver_again(&self, id: &str) -> Result<Value, Refusal> {
        let event = self.events.iter().find(|event| event["id"] == id);
        let event = event.ok_or_else(|| Refusal::missing("event", id))?;
        self.send(event);
        Ok(event.clone())
    }

    fn tell(&mut self, kind: &str, object: &Value) {
        let event = json!({
            "id": self.id("evt"), "object": "event", "api_version": API_VERSION, "created": now(),
            "data": { "object": object }, "livemode": false, "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null }, "type": kind,
        });
        if !self.faults.mute {
            self.send(&event);
        }
        self.events.push(event);
    }

    fn send(&self, event: &Value) {
        if self.url.is_empty() {
            return;
        }
        let (url, secret) = (self.url.clone(), self.secret.clone());
        // Nobody listens any more once the server stops.
        let _ = self.outbox.send(Post { url, secret, body: event.to_string() });
    }

    fn book(&mut self, kind: &str, source: &Value, amount: i64, fee: i64) -> Value {
        let id = self.id("txn");
        self.put(objects::booked(&id, kind, source.as_str().unwrap_or_default(), amount, fee, now()))
    }

    fn put(&mut self, object: Value) -> Value {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        if self.objects.insert(id.clone(), object.clone()).is_none() {
            self.order.push(id);
        }
        object
    }

    fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}_sim{:x}x{:x}", self.began, self.made)
    }
}

fn now() -> u64 {
    unix_millis() / 1_000
}
