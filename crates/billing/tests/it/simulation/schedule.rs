//! What happens next, and how a seed ends.

use rand::RngExt as _;

use super::world::{GRACE_MS, World};

const STEPS: usize = 160;
/// Steps between two looks at the books.
const LOOK_EVERY: usize = 40;

impl World {
    pub(super) async fn live(&mut self) {
        self.found().await;
        self.is_calm = false;
        for step in 1..=STEPS {
            self.step().await;
            if step % LOOK_EVERY == 0 {
                self.calmly_sweep().await;
                self.look().await;
            }
        }
        self.come_to_rest().await;
        self.look().await;
        self.judge().await;
    }

    async fn step(&mut self) {
        let running = self.running();
        let (edges, workers) = (self.up_edges(), self.up_workers());
        match self.random.random_range(0..100) {
            0..18 => self.admit().await,
            18..30 => {
                if let Some(place) = self.pick(&running) {
                    self.stream(place);
                }
            }
            30..42 => {
                if let Some(place) = self.pick(&running) {
                    self.finish(place);
                }
            }
            42..44 => {
                if let Some(place) = self.pick(&running) {
                    self.extend(place);
                }
            }
            44..54 => {
                if let Some(edge) = self.pick(&edges) {
                    self.deliver(edge).await;
                }
            }
            54..58 => {
                if let Some(edge) = self.pick(&edges) {
                    self.beat(edge).await;
                }
            }
            58..61 => {
                if let Some(edge) = self.pick(&edges) {
                    self.trim(edge, 60);
                }
            }
            61..67 => {
                if let Some(worker) = self.pick(&workers) {
                    self.ship(worker);
                }
            }
            67..74 => self.consume().await,
            74..77 => {
                if let Some(worker) = self.pick(&workers) {
                    self.settle_directly(worker).await;
                }
            }
            77..79 => {
                if let Some(worker) = self.pick(&workers) {
                    self.report_open(worker).await;
                }
            }
            79..82 => self.sweep().await,
            82..88 => self.pass().await,
            88..90 => self.haunt().await,
            90..94 => self.change().await,
            _ => self.break_something().await,
        }
    }

    /// People change something.
    async fn change(&mut self) {
        let tenant = self.random.random_range(0..self.tenants.len());
        match self.random.random_range(0..9) {
            0 => self.grant_credit(tenant).await,
            1 => self.say_credit().await,
            2 => {
                let key = self.random.random_range(0..self.tenants[tenant].keys.len());
                self.put_key_limit(tenant, key).await;
            }
            3 => self.put_budget(tenant).await,
            4 => self.put_price().await,
            5 => self.put_plan(tenant).await,
            6 => self.read_terms(tenant).await,
            7 => self.close().await,
            _ => self.invoice().await,
        }
    }

    async fn break_something(&mut self) {
        let running = self.running();
        let (edge, worker) =
            (self.random.random_range(0..self.edges.len()), self.random.random_range(0..self.workers.len()));
        match self.random.random_range(0..12) {
            0 if self.edges[edge].is_up => self.kill_edge(edge),
            0..=3 if !self.edges[edge].is_up => self.start_edge(edge).await,
            1 if self.workers[worker].is_up => self.kill_worker(worker),
            1..=6 if !self.workers[worker].is_up => self.start_worker(worker).await,
            7 => {
                if let Some(place) = self.pick(&running)
                    && self.generations[place].executions.last().unwrap().is_attached
                {
                    self.detach(place);
                }
            }
            8 if self.chance(30) => self.lose_disk(worker),
            9 if self.chance(50) => self.wipe_bus(),
            10 => self.restore_bus(),
            _ => {}
        }
    }

    /// Everything comes to its end: some edges leave in order, the others do not, all waits are over.
    async fn come_to_rest(&mut self) {
        self.flush(true).await;
        self.is_calm = true;
        for edge in self.up_edges() {
            if self.chance(50) {
                self.kill_edge(edge);
            } else {
                self.trim(edge, 100);
            }
        }
        while !self.books.credits.is_empty() {
            self.say_credit().await;
        }
        for _ in 0..5 {
            self.flush(true).await;
            while !self.bus.is_empty() {
                self.consume().await;
            }
            self.wait(GRACE_MS / 2 + 1_000).await;
            self.sweep().await;
        }
        for edge in self.up_edges() {
            self.trim(edge, 100);
        }
        self.flush(true).await;
        self.sweep().await;
        self.close().await;
        // One was waiting to be closed again.
        self.close().await;
        for _ in 0..=self.books.closed.len() {
            self.invoice().await;
        }
    }
}
