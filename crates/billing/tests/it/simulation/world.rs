//! What there is, and what is true of it whatever the database says.

use std::collections::{BTreeMap, BTreeSet};

use pricing::{Class, Markup, PriceBook, Rate, Rates, Tier, Usage};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use uuid::Uuid;

use super::database::{EPOCH_MS, Session};

/// Milliseconds that leases live without a heartbeat, that shared ones live at most and that claims wait.
pub(super) const TTL_MS: i64 = 60_000;
pub(super) const LIFETIME_MS: i64 = 600_000;
pub(super) const GRACE_MS: i64 = 660_000;

pub(super) struct World {
    pub session: Session,
    pub random: StdRng,
    /// Nothing fails any more.
    pub is_calm: bool,
    pub now_ms: i64,
    /// When everything that was under way had arrived.
    pub flushed_ms: i64,
    pub log: Vec<String>,
    pub tenants: Vec<Tenant>,
    pub prices: Vec<Price>,
    pub edges: Vec<Edge>,
    pub workers: Vec<Worker>,
    pub bus: Vec<Shipped>,
    /// All that the bus ever carried: a copy of its store from before.
    pub published: Vec<Shipped>,
    /// What arrived and may arrive again until then.
    pub ghosts: Vec<(i64, Letter)>,
    pub generations: Vec<Generation>,
    pub limits: Vec<Limit>,
    pub books: Books,
    /// How often what happened.
    pub tally: BTreeMap<String, u64>,
    next_id: u64,
}

pub(super) struct Tenant {
    pub id: Uuid,
    pub plan: String,
    pub markup: i32,
    /// What it may owe.
    pub line: i64,
    pub workspace: Uuid,
    pub keys: Vec<Key>,
    /// Credit that was added.
    pub granted: i64,
}

pub(super) struct Key {
    pub id: Uuid,
    /// What its requests reserve from.
    pub accounts: Vec<Uuid>,
}

pub(super) struct Price {
    pub id: Uuid,
    pub book: PriceBook,
}

/// A limit of a key or a budget of a workspace, and what it was from when on.
pub(super) struct Limit {
    pub subject: Uuid,
    pub reset: &'static str,
    pub was: Vec<(i64, Option<i64>)>,
}

#[derive(Default)]
pub(super) struct Books {
    /// A period that was asked to be closed, until the answer came.
    pub closing: Option<i64>,
    /// Closed periods with the number and the sum of their transfers.
    pub closed: BTreeMap<i64, (i64, i64)>,
    /// Sources of credit that may have to be said again: tenant, amount, kind, expiry.
    pub credits: Vec<Value>,
}

pub(super) struct Edge {
    pub name: String,
    pub is_up: bool,
    pub epoch: i64,
    /// Until then its leases live, as it knows.
    pub extended_until: i64,
    pub pool: Vec<Pooled>,
    /// What it says until it is answered.
    pub outbox: Vec<Letter>,
}

/// A shared lease in an edge's pool.
pub(super) struct Pooled {
    pub lease: Uuid,
    pub account: Uuid,
    pub granted: i64,
    /// Reserved, charged, or lost sight of.
    pub used: i64,
    pub ends_at: i64,
    /// Generations under it that billing may not know of.
    pub unreported: u32,
    pub has_lapsed: bool,
    pub is_done: bool,
}

#[derive(Clone)]
pub(super) struct Letter {
    pub edge: usize,
    pub says: Says,
}

#[derive(Clone)]
pub(super) enum Says {
    Return(Value),
    Trim(Value),
    Report(usize, Value),
    Ask(Value),
}

/// Reserved under a lease.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub lease: Uuid,
    pub account: Uuid,
    pub amount: i64,
}

pub(super) struct Generation {
    pub id: Uuid,
    pub tenant: usize,
    pub key: usize,
    pub edge: usize,
    pub epoch: i64,
    pub began_ms: i64,
    pub parts: Vec<Part>,
    /// From each account.
    pub reserved: i64,
    pub price: usize,
    pub markup: i32,
    /// Tokens of the prompt, and what the edge takes them for.
    pub input: u64,
    pub estimate: u64,
    pub most: u64,
    pub executions: Vec<Execution>,
    /// Tokens that the client saw.
    pub delivered: u64,
    pub seen: Seen,
    /// Billing heard the edge's word on it.
    pub is_told: bool,
    /// Somebody's word on it may come later than anybody waits for.
    pub is_late: bool,
}

/// What the edge that admitted a generation has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Running,
    Finished,
    Lost,
    NothingOwed,
    /// The edge died before.
    Nobody,
}

pub(super) struct Execution {
    pub worker: usize,
    pub generated: u64,
    pub is_running: bool,
    /// The edge listens.
    pub is_attached: bool,
    /// What the accounts of it that billing heard say was generated.
    pub heard: BTreeSet<u64>,
}

pub(super) struct Worker {
    pub name: String,
    pub is_up: bool,
    /// On disk, by generation and execution.
    pub spool: BTreeMap<(usize, u32), Entry>,
}

pub(super) struct Entry {
    pub start: View,
    pub checkpoint: Option<View>,
    pub record: Option<View>,
    pub is_confirmed: bool,
}

/// An account of an execution at some moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub parts: Vec<Part>,
    pub reserved: i64,
    /// `None` before the first content.
    pub output: Option<u64>,
    pub is_partial: bool,
}

/// A record on its way.
#[derive(Clone)]
pub(super) struct Shipped {
    pub worker: usize,
    pub key: (usize, u32),
    pub is_confirmed: bool,
    pub output: u64,
    pub body: Value,
}

impl World {
    pub(super) async fn new(session: Session, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let now_ms = EPOCH_MS + random.random_range(0..40 * 3_600_000);
        let mut world = Self {
            session,
            random,
            is_calm: true,
            now_ms,
            flushed_ms: now_ms,
            log: vec![format!("seed {seed}")],
            tenants: Vec::new(),
            prices: Vec::new(),
            edges: Vec::new(),
            workers: Vec::new(),
            bus: Vec::new(),
            published: Vec::new(),
            ghosts: Vec::new(),
            generations: Vec::new(),
            limits: Vec::new(),
            books: Books::default(),
            tally: BTreeMap::new(),
            next_id: 0,
        };
        world.session.set_clock(now_ms).await;
        world
    }

    /// A time-ordered id of this moment.
    pub(super) fn id(&mut self) -> Uuid {
        self.next_id += 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.next_id.to_be_bytes());
        let millis = u64::try_from(self.now_ms).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    pub(super) fn say(&mut self, what: String) {
        let at = self.now_ms - EPOCH_MS;
        self.log.push(format!("{:>4} {:>12.3} s  {what}", self.log.len(), at as f64 / 1_000.0));
    }

    pub(super) fn count(&mut self, what: impl Into<String>) {
        *self.tally.entry(what.into()).or_default() += 1;
    }

    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    /// One of these, if there is any.
    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.random.random_range(0..all.len())]) }
    }

    pub(super) fn up_workers(&self) -> Vec<usize> {
        (0..self.workers.len()).filter(|place| self.workers[*place].is_up).collect()
    }

    pub(super) fn up_edges(&self) -> Vec<usize> {
        (0..self.edges.len()).filter(|place| self.edges[*place].is_up).collect()
    }

    /// Generations that run on some worker.
    pub(super) fn running(&self) -> Vec<usize> {
        let runs =
            |place: &usize| self.generations[*place].executions.last().is_some_and(|one| one.is_running);
        (0..self.generations.len()).filter(runs).collect()
    }

    /// The edge that admitted a generation still lives the same life.
    pub(super) fn is_watched(&self, place: usize) -> bool {
        let generation = &self.generations[place];
        let edge = &self.edges[generation.edge];
        edge.is_up && edge.epoch == generation.epoch
    }

    pub(super) fn due(&self, place: usize, usage: &Usage) -> i64 {
        let generation = &self.generations[place];
        let markup = Markup::from_basis_points(generation.markup);
        pricing::charge(&self.prices[generation.price].book, markup, usage).unwrap().nanos()
    }

    /// A price list with odd fractions, sometimes with a tier.
    pub(super) fn draw_book(&mut self) -> PriceBook {
        let mut rates = |least: i64| {
            Rates::default()
                .with(Class::Input, Rate::from_picos(self.random.random_range(least..5_000_000)))
                .with(Class::Output, Rate::from_picos(self.random.random_range(least..20_000_000)))
        };
        let (base, dearer) = (rates(1_000), rates(1_000));
        let tiers =
            if self.chance(30) { vec![Tier { above_prompt_tokens: 900, rates: dearer }] } else { Vec::new() };
        PriceBook { base, tiers }
    }
}

pub(super) fn usage(input: u64, output: u64) -> Usage {
    Usage::default().with(Class::Input, input).with(Class::Output, output)
}
