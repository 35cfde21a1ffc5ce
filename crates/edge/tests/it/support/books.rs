//! The leases that the billing of the tests granted, and what became of them.

use std::collections::HashMap;

use rpc::billing::*;
use rpc::worker::LeaseUse;

/// How long leases live without a heartbeat, and at most.
const ENDS_IN_MS: u32 = 600_000;

/// One lease, in nano-USD.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) group: String,
    pub(crate) account: String,
    pub(crate) is_shared: bool,
    pub(crate) granted: i64,
    pub(crate) consumed: i64,
    pub(crate) is_closed: bool,
}

/// What is leased from whom, as real billing keeps it.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) leases: HashMap<String, Lease>,
    /// What accounts have that do not have what all others have.
    pub(crate) balances: HashMap<String, i64>,
    /// Whether what is leased or spent is gone.
    pub(crate) are_strict: bool,
    pub(crate) ttl_ms: u32,
    /// What an edge must never say.
    pub(crate) breaches: Vec<String>,
}

impl Books {
    /// Leased and spent.
    pub(crate) fn taken(&self, account: &str) -> i64 {
        let of = self.leases.values().filter(|lease| lease.account == account);
        of.map(|lease| if lease.is_closed { lease.consumed } else { lease.granted }).sum()
    }

    /// Leased and not spent, of all accounts.
    pub(crate) fn held(&self) -> i64 {
        let open = self.leases.values().filter(|lease| !lease.is_closed);
        open.map(|lease| lease.granted - lease.consumed).sum()
    }

    pub(crate) fn spent(&self) -> i64 {
        self.leases.values().map(|lease| lease.consumed).sum()
    }

    fn available(&self, account: &str, otherwise: i64) -> i64 {
        let balance = self.balances.get(account).copied().unwrap_or(otherwise);
        if self.are_strict { balance - self.taken(account) } else { balance }
    }

    /// Grants what there is, or says whose account is short.
    pub(crate) fn grant(&mut self, ask: &Ask, otherwise: i64) -> Result<Granted, Denied> {
        let known: Vec<_> =
            self.leases.iter().filter(|(_, lease)| lease.group == ask.group_id).map(one_use).collect();
        if let Some(first) = known.first() {
            return Ok(self.granted(ask, first.amount, known));
        }
        let short = ask.account_ids.iter().map(|id| (self.available(id, otherwise), id)).min();
        let (available, account) = short.unwrap();
        if available < ask.floor.max(1) {
            return Err(Denied {
                ask_id: ask.ask_id,
                reason: String::new(),
                available: available.max(0),
                account_id: account.clone(),
            });
        }
        let amount = ask.want.min(available);
        let mut leases = Vec::new();
        for account in &ask.account_ids {
            let lease = Lease {
                group: ask.group_id.clone(),
                account: account.clone(),
                is_shared: ask.shared,
                granted: amount,
                consumed: 0,
                is_closed: false,
            };
            let id = uuid::Uuid::now_v7().to_string();
            leases.push(one_use((&id, &lease)));
            self.leases.insert(id, lease);
        }
        Ok(self.granted(ask, amount, leases))
    }

    fn granted(&self, ask: &Ask, amount: i64, leases: Vec<LeaseUse>) -> Granted {
        let ends_in_ms = if ask.shared { ENDS_IN_MS } else { 0 };
        Granted { ask_id: ask.ask_id, leases, amount, expires_in_ms: self.ttl_ms, ends_in_ms }
    }

    pub(crate) fn trim(&mut self, kept: &Kept) {
        let Some(lease) = self.leases.get_mut(&kept.lease_id) else { return };
        if kept.keep < lease.consumed {
            self.breaches.push(format!("{kept:?} is less than was spent: {lease:?}"));
        }
        if !lease.is_shared {
            self.breaches.push(format!("a lease of one request is trimmed: {lease:?}"));
        }
        lease.granted = lease.granted.min(kept.keep);
        lease.is_closed |= kept.is_done;
    }

    pub(crate) fn give_back(&mut self, group: &str) {
        for lease in self.leases.values_mut().filter(|lease| lease.group == group) {
            if lease.is_shared || lease.consumed > 0 {
                self.breaches.push(format!("a lease that was used is returned: {lease:?}"));
            }
            lease.is_closed = true;
        }
    }

    /// Settles what an edge reports, on every account.
    pub(crate) fn settle(&mut self, witness: &Witness) {
        let mut rest: HashMap<&str, i64> = HashMap::new();
        for part in &witness.leases {
            let rest = rest.entry(&part.account_id).or_insert(taken(witness, &part.account_id));
            let charge = part.amount.min(*rest);
            *rest -= charge;
            let Some(lease) = self.leases.get_mut(&part.lease_id) else {
                self.breaches.push(format!("a lease that nobody granted is used: {part:?}"));
                continue;
            };
            if lease.is_closed || lease.granted - lease.consumed < charge {
                self.breaches.push(format!("{charge} of {part:?} does not fit {lease:?}"));
            }
            lease.consumed += charge;
            lease.is_closed |= !lease.is_shared;
        }
    }
}

/// What a generation takes from an account: of the allowance, what the tenant's own credential cost.
fn taken(witness: &Witness, account: &str) -> i64 {
    if account == super::billing::ALLOWANCE { witness.upstream_cost } else { witness.charge }
}

fn one_use((id, lease): (&String, &Lease)) -> LeaseUse {
    LeaseUse { lease_id: id.clone(), account_id: lease.account.clone(), epoch: 1, amount: lease.granted }
}
