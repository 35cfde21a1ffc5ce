//! Whatever happens to leases, in whatever order: the database says what plain arithmetic says.

mod model;

use std::fmt::Write as _;

use identity::{GenerationId, PriceVersionId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use self::model::{Balance, GRACE, Generation, LIFETIME, Lease, Model, State};
use crate::support::{Billing, Customer};

const SEQUENCES: u64 = 200;
const STEPS: usize = 30;

/// One sequence in a transaction that is rolled back: nothing of it is left for the next.
struct Run<'c> {
    database: &'c mut PgConnection,
    model: Model,
    random: StdRng,
    tenant: Uuid,
    price: Uuid,
    log: String,
}

impl Run<'_> {
    async fn call(&mut self, function: &'static str, argument: Value) -> Vec<sqlx::postgres::PgRow> {
        sqlx::query(function).bind(argument).fetch_all(&mut *self.database).await.unwrap()
    }

    async fn greet(&mut self) {
        let hello = sqlx::query("select billing.edge_hello('edge', $1, 60000)").bind(self.model.epoch);
        hello.execute(&mut *self.database).await.unwrap();
    }

    async fn grant(&mut self, shared: bool) {
        let want = self.random.random_range(1..=900);
        let floor = self.random.random_range(0..=want);
        let group = Uuid::now_v7();
        let accounts: Vec<Uuid> = self.model.balances.keys().copied().collect();
        let lifetime = shared.then_some(LIFETIME * 1_000);
        let ask = json!([{"n": 0, "group_id": group, "tenant_id": self.tenant, "account_ids": accounts,
            "want": want, "floor": floor, "lifetime_ms": lifetime}]);
        let granted = sqlx::query("select * from billing.lease_grant('edge', $2, 60000, $3, $1)")
            .bind(ask)
            .bind(self.model.epoch)
            .bind(LIFETIME * 1_000)
            .fetch_all(&mut *self.database)
            .await
            .unwrap();
        let expected = self.model.amount(want, floor, shared);
        let _ = writeln!(self.log, "grant {want} from {floor} shared {shared}: {expected:?}");
        for row in granted {
            let Some(amount) = expected else {
                assert!(row.get::<Option<String>, _>("reason").is_some(), "{}", self.log);
                return;
            };
            assert_eq!(row.get::<Option<i64>, _>("amount"), Some(amount), "{}", self.log);
            self.model.leases.push(Lease {
                id: row.get("lease_id"),
                account: row.get("account_id"),
                group,
                granted: amount,
                consumed: 0,
                single: !shared,
                state: State::Active,
                is_done: false,
                closes_at: None,
                epoch: self.model.epoch,
                created_at: self.model.now,
            });
        }
    }

    /// Groups that the edge may still reserve from, with what is left under each.
    fn usable(&self) -> Vec<(Uuid, i64)> {
        let mut usable: Vec<(Uuid, i64)> = Vec::new();
        for lease in &self.model.leases {
            let is_usable = lease.state == State::Active
                && lease.epoch == self.model.epoch
                && lease.created_at + LIFETIME > self.model.now
                && !(lease.single && self.model.in_use(lease.id) > 0);
            let left = lease.granted - self.model.in_use(lease.id);
            match usable.iter_mut().find(|(group, _)| *group == lease.group) {
                Some((_, least)) => *least = if is_usable { left.min(*least) } else { 0 },
                None => usable.push((lease.group, if is_usable { left } else { 0 })),
            }
        }
        usable.retain(|(_, left)| *left > 0);
        usable
    }

    /// A request, reserved under one group or under two.
    fn reserve(&mut self) {
        let mut usable = self.usable();
        let groups = self.random.random_range(1..=2).min(usable.len());
        let mut parts = Vec::new();
        let mut reserved = 0;
        for _ in 0..groups {
            let (group, left) = usable.swap_remove(self.random.random_range(0..usable.len()));
            let amount = self.random.random_range(1..=left);
            reserved += amount;
            let leases = self.model.leases.iter().filter(|lease| lease.group == group);
            parts.extend(leases.map(|lease| (lease.id, amount)));
        }
        if reserved == 0 {
            return;
        }
        let charge = self.random.random_range(0..=reserved);
        let _ = writeln!(self.log, "reserve {reserved} under {groups}, to come to {charge}");
        let id = GenerationId::generate().uuid();
        self.model.generations.push(Generation {
            id,
            parts,
            reserved,
            charge,
            claimed_at: None,
            told_at: None,
            is_settled: false,
        });
    }

    fn record(&self, generation: &Generation, confirmed: bool) -> Value {
        let mut units = [0; 16];
        units[0] = generation.charge;
        let accounts: Vec<Uuid> =
            generation.parts.iter().map(|(id, _)| self.model.lease(*id).account).collect();
        json!([{"generation_id": generation.id, "execution": 1, "confirmed": confirmed, "outcome": "finished",
            "evidence": "worker", "tenant_id": self.tenant, "price_version_id": self.price, "markup_bps": 0,
            "lease_ids": generation.parts.iter().map(|(id, _)| id).collect::<Vec<_>>(), "account_ids": accounts,
            "lease_amounts": generation.parts.iter().map(|(_, amount)| amount).collect::<Vec<_>>(),
            "reserved": generation.reserved, "units": units, "source": "provider", "due": generation.charge,
            "charge": generation.charge, "absorbed": 0, "waived": 0, "provider_cost": 0, "streamed": false,
            "cancelled": false, "partial": false, "received_at_ms": 0, "latency_ms": 0, "generation_time_ms": 0,
            "deltas": 0, "attempts": [], "is_byok": false, "upstream_cost": 0}])
    }

    /// A record, a claim or the edge's word for some generation, settled already or not.
    async fn settle(&mut self) {
        if self.model.generations.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.model.generations.len());
        let way = self.random.random_range(0..4);
        let record = self.record(&self.model.generations[place], way > 1);
        let _ = writeln!(self.log, "settle generation {place} in way {way}");
        let now = self.model.now;
        let generation = &mut self.model.generations[place];
        match way {
            0 => {
                self.call("select billing.settle($1, 660000)", record).await;
                let generation = &mut self.model.generations[place];
                generation.claimed_at.get_or_insert(now);
                self.model.decide(place, false);
            }
            1 => {
                generation.told_at.get_or_insert(now);
                self.call("select billing.put_witnesses($1, 660000)", record).await;
                self.model.decide(place, false);
            }
            _ => {
                self.call("select billing.settle($1, 660000)", record).await;
                self.model.settle(place);
            }
        }
    }

    async fn trim(&mut self) {
        let shared: Vec<Uuid> =
            self.model.leases.iter().filter(|lease| !lease.single).map(|lease| lease.id).collect();
        if shared.is_empty() {
            return;
        }
        let id = shared[self.random.random_range(0..shared.len())];
        let keep = self.model.in_use(id) + self.random.random_range(0..300) * self.random.random_range(0..2);
        let is_reported = self.model.generations.iter().all(|generation| {
            generation.is_settled
                || generation.told_at.is_some()
                || generation.parts.iter().all(|(lease, _)| *lease != id)
        });
        let is_done = is_reported && self.random.random_range(0..2) == 0;
        let _ = writeln!(self.log, "trim {id} to {keep}, done {is_done}");
        let kept = json!([{"lease_id": id, "keep": keep, "is_done": is_done}]);
        self.call("select billing.lease_trim('edge', $1)", kept).await;
        self.model.trim(id, keep, is_done);
    }

    /// Gives back a single lease that nothing was executed under, perhaps one that is closed already.
    async fn give_back(&mut self) {
        let unused: Vec<Uuid> = self
            .model
            .leases
            .iter()
            .filter(|lease| lease.single && self.model.in_use(lease.id) == 0)
            .map(|lease| lease.group)
            .collect();
        if unused.is_empty() {
            return;
        }
        let group = unused[self.random.random_range(0..unused.len())];
        let _ = writeln!(self.log, "return {group}");
        let freed = sqlx::query("select billing.lease_return(array[$1])").bind(group);
        freed.execute(&mut *self.database).await.unwrap();
        for lease in self.model.leases.iter_mut().filter(|lease| lease.group == group) {
            lease.state = State::Closed;
        }
    }

    /// The edge starts anew.
    async fn restart(&mut self) {
        let _ = writeln!(self.log, "restart");
        self.model.epoch += 1;
        self.greet().await;
    }

    async fn pass(&mut self, seconds: i64) {
        let _ = writeln!(self.log, "{seconds} s pass");
        self.model.now += seconds;
        let pass = "with moved as (update billing.clock_shift set shift = shift + $1 * interval '1 second')
            update billing.pulse set beat_at = beat_at + $1 * interval '1 second'";
        sqlx::query(pass).bind(seconds).execute(&mut *self.database).await.unwrap();
        self.greet().await;
    }

    async fn sweep(&mut self) {
        let _ = writeln!(self.log, "sweep");
        for step in [
            // However long the machine took since the last one.
            "update billing.pulse set beat_at = billing.clock()",
            "select billing.lease_fence(660000, 500)",
            "select billing.resolve_due(500)",
            "select billing.resolve_due(500)",
            "select billing.lease_free(500)",
            "select billing.lease_finish(500)",
            "select billing.lease_free_idle(500, 660000)",
        ] {
            sqlx::query(step).execute(&mut *self.database).await.unwrap();
        }
        self.model.sweep();
    }

    async fn step(&mut self) {
        match self.random.random_range(0..18) {
            0 | 1 => self.grant(true).await,
            2 => self.grant(false).await,
            3..=5 => self.reserve(),
            6..=9 => self.settle().await,
            10 | 11 => self.trim().await,
            12 => self.give_back().await,
            13 => self.restart().await,
            14..=16 => {
                // No invariant outlives a sweep that does not come.
                self.pass(GRACE + 40).await;
                self.sweep().await;
            }
            _ => self.sweep().await,
        }
    }

    async fn compare(&mut self) {
        for (account, balance) in self.model.balances.clone() {
            let row = sqlx::query("select added, spent, held from billing.balance where account_id = $1")
                .bind(account)
                .fetch_one(&mut *self.database)
                .await
                .unwrap();
            let found = Balance { added: row.get("added"), spent: row.get("spent") };
            assert_eq!(found, balance, "{}", self.log);
            assert_eq!(row.get::<i64, _>("held"), self.model.held(account), "{}", self.log);
        }
        let breaches: Vec<String> =
            sqlx::query_scalar("select invariant || ' ' || detail from billing.invariants()")
                .fetch_all(&mut *self.database)
                .await
                .unwrap();
        assert!(breaches.is_empty(), "{breaches:?}\n{}", self.log);
    }
}

async fn balances(billing: &Billing, customer: &Customer) -> Vec<(Uuid, Balance)> {
    let mut balances = Vec::new();
    for account in &customer.accounts {
        let row =
            sqlx::query("select account_id, added, spent from billing.balance where account_id = $1::uuid")
                .bind(account.clone())
                .fetch_one(billing.admin())
                .await
                .unwrap();
        balances.push((row.get(0), Balance { added: row.get(1), spent: row.get(2) }));
    }
    balances
}

#[tokio::test]
async fn accounts_follow_their_algebra() {
    let billing = Billing::start().await;
    let free = billing.customer(1_200).await;
    let mut limited = billing.customer(1_500).await;
    billing.limit(&mut limited, Some(1_000), "").await;
    let price = PriceVersionId::generate().uuid();
    sqlx::query(
        "insert into billing.price_version (price_version_id, provider, model, base)
        values ($1, 'openai', 'gpt', array[1000, 0, 0, 0, 0, 0, 0, 0, 0, 0])",
    )
    .bind(price)
    .execute(billing.admin())
    .await
    .unwrap();
    // From here on nobody sweeps but the sequences themselves.
    billing.stop().await;
    let mut absorbed = 0;
    for seed in 0..SEQUENCES {
        let customer = if seed % 2 == 0 { &free } else { &limited };
        let model =
            Model { balances: balances(&billing, customer).await.into_iter().collect(), ..Model::default() };
        let mut transaction = billing.admin().begin().await.unwrap();
        let mut run = Run {
            database: &mut transaction,
            model,
            random: StdRng::seed_from_u64(seed),
            tenant: customer.tenant.uuid(),
            price,
            log: format!("seed {seed}\n"),
        };
        run.greet().await;
        for _ in 0..STEPS {
            run.step().await;
            run.compare().await;
        }
        absorbed += run.model.absorbed;
        transaction.rollback().await.unwrap();
    }
    assert!(absorbed > 0, "no sequence settled into money that was freed");
}
