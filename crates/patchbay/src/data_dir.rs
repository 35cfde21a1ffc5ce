//! The data directory: what lies where, and that one platform at a time works on it.

use std::fs::{DirBuilder, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// An existing data directory, by its absolute path.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder when it is absent.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("the data directory {} cannot be used", path.display());
        // Others may pass through, as the user who runs a private PostgreSQL must, but see nothing.
        DirBuilder::new().recursive(true).mode(0o711).create(path).with_context(context)?;
        let absolute = path.canonicalize().with_context(context)?;
        let run = absolute.join("run");
        DirBuilder::new().recursive(true).mode(0o700).create(&run).with_context(context)?;
        Ok(Self(absolute))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.0.join("secrets.json")
    }

    /// What scripts need to know, secrets included.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.0.join("dev.json")
    }

    /// The processes that run.
    pub(crate) fn pids(&self) -> PathBuf {
        self.run("pids.json")
    }

    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.0.join("run").join(name)
    }

    /// The spool of one worker. The one worker of `dev` has the first one's, so that nothing is left
    /// behind between `dev` and `cluster`.
    pub(crate) fn spool(&self, worker: usize) -> PathBuf {
        self.0.join("spool").join(format!("provider-worker-{worker}"))
    }

    /// Where one router keeps its catalogue. The one router of `dev` has the first one's, as with spools.
    pub(crate) fn snapshot(&self, router: usize) -> PathBuf {
        self.0.join("catalogue").join(format!("router-{router}.snapshot"))
    }

    /// Where mail is written to files.
    pub(crate) fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }

    /// Claims the directory for this process until the answer is dropped.
    pub(crate) fn claim(&self) -> anyhow::Result<Claim> {
        let path = self.0.join("lock");
        let mut file = lock_file(&path)?;
        if file.try_lock().is_err() {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            bail!(
                "patchbay already works on {} (pid {}): stop it, or choose another folder with --data-dir",
                self.0.display(),
                holder.trim()
            );
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Claim(file))
    }

    /// Waits until nobody else changes the list of processes; nobody does until the answer is dropped.
    pub(crate) fn lock_run(&self) -> anyhow::Result<Claim> {
        let file = lock_file(&self.run("lock"))?;
        file.lock()?;
        Ok(Claim(file))
    }
}

fn lock_file(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| path.display().to_string())
}

/// A held lock, gone with the process at the latest.
#[derive(Debug)]
pub(crate) struct Claim(#[expect(dead_code, reason = "held, never read")] File);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_works_on_a_directory_and_the_second_is_told_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(&folder.path().join("deep/data")).unwrap();
        let claim = data_dir.claim().unwrap();
        let refusal = data_dir.claim().unwrap_err().to_string();
        assert!(refusal.contains(&format!("pid {}", std::process::id())), "{refusal}");
        assert!(refusal.contains("--data-dir"), "{refusal}");
        drop(claim);
        data_dir.claim().unwrap();
    }
}
