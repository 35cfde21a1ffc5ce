//! The thread that brings appends to the disk, many at a time.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::Error;

pub(super) struct Syncer {
    shared: Arc<Shared>,
    synced: watch::Receiver<u64>,
}

struct Shared {
    work: Mutex<Work>,
    wake: Condvar,
    failed: AtomicBool,
}

struct Work {
    /// Files with writes that are not on the disk yet; the last one is appended to.
    files: Vec<Arc<File>>,
    /// How many appends there have been.
    written: u64,
    dirty: bool,
    stop: bool,
}

impl Syncer {
    pub(super) fn start(interval: Duration, file: Option<Arc<File>>) -> Result<Self, Error> {
        let work = Work { files: file.into_iter().collect(), written: 0, dirty: true, stop: false };
        let shared =
            Arc::new(Shared { work: Mutex::new(work), wake: Condvar::new(), failed: AtomicBool::new(false) });
        let (sender, synced) = watch::channel(0);
        let thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("spool-sync".to_owned())
            .spawn(move || thread.run(interval, &sender))
            .map_err(|_| Error::Failed)?;
        Ok(Self { shared, synced })
    }

    /// The active segment changed.
    pub(super) fn switch(&self, file: Option<Arc<File>>) {
        self.shared.lock().files.extend(file);
    }

    /// Something was appended.
    pub(super) fn wrote(&self) {
        let mut work = self.shared.lock();
        work.written += 1;
        if !work.dirty {
            work.dirty = true;
            self.shared.wake.notify_one();
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything appended so far is on the disk; `false` when the disk failed.
    pub(super) async fn synced(&self) -> bool {
        let target = self.shared.lock().written;
        let mut synced = self.synced.clone();
        synced.wait_for(|done| *done >= target).await.is_ok() && !self.has_failed()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, interval: Duration, synced: &watch::Sender<u64>) {
        loop {
            let mut work = self.lock();
            while !work.dirty && !work.stop {
                work = self.wake.wait(work).unwrap_or_else(PoisonError::into_inner);
            }
            let stop = work.stop;
            if stop && !work.dirty {
                return;
            }
            drop(work);
            if !stop {
                // Lets a group gather.
                std::thread::sleep(interval);
            }
            let (files, written) = self.take();
            if files.iter().any(|file| file.sync_data().is_err()) {
                tracing::error!("the spool could not be synced; paid requests are refused");
                self.failed.store(true, Ordering::Relaxed);
            }
            synced.send_replace(written);
        }
    }

    fn take(&self) -> (Vec<Arc<File>>, u64) {
        let mut work = self.lock();
        work.dirty = false;
        let files = work.files.clone();
        // Only the active one will be written to again.
        let keep = work.files.len().saturating_sub(1);
        work.files.drain(..keep);
        (files, work.written)
    }
}
