//! Debian packages that the tests need.

use std::path::Path;

use anyhow::bail;

use crate::shell::{command, is_installed, run, succeeds};

/// A program and the package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
}

const NEEDS: [Need; 7] = [
    Need { program: "curl", package: "curl" },
    Need { program: "redis-server", package: "redis-server" },
    Need { program: "nats-server", package: "nats-server" },
    Need { program: "node", package: "nodejs" },
    Need { program: "npm", package: "npm" },
    // Drives the console.
    Need { program: "chromium", package: "chromium" },
    Need { program: "docker-compose", package: "docker-compose" },
];

/// Installs what is missing where that is allowed; else says what to install.
pub(crate) fn install() -> anyhow::Result<()> {
    let mut missing: Vec<&str> =
        NEEDS.iter().filter(|need| !is_installed(need.program)).map(|need| need.package).collect();
    if !has_postgres() {
        missing.push("postgresql");
    }
    if !succeeds(command("python3", &["-c", "import venv, ensurepip"])) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !is_installed("apt-get") || !succeeds(command("sh", &["-c", "test $(id -u) = 0"])) {
        bail!(
            "the tests need these programs: {}. Install them, or run as root on Debian.",
            missing.join(", ")
        );
    }
    run(command("apt-get", &["update", "-qq"]))?;
    let mut install = command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"]);
    // Packages of servers start one on its default port; ours are private and on free ports.
    install.args(&missing).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    run(install)
}

fn has_postgres() -> bool {
    is_installed("postgres")
        || std::fs::read_dir(Path::new("/usr/lib/postgresql")).is_ok_and(|versions| {
            versions.flatten().any(|version| version.path().join("bin/postgres").is_file())
        })
}
