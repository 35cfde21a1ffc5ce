//! Edges: leases, what is reserved under them, and what they say of it.

use std::collections::BTreeSet;

use rand::RngExt as _;
use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use super::faults::Reply;
use super::world::{LIFETIME_MS, Letter, Part, Pooled, Says, Seen, TTL_MS, World};

impl World {
    pub(super) async fn start_edge(&mut self, edge: usize) {
        let epoch = self.edges[edge].epoch + 1;
        let name = self.edges[edge].name.clone();
        let hello = json!({"edge": name, "epoch": epoch});
        let sql = "select billing.edge_hello($1->>'edge', ($1->>'epoch')::bigint, 60000)";
        let reply = self.ask(format!("{name} starts its life {epoch}"), sql, &hello).await;
        assert!(!matches!(reply, Reply::Refused), "a new life was refused");
        let edge = &mut self.edges[edge];
        edge.epoch = epoch;
        edge.is_up = reply.is_answered();
        edge.extended_until = self.now_ms + TTL_MS;
        edge.pool.clear();
        edge.outbox.clear();
    }

    /// All that it knew and had not told is gone.
    pub(super) fn kill_edge(&mut self, edge: usize) {
        self.say(format!("{} is killed", self.edges[edge].name));
        self.edges[edge].is_up = false;
        self.edges[edge].pool.clear();
        self.edges[edge].outbox.clear();
        for generation in self.generations.iter_mut().filter(|one| one.edge == edge) {
            if generation.seen == Seen::Running {
                generation.seen = Seen::Nobody;
            }
            for execution in &mut generation.executions {
                execution.is_attached = false;
            }
        }
    }

    pub(super) async fn beat(&mut self, edge: usize) {
        let name = self.edges[edge].name.clone();
        let beat = json!({"edge": name, "epoch": self.edges[edge].epoch});
        let sql = "select billing.edge_heartbeat($1->>'edge', ($1->>'epoch')::bigint, 60000) as latest";
        if let Reply::Answered(rows) = self.call(format!("{name} beats"), sql, &beat).await {
            assert!(rows[0].get::<bool, _>("latest"));
            let now = self.now_ms;
            let edge = &mut self.edges[edge];
            if edge.extended_until <= now {
                // Whether they were fenced meanwhile nobody can say.
                for lease in &mut edge.pool {
                    lease.has_lapsed = true;
                }
            }
            edge.extended_until = now + TTL_MS;
        }
    }

    /// Asks for leases of every account of a key. What was granted, where the edge came to know.
    pub(super) async fn lease(
        &mut self,
        edge: usize,
        (tenant, key): (usize, usize),
        (want, floor): (i64, i64),
        shared: bool,
    ) -> Option<(Uuid, Vec<(Uuid, Uuid, i64)>)> {
        let group = self.id();
        let accounts = self.tenants[tenant].keys[key].accounts.clone();
        let ask = json!({"edge": self.edges[edge].name, "epoch": self.edges[edge].epoch, "asks": [{
            "n": 0, "group_id": group, "tenant_id": self.tenants[tenant].id, "account_ids": accounts,
            "want": want, "floor": floor, "lifetime_ms": shared.then_some(LIFETIME_MS)}]});
        for _ in 0..3 {
            let reply = self.grant(edge, &ask).await;
            match reply {
                Reply::Answered(rows) => {
                    let granted: Vec<_> = rows
                        .iter()
                        .filter(|row| row.get::<Option<String>, _>("reason").is_none())
                        .map(|row| (row.get("lease_id"), row.get("account_id"), row.get("amount")))
                        .collect();
                    if granted.is_empty() {
                        if self.chance(50) {
                            self.recall(edge, rows[0].get("account_id")).await;
                        }
                        return None;
                    }
                    assert_eq!(granted.len(), accounts.len());
                    return Some((group, granted));
                }
                Reply::Refused => return None,
                Reply::Lost { .. } if self.chance(60) => {}
                Reply::Lost { .. } => break,
            }
        }
        // Given up: whether it was granted is not known. A shared lease comes to its end by itself.
        if !shared {
            self.post(edge, Says::Return(json!([group])));
        }
        if self.chance(30) {
            let letter = Letter { edge, says: Says::Ask(ask) };
            self.ghosts.push((self.now_ms + 30_000, letter));
        }
        None
    }

    pub(super) async fn grant(&mut self, edge: usize, ask: &Value) -> Reply {
        let what = format!(
            "{} asks for {} from {}, lifetime {}",
            self.edges[edge].name,
            ask["asks"][0]["want"],
            ask["asks"][0]["floor"],
            ask["asks"][0]["lifetime_ms"]
        );
        let sql = "select * from billing.lease_grant($1->>'edge', ($1->>'epoch')::bigint, 60000, 600000, $1->'asks')";
        self.ask(what, sql, ask).await
    }

    /// Others are to give back what this edge is short of.
    async fn recall(&mut self, edge: usize, account: Option<Uuid>) {
        let Some(account) = account else { return };
        let argument = json!({"edge": self.edges[edge].name, "account": account});
        let sql =
            "select account_id from billing.lease_recall($1->>'edge', array[($1->>'account')::uuid], 250)";
        let what = format!("{} is short on an account", self.edges[edge].name);
        let Reply::Answered(rows) = self.call(what, sql, &argument).await else { return };
        if rows.is_empty() {
            return;
        }
        let sql = "select edge_id, epoch from billing.lease_holders(array[($1->>'account')::uuid]) order by edge_id";
        let Reply::Answered(rows) = self.call("its holders are looked for".to_owned(), sql, &argument).await
        else {
            return;
        };
        for row in rows {
            let (name, epoch): (String, i64) = (row.get("edge_id"), row.get("epoch"));
            let is_it = |place: &usize| self.edges[*place].name == name && self.edges[*place].epoch == epoch;
            if let Some(holder) = self.up_edges().into_iter().find(is_it)
                && self.chance(80)
            {
                self.count("recalled");
                self.trim(holder, 100);
            }
        }
    }

    /// Adds shared leases to a pool.
    pub(super) async fn refill(&mut self, edge: usize, tenant: usize, key: usize, need: i64) {
        let want = need.saturating_mul(self.random.random_range(1..6));
        let floor = if self.chance(50) { need } else { 0 };
        let asked = self.now_ms;
        if let Some((_, granted)) = self.lease(edge, (tenant, key), (want, floor), true).await {
            for (lease, account, granted) in granted {
                self.edges[edge].pool.push(Pooled {
                    lease,
                    account,
                    granted,
                    used: 0,
                    ends_at: asked + LIFETIME_MS,
                    unreported: 0,
                    has_lapsed: false,
                    is_done: false,
                });
            }
        }
    }

    /// As much from every account of a key, where the pool has it.
    pub(super) fn reserve(&mut self, edge: usize, accounts: &[Uuid], amount: i64) -> Option<Vec<Part>> {
        let now = self.now_ms;
        let edge = &mut self.edges[edge];
        let is_usable = |lease: &Pooled| !lease.has_lapsed && !lease.is_done && lease.ends_at > now;
        if edge.extended_until <= now {
            return None;
        }
        for account in accounts {
            let of = edge.pool.iter().filter(|lease| lease.account == *account && is_usable(lease));
            if of.map(|lease| lease.granted - lease.used).sum::<i64>() < amount {
                return None;
            }
        }
        let mut parts = Vec::new();
        for account in accounts {
            let mut rest = amount;
            for lease in edge.pool.iter_mut().filter(|lease| lease.account == *account && is_usable(lease)) {
                let taken = rest.min(lease.granted - lease.used);
                if taken > 0 {
                    rest -= taken;
                    lease.used += taken;
                    lease.unreported += 1;
                    parts.push(Part { lease: lease.lease, account: *account, amount: taken });
                }
            }
        }
        Some(parts)
    }

    /// The end of a generation as its edge sees it: what it did not come to may be reserved again.
    pub(super) fn end(&mut self, place: usize, seen: Seen) {
        if !self.is_watched(place) {
            return;
        }
        self.generations[place].seen = seen;
        let word = self.word(place);
        let charge = word["charge"].as_i64().unwrap();
        let generation = &self.generations[place];
        self.log.push(format!("          {} ends {seen:?}, it comes to {charge}", generation.id));
        let pool = &mut self.edges[generation.edge].pool;
        let (mut rest, mut before) = (0, None);
        for part in &generation.parts {
            if before != Some(part.account) {
                rest = charge;
                before = Some(part.account);
            }
            let taken = rest.min(part.amount);
            rest -= taken;
            if let Some(lease) = pool.iter_mut().find(|lease| lease.lease == part.lease)
                && seen != Seen::Lost
            {
                lease.used -= part.amount - taken;
            }
        }
        self.post(self.generations[place].edge, Says::Report(place, word));
    }

    pub(super) fn post(&mut self, edge: usize, says: Says) {
        self.edges[edge].outbox.push(Letter { edge, says });
    }

    /// Gives up what is idle in a part of an edge's leases.
    pub(super) fn trim(&mut self, edge: usize, percent: u32) {
        let mut kept = Vec::new();
        for place in 0..self.edges[edge].pool.len() {
            if !self.chance(percent) {
                continue;
            }
            let may_end = self.is_calm || self.chance(60);
            let lease = &mut self.edges[edge].pool[place];
            lease.granted = lease.granted.min(lease.used);
            lease.is_done |= may_end && lease.unreported == 0;
            kept.push(json!({"lease_id": lease.lease, "keep": lease.granted, "is_done": lease.is_done}));
        }
        self.edges[edge].pool.retain(|lease| !lease.is_done);
        if !kept.is_empty() {
            self.post(edge, Says::Trim(Value::Array(kept)));
        }
    }

    /// One letter of an edge, in no order. What arrived may arrive again.
    pub(super) async fn deliver(&mut self, edge: usize) {
        if self.edges[edge].outbox.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.edges[edge].outbox.len());
        let letter = self.edges[edge].outbox[place].clone();
        let reply = self.send(&letter).await;
        if reply.is_answered() {
            self.edges[edge].outbox.remove(place);
            if let Says::Report(place, _) = letter.says {
                self.stored(place);
            }
        }
        if reply.happened() && self.chance(15) {
            self.ghosts.push((i64::MAX, letter));
        }
    }

    pub(super) async fn send(&mut self, letter: &Letter) -> Reply {
        let name = self.edges[letter.edge].name.clone();
        match &letter.says {
            Says::Return(groups) => {
                let sql = "select billing.lease_return(array(select jsonb_array_elements_text($1)::uuid))";
                self.call(format!("{name} returns {groups}"), sql, groups).await
            }
            Says::Trim(kept) => {
                let argument = json!({"edge": name, "kept": kept});
                let sql = "select billing.lease_trim($1->>'edge', $1->'kept')";
                self.call(format!("{name} trims to {kept}"), sql, &argument).await
            }
            Says::Report(place, word) => {
                let what = format!("{name} reports {} {}", self.generations[*place].id, word["outcome"]);
                let sql = "select fate, execution, absorbed from billing.put_witnesses($1, 660000)";
                let reply = self.call(what, sql, &json!([word])).await;
                self.generations[*place].is_told |= reply.happened();
                reply
            }
            Says::Ask(ask) => self.grant(letter.edge, ask).await,
        }
    }

    /// Billing knows of a generation: its leases may be done.
    fn stored(&mut self, place: usize) {
        let generation = &self.generations[place];
        let leases: BTreeSet<Uuid> = generation.parts.iter().map(|part| part.lease).collect();
        for lease in self.edges[generation.edge].pool.iter_mut().filter(|one| leases.contains(&one.lease)) {
            lease.unreported -= 1;
        }
    }

    /// Something that arrived before, or was given up, arrives.
    pub(super) async fn haunt(&mut self) {
        let now = self.now_ms;
        self.ghosts.retain(|(until, _)| *until > now);
        if !self.ghosts.is_empty() {
            let place = self.random.random_range(0..self.ghosts.len());
            let (_, letter) = self.ghosts.remove(place);
            self.say("out of the past:".to_owned());
            self.send(&letter).await;
        }
    }
}
