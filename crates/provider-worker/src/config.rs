//! The `worker` section of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// How the provider worker works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names this worker on the bus; empty = a name kept in the spool directory.
    pub id: String,
    /// Where the spool lies. One worker per directory.
    pub spool_dir: PathBuf,
    /// Bytes in the spool above which paid requests are refused.
    pub spool_max_bytes: u64,
    /// Bytes after which the spool begins a new file.
    pub spool_segment_bytes: u64,
    pub spool_sync: SpoolSync,
    /// How long appends gather before they are synced.
    pub spool_sync_interval_ms: u64,
    /// Records in one message to billing, at most.
    pub ship_batch: usize,
    /// How long billing may take to answer on the bus before it is asked directly.
    pub settle_wait_ms: u64,
    /// A stream's progress is recorded after this many content deltas,
    pub checkpoint_deltas: u32,
    /// or this long after the last time.
    pub checkpoint_ms: u64,
    /// How long the edge may take to acknowledge a final account.
    pub done_wait_ms: u64,
    /// How long after a client left an upstream that bills on anyway is read to its end.
    pub drain_ms: u64,
    /// How long a blocked client is waited for.
    pub blocked_ms: u64,
    /// How long reaching a provider may take, where its endpoint does not say.
    pub connect_ms: u32,
    /// How long the first content may take, where its endpoint does not say.
    pub first_token_ms: u32,
    /// An answer that is not streamed may take this many times as long as a first content.
    pub whole_answer_factor: u32,
    /// How long a stream may pause, where its endpoint does not say.
    pub stall_ms: u32,
    /// How long one attempt may take, where its endpoint does not say, and all of an execution in any case.
    pub total_ms: u32,
    /// The longest upstream answer that is not streamed, in bytes.
    pub max_answer_bytes: usize,
    /// Executions at once; more are refused.
    pub max_executions: usize,
    /// How often health observations are sent.
    pub observe_ms: u64,
    /// How often billing is told under which leases something is open.
    pub open_leases_ms: u64,
    pub media: Media,
}

/// How media that clients name by URL are fetched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Origins that no rule holds for, such as `http://127.0.0.1:9000`.
    pub allowed_origins: Vec<String>,
    /// Bytes of one file.
    pub max_bytes: usize,
    /// Bytes of all files of one request.
    pub max_request_bytes: usize,
    /// Files of one request.
    pub max_files: usize,
    /// How long one download may take in all.
    pub timeout_ms: u64,
    /// Downloads at once; more wait, within their time.
    pub max_fetches: usize,
}

/// Whether an append waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpoolSync {
    /// Synced in groups, not waited for: survives any process, and a power cut but for the last group.
    Group,
    /// Waited for before the upstream call and before the last chunk leaves.
    Strict,
}
