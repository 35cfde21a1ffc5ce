//! What people change, and what billing does by itself: credit, limits, prices, plans, sweeps, periods.

use rand::RngExt as _;
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use super::faults::Reply;
use super::world::{Edge, Key, Limit, Price, Tenant, Worker, World};

/// What a sweep of billing does, each a transaction of its own.
const SWEEP: [&str; 8] = [
    "select billing.lease_fence(660000, 500) where $1 is not null",
    "select billing.resolve_due(500) where $1 is not null",
    "select billing.resolve_due(500) where $1 is not null",
    "select billing.lease_free_idle(500, 660000) where $1 is not null",
    "select billing.lease_free(500) where $1 is not null",
    "select billing.lease_finish(500) where $1 is not null",
    "select billing.expire_promotions(100) where $1 is not null",
    "select billing.refit(900000, 100) where $1 is not null",
];

/// Who issues documents.
const ISSUER: &str = r#"{"code": "main", "name": "Patchbay Ltd", "address": [], "country": "IE", "tax_id": "",
    "registration": "", "email": "", "tax_name": "VAT", "payment_instructions": []}"#;

impl World {
    /// The world as it is before anything happens.
    pub(super) async fn found(&mut self) {
        for n in 0..self.random.random_range(2..4) {
            self.edges.push(Edge {
                name: format!("edge-{n}"),
                is_up: false,
                epoch: 0,
                extended_until: 0,
                pool: Vec::new(),
                outbox: Vec::new(),
            });
            self.start_edge(n).await;
        }
        for n in 0..self.random.random_range(1..4) {
            self.workers.push(Worker { name: format!("worker-{n}"), is_up: true, spool: Default::default() });
            self.start_worker(n).await;
        }
        self.put_price().await;
        for n in 0..2 {
            self.open_tenant(n).await;
        }
    }

    async fn open_tenant(&mut self, n: usize) {
        let line = if self.chance(25) { self.random.random_range(1..50_000_000) } else { 0 };
        let id = self.id();
        let keys = (0..2).map(|_| Key { id: self.id(), accounts: Vec::new() }).collect();
        let tenant =
            Tenant { id, plan: format!("plan-{n}"), markup: 0, line, workspace: self.id(), keys, granted: 0 };
        self.tenants.push(tenant);
        self.put_plan(n).await;
        let open = json!({"tenant": id, "plan": self.tenants[n].plan});
        let sql = "select billing.open_tenant(($1->>'tenant')::uuid, $1->>'plan', 0)";
        self.call("a tenant is opened".to_owned(), sql, &open).await;
        self.session.raw("set constraints all immediate; set constraints all deferred").await;
        self.grant_credit(n).await;
        for key in 0..2 {
            if self.chance(50) {
                self.put_key_limit(n, key).await;
            }
        }
        if self.chance(50) {
            self.put_budget(n).await;
        }
        self.read_terms(n).await;
    }

    /// Edges look up what a tenant's keys reserve from.
    pub(super) async fn read_terms(&mut self, tenant: usize) {
        for key in 0..self.tenants[tenant].keys.len() {
            let of = &self.tenants[tenant];
            let asked = json!({"tenant": of.id, "key": of.keys[key].id, "workspace": of.workspace});
            let sql =
                "select account_id from billing.spend_accounts(($1->>'tenant')::uuid, ($1->>'key')::uuid,
                ($1->>'workspace')::uuid, null, '{}', '{}')";
            let rows = self.session.query(sql, &asked).await;
            let accounts = rows.iter().map(|row| row.get("account_id")).collect();
            self.tenants[tenant].keys[key].accounts = accounts;
        }
    }

    pub(super) async fn put_price(&mut self) {
        let (id, book) = (self.id(), self.draw_book());
        let listed = |rates: &pricing::Rates| -> Value {
            pricing::Class::ALL
                .iter()
                .take(10)
                .map(|class| rates.listed(*class).map(pricing::Rate::picos))
                .collect()
        };
        let tiers: Vec<Value> = book
            .tiers
            .iter()
            .map(|tier| json!({"above": tier.above_prompt_tokens, "rates": listed(&tier.rates)}))
            .collect();
        let row = json!({"id": id, "base": listed(&book.base), "tiers": tiers});
        let sql = "insert into billing.price_version (price_version_id, provider, model, base, tiers)
            select ($1->>'id')::uuid, 'openai', 'openai/gpt-4o', r.base, r.tiers
            from jsonb_to_record($1) r(base bigint[], tiers jsonb) on conflict do nothing";
        // Nothing is admitted at a price that billing does not have for sure.
        if self.call("the price changes".to_owned(), sql, &row).await.is_answered() {
            self.prices.push(Price { id, book });
        }
    }

    pub(super) async fn put_plan(&mut self, tenant: usize) {
        let markup = self.random.random_range(0..3_000);
        let (plan, line) = (self.tenants[tenant].plan.clone(), self.tenants[tenant].line);
        let terms = json!({"name": plan, "terms": {"markup_bps": markup, "purchase_fee_bps": 0, "purchase_fee_min": 0,
            "own_key_fee_bps": 0, "own_key_allowance": null, "credit_limit": line, "overrides": [],
            "payment": if line > 0 { "postpaid" } else { "prepaid" }}});
        let sql = "select version from billing.put_plan($1->>'name', $1->'terms', 'simulation', false)";
        if self.call(format!("{plan} has a markup of {markup}"), sql, &terms).await.is_answered() {
            self.tenants[tenant].markup = markup;
        }
    }

    pub(super) async fn grant_credit(&mut self, tenant: usize) {
        // Of the size of some requests, so that money runs short.
        let amount = self.random.random_range(1_000_000..150_000_000_i64);
        let is_promotion = self.chance(40);
        let expires = (is_promotion && self.chance(60))
            .then(|| (self.now_ms + self.random.random_range(10_000..200_000_000)) as f64 / 1_000.0);
        let credit = json!({"tenant": self.tenants[tenant].id, "amount": amount, "source": self.id(), "place": tenant,
            "kind": if is_promotion { "promotion" } else { "purchase" }, "expires": expires, "counted": false});
        self.books.credits.push(credit);
        self.say_credit().await;
    }

    /// Says the last credit that was not answered, again if need be.
    pub(super) async fn say_credit(&mut self) {
        let Some(mut credit) = self.books.credits.pop() else { return };
        let sql = "select billing.grant_credit(($1->>'tenant')::uuid, ($1->>'amount')::bigint, $1->>'kind',
            $1->>'source', 'simulation', to_timestamp(($1->>'expires')::numeric))";
        let what = format!("{} {} for tenant {}", credit["amount"], credit["kind"], credit["place"]);
        let reply = self.call(what, sql, &credit).await;
        if reply.happened() && credit["counted"] == false {
            let place = usize::try_from(credit["place"].as_u64().unwrap()).unwrap();
            self.tenants[place].granted += credit["amount"].as_i64().unwrap();
            credit["counted"] = true.into();
        }
        if !reply.is_answered() || !self.is_calm && self.chance(10) {
            self.books.credits.push(credit);
        }
    }

    pub(super) async fn put_key_limit(&mut self, tenant: usize, key: usize) {
        let id = self.tenants[tenant].keys[key].id;
        let sql = "select billing.put_key_limit(($1->>'tenant')::uuid, ($1->>'subject')::uuid,
            ($1->>'limit')::bigint, $1->>'reset')";
        self.put_limit(tenant, id, sql).await;
    }

    pub(super) async fn put_budget(&mut self, tenant: usize) {
        let id = self.tenants[tenant].workspace;
        let sql = "select billing.put_budget(($1->>'tenant')::uuid, 'workspace', ($1->>'subject')::uuid,
            $1->>'reset', ($1->>'limit')::bigint)";
        self.put_limit(tenant, id, sql).await;
    }

    async fn put_limit(&mut self, tenant: usize, subject: Uuid, sql: &'static str) {
        let resets = ["", "daily", "weekly", "monthly"];
        let reset = self.pick(&resets).unwrap();
        let reset =
            self.limits.iter().find(|limit| limit.subject == subject).map_or(reset, |limit| limit.reset);
        let limit = (!self.chance(15)).then(|| self.random.random_range(0..60_000_000_i64));
        let asked =
            json!({"tenant": self.tenants[tenant].id, "subject": subject, "limit": limit, "reset": reset});
        let reply = self.call(format!("{subject} may spend {limit:?} {reset}"), sql, &asked).await;
        if reply.happened() {
            let now = self.now_ms;
            match self.limits.iter_mut().find(|limit| limit.subject == subject) {
                Some(known) => known.was.push((now, limit)),
                None => self.limits.push(Limit { subject, reset, was: vec![(now, limit)] }),
            }
            if self.chance(80) {
                self.read_terms(tenant).await;
            }
        }
    }

    /// Billing sweeps; each of its steps may fail by itself.
    pub(super) async fn sweep(&mut self) {
        for (place, sql) in SWEEP.into_iter().enumerate() {
            if self.is_calm || self.chance(80) {
                self.call(format!("billing sweeps ({place})"), sql, &Value::Bool(true)).await;
            }
        }
    }

    /// A period is closed; the call is said again until it is answered.
    pub(super) async fn close(&mut self) {
        let open = "select period_id from billing.period where state = 'open' and $1 is not null";
        let period = match self.books.closing {
            Some(period) => period,
            None => self.session.query(open, &Value::Bool(true)).await[0].get("period_id"),
        };
        self.books.closing = Some(period);
        let sql = "select (billing.close_period(($1->>'period')::bigint)).period_id";
        let reply = self.call(format!("period {period} is closed"), sql, &json!({"period": period})).await;
        if reply.is_answered() {
            self.books.closing = None;
        }
        if reply.happened() && !self.books.closed.contains_key(&period) {
            let sums = self.sums(period).await;
            self.books.closed.insert(period, sums);
        }
    }

    /// The number and the sum of a period's transfers.
    pub(super) async fn sums(&mut self, period: i64) -> (i64, i64) {
        let sql = "select count(*) as n, coalesce(sum(amount), 0)::bigint as sum from billing.transfer
            where period_id = ($1->>'period')::bigint and kind not in ('rounding', 'tax', 'credit_note')";
        let rows = self.session.query(sql, &json!({"period": period})).await;
        (rows[0].get("n"), rows[0].get("sum"))
    }

    /// Invoices of closed periods are drafted and issued.
    pub(super) async fn invoice(&mut self) {
        let draft = "select billing.draft_invoices() as period where $1 is not null";
        self.call("invoices are drafted".to_owned(), draft, &Value::Bool(true)).await;
        let grace = "select billing.begin_grace(0) where $1 is not null";
        self.call("drafts enter their grace".to_owned(), grace, &Value::Bool(true)).await;
        let due = "select i.invoice_id from billing.invoice i where i.state = 'grace' and $1 is not null
            and not exists (select from billing.invoicing_freeze f where f.tenant_id = i.tenant_id)
            order by i.period_id, i.tenant_id";
        for row in self.session.query(due, &Value::Bool(true)).await {
            let issuer: Value = serde_json::from_str(ISSUER).unwrap();
            let asked = json!({"invoice": row.get::<Uuid, _>("invoice_id"), "issuer": issuer});
            let sql =
                "select (billing.finalise_invoice(($1->>'invoice')::uuid, $1->'issuer', 14, true)).number";
            let reply = self.ask("an invoice is issued".to_owned(), sql, &asked).await;
            assert!(!matches!(reply, Reply::Refused), "an invoice was refused");
        }
    }
}
