//! What must be true, by the database's own invariants and by what the world knows.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row as _;
use uuid::Uuid;

use super::world::{Generation, Limit, Seen, World, usage};

/// What billing says of a generation.
struct Settled {
    execution: u32,
    evidence: String,
    input: u64,
    output: u64,
    due: i64,
    charge: i64,
    absorbed: i64,
    waived: i64,
    price: Option<Uuid>,
    markup: i32,
}

const SETTLED: &str =
    "select s.generation_id, u.execution, u.evidence, u.input, u.output, u.due, u.charge, u.absorbed,
    u.waived, u.price_version_id, u.markup_bps
    from billing.settlement s left join billing.usage u
        on u.generation_id = s.generation_id and u.execution = s.execution where $1 is not null";

/// Invoices that do not say what their period's transfers do, or do not follow the one before; tenants without one.
const WRONG_INVOICES: &str = "
    with posted as (
        select t.tenant_id, t.period_id, sum(t.amount)::bigint as amount from billing.transfer t
        where t.kind in ('usage', 'byok_fee', 'purchase_fee') group by 1, 2
    ), said as (
        select i.*, (select coalesce(sum(l.amount), 0) from billing.invoice_line l
                where l.invoice_id = i.invoice_id) as lines,
            (select coalesce(sum(m.amount), 0) from billing.invoice_movement m
                where m.invoice_id = i.invoice_id) as moved,
            lag(i.closing) over (partition by i.tenant_id order by i.period_id) as before
        from billing.invoice i)
    select format('tenant %s period %s: charges %s, lines %s, posted %s, opening %s after %s, closing %s, moved %s, %s',
        tenant_id, period_id, s.charges, s.lines, p.amount, s.opening, s.before, s.closing, s.moved, s.state) as wrong
    from said s full join posted p using (tenant_id, period_id)
    join billing.period e using (period_id)
    where e.state = 'closed' and $1 is not null
        and (s.charges is distinct from coalesce(p.amount, 0) or s.lines <> s.charges
            or s.opening + s.moved <> s.closing or s.opening <> coalesce(s.before, 0) or s.state <> 'finalised')";

impl World {
    /// What is true at any moment.
    pub(super) async fn look(&mut self) {
        self.session.set_clock(self.now_ms).await;
        let all = Value::Bool(true);
        let sql =
            "select invariant || ': ' || detail as breach from billing.invariants() where $1 is not null";
        let breaches: Vec<String> =
            self.session.query(sql, &all).await.iter().map(|row| row.get("breach")).collect();
        assert!(breaches.is_empty(), "the books are broken: {breaches:#?}");
        self.look_at_limits().await;
        self.look_at_closed().await;
    }

    /// Nothing is negative or above what may be owed, and no window is above its limit.
    async fn look_at_limits(&mut self) {
        let sql = "select a.kind, a.tenant_id, coalesce(a.key_id, a.subject_id) as subject, b.spent, b.held, b.posted,
                (extract(epoch from b.window_start) * 1000)::bigint as start_ms
            from billing.balance b join billing.account a using (account_id) where $1 is not null";
        for row in self.session.query(sql, &Value::Bool(true)).await {
            let (kind, spent, held, posted): (String, i64, i64, i64) =
                (row.get("kind"), row.get("spent"), row.get("held"), row.get("posted"));
            assert!(spent >= 0 && held >= 0, "{kind}: spent {spent} held {held}");
            if kind == "credit" {
                let id: Uuid = row.get("tenant_id");
                let line = self.tenants.iter().find(|tenant| tenant.id == id).unwrap().line;
                assert!(posted - held >= -line, "{id} owes {} and may owe {line}", held - posted);
            } else {
                let subject: Uuid = row.get("subject");
                let limit = self.limits.iter().find(|limit| limit.subject == subject).unwrap();
                let most = highest(limit, row.get("start_ms"));
                assert!(
                    most.is_none_or(|most| spent <= most),
                    "{subject} spent {spent} of {most:?} in one window"
                );
            }
        }
    }

    /// Nothing is written into a closed period.
    async fn look_at_closed(&mut self) {
        for (period, sums) in self.books.closed.clone() {
            assert_eq!(self.sums(period).await, sums, "period {period} changed after it was closed");
        }
    }

    /// What is true once everything has come to rest.
    pub(super) async fn judge(&mut self) {
        let all = Value::Bool(true);
        let settled: BTreeMap<Uuid, Settled> = self
            .session
            .query(SETTLED, &all)
            .await
            .iter()
            .map(|row| (row.get("generation_id"), read(row)))
            .collect();
        let mut charged = BTreeMap::new();
        for place in 0..self.generations.len() {
            let generation = &self.generations[place];
            let was_heard =
                generation.is_told || generation.executions.iter().any(|one| !one.heard.is_empty());
            let settled = settled.get(&generation.id);
            assert_eq!(settled.is_some(), was_heard, "{} was heard of: {was_heard}", generation.id);
            if let Some(settled) = settled {
                *charged.entry(generation.tenant).or_insert(0) += settled.charge;
                self.judge_one(place, settled);
                self.count(format!("settled by {}", settled.evidence));
                if settled.absorbed > 0 {
                    self.count("absorbed");
                }
                if self.generations[place].executions.len() > 1 {
                    self.count("executed again");
                }
                if self.generations[place].is_late {
                    self.count("late");
                }
            }
        }
        assert!(settled.len() <= self.generations.len());
        for (_, (transfers, _)) in self.books.closed.clone() {
            self.count(if transfers > 0 { "periods" } else { "empty periods" });
        }
        self.judge_rest().await;
        self.judge_balances(&charged).await;
        let wrong: Vec<String> =
            self.session.query(WRONG_INVOICES, &all).await.iter().map(|row| row.get("wrong")).collect();
        assert!(wrong.is_empty(), "invoices are wrong: {wrong:#?}");
    }

    /// Delivered <= billed <= generated, at the price and markup of its admission, to the nano.
    fn judge_one(&self, place: usize, settled: &Settled) {
        let generation = &self.generations[place];
        let id = generation.id;
        let execution = &generation.executions[settled.execution as usize - 1];
        let said = format!(
            "{id} by {}, execution {}, seen {:?}, late {}",
            settled.evidence, settled.execution, generation.seen, generation.is_late
        );
        let due = match settled.price {
            Some(price) => {
                assert_eq!(price, self.prices[generation.price].id, "{said}: another price");
                assert_eq!(settled.markup, generation.markup, "{said}: another markup");
                self.due(place, &usage(settled.input, settled.output))
            }
            None => 0,
        };
        assert_eq!(settled.due, due, "{said}: another amount");
        assert_eq!(settled.charge + settled.absorbed + settled.waived, due, "{said}: parts of {due}");
        assert!(
            settled.output <= execution.generated,
            "{said}: {} of {}",
            settled.output,
            execution.generated
        );
        assert!(settled.input <= generation.input, "{said}: {} of {}", settled.input, generation.input);
        if generation.is_late {
            return;
        }
        let least = self.least(generation);
        let billed = if settled.charge + settled.absorbed == 0 { 0 } else { settled.output };
        assert!(billed >= least, "{said}: {billed} tokens are billed, {least} are known to be delivered");
        if generation.seen == Seen::NothingOwed && generation.is_told {
            assert_eq!((settled.charge, settled.absorbed), (0, 0), "{said}: nothing is owed");
        }
        // Between two executions no worker holds anything, so that the leases of a dead edge may be freed.
        let is_held = generation.executions.len() == 1;
        assert!(settled.absorbed == 0 || !is_held, "{said}: {} absorbed", settled.absorbed);
    }

    /// Tokens that were delivered and that one of the two witnesses lived to tell of.
    fn least(&self, generation: &Generation) -> u64 {
        let last = generation.executions.last().unwrap();
        match generation.seen {
            Seen::Finished if generation.is_told || last.heard.contains(&last.generated) => last.generated,
            Seen::Lost if generation.is_told => generation.delivered,
            Seen::NothingOwed => 0,
            _ => last.heard.last().map_or(0, |heard| generation.delivered.min(*heard)),
        }
    }

    /// No lease is open, nothing is held and nothing waits.
    async fn judge_rest(&mut self) {
        let sql = "select (select count(*) from billing.lease where state <> 'closed') as leases,
            (select count(*) from billing.balance where held <> 0) as held,
            (select count(*) from billing.claim) + (select count(*) from billing.witness) as waiting,
            (select count(*) from billing.invoicing_freeze) as frozen where $1 is not null";
        let rows = self.session.query(sql, &Value::Bool(true)).await;
        let counts = ["leases", "held", "waiting", "frozen"].map(|name| rows[0].get::<i64, _>(name));
        assert_eq!(counts, [0; 4], "open leases, held balances, what waits, frozen tenants");
    }

    /// Charges + available = credit that was added, less what expired.
    async fn judge_balances(&mut self, charged: &BTreeMap<usize, i64>) {
        let sql = "select t.tenant_id, b.added, b.spent, b.available, b.line, (select coalesce(sum(x.amount), 0)::bigint
                from billing.transfer x where x.tenant_id = t.tenant_id and x.kind = 'expiry') as expired
            from billing.tenant t join billing.balance b on b.account_id = t.credit_account_id where $1 is not null";
        for row in self.session.query(sql, &Value::Bool(true)).await {
            let id: Uuid = row.get("tenant_id");
            let Some(place) = self.tenants.iter().position(|tenant| tenant.id == id) else { continue };
            let [added, spent, available, line, expired] =
                ["added", "spent", "available", "line", "expired"].map(|name| row.get::<i64, _>(name));
            let charged = charged.get(&place).copied().unwrap_or(0);
            assert_eq!(added, self.tenants[place].granted - expired, "credit of tenant {place}");
            assert_eq!((spent, line), (charged, self.tenants[place].line), "charges of tenant {place}");
            assert_eq!(charged + available - line, added, "balance of tenant {place}");
        }
    }
}

fn read(row: &sqlx::postgres::PgRow) -> Settled {
    Settled {
        execution: u32::try_from(row.get::<i32, _>("execution")).unwrap(),
        evidence: row.get("evidence"),
        input: u64::try_from(row.get::<i64, _>("input")).unwrap(),
        output: u64::try_from(row.get::<i64, _>("output")).unwrap(),
        due: row.get("due"),
        charge: row.get("charge"),
        absorbed: row.get("absorbed"),
        waived: row.get("waived"),
        price: row.get("price_version_id"),
        markup: row.get("markup_bps"),
    }
}

/// The highest that a limit was in the window that begins then; `None` = there was none for a while.
fn highest(limit: &Limit, start_ms: i64) -> Option<i64> {
    let before = limit.was.iter().rev().find(|(at, _)| *at <= start_ms);
    let within = limit.was.iter().filter(|(at, _)| *at > start_ms);
    // An account that is opened in its window has counted all that was spent.
    let all: Vec<Option<i64>> = before.into_iter().chain(within).map(|(_, limit)| *limit).collect();
    all.into_iter().collect::<Option<Vec<i64>>>().and_then(|all| all.into_iter().max())
}
