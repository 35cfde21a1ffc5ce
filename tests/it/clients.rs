//! The official client libraries, unchanged but for base URL and key, over models of every provider dialect.
//! What each has to be able to do is a list of named checks in `tests/clients/`; `targets.json` there names the
//! models.

pub(crate) mod matrix;
mod settings;

use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use libtest_mimic::Trial;
use testkit::{Platform, Topology};
use tokio::process::Command;
use tokio::runtime::Handle;

pub(crate) use matrix::Matrix;

use crate::shared::Shared;
use crate::{failed, root};

/// A library, and what runs its checks: a set of Python packages below `target/clients/`, or Node.
struct Client {
    name: &'static str,
    interpreter: Interpreter,
    script: &'static str,
}

enum Interpreter {
    Python(&'static str),
    Node,
}

const CLIENTS: [Client; 12] = [
    Client { name: "openai_python", interpreter: Interpreter::Python("python"), script: "openai_checks.py" },
    Client { name: "openai_node", interpreter: Interpreter::Node, script: "openai_checks.mjs" },
    Client {
        name: "anthropic_python",
        interpreter: Interpreter::Python("python"),
        script: "anthropic_checks.py",
    },
    Client { name: "anthropic_node", interpreter: Interpreter::Node, script: "anthropic_checks.mjs" },
    Client {
        name: "openrouter_python",
        interpreter: Interpreter::Python("openrouter"),
        script: "openrouter_checks.py",
    },
    Client {
        name: "openrouter_python_rooms",
        interpreter: Interpreter::Python("openrouter"),
        script: "openrouter_rooms_checks.py",
    },
    Client {
        name: "openrouter_node_rooms",
        interpreter: Interpreter::Node,
        script: "openrouter_rooms_checks.mjs",
    },
    Client { name: "openrouter_node", interpreter: Interpreter::Node, script: "openrouter_checks.mjs" },
    Client {
        name: "openrouter_python_accounts",
        interpreter: Interpreter::Python("openrouter"),
        script: "openrouter_accounts_checks.py",
    },
    Client {
        name: "openrouter_node_accounts",
        interpreter: Interpreter::Node,
        script: "openrouter_accounts_checks.mjs",
    },
    Client { name: "ai_sdk", interpreter: Interpreter::Node, script: "ai_checks.mjs" },
    Client { name: "langchain", interpreter: Interpreter::Python("python"), script: "langchain_checks.py" },
];

pub(crate) fn trials(handle: &Handle, shared: &Shared, matrix: &Matrix) -> Vec<Trial> {
    let mut trials = Vec::new();
    for client in &CLIENTS {
        for topology in Topology::BOTH {
            let (handle, shared, matrix) = (handle.clone(), shared.clone(), matrix.clone());
            let name = format!("{}::clients::{}", topology.name(), client.name);
            trials.push(Trial::test(name, move || {
                handle
                    .block_on(async {
                        let platform = shared.platform(topology).await?;
                        checks_of(client, &platform, &matrix).await
                    })
                    .map_err(failed)
            }));
        }
    }
    trials
}

/// Runs every check of a client and writes down how each went.
async fn checks_of(client: &Client, platform: &Arc<Platform>, matrix: &Matrix) -> anyhow::Result<()> {
    let settings = settings::of(platform).await?;
    let output = client.command(&settings)?.output().await.with_context(|| client.missing())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let outcomes = matrix::read(&said)?;
    ensure!(
        output.status.success() && !outcomes.is_empty(),
        "{} ended with {}: {said}{}",
        client.script,
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let failures: Vec<String> = outcomes.iter().filter_map(matrix::Outcome::failure).collect();
    matrix.add(platform.topology, client.name, outcomes);
    ensure!(failures.is_empty(), "{} checks failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

impl Client {
    fn command(&self, settings: &serde_json::Value) -> anyhow::Result<Command> {
        let (mut command, folder) = match self.interpreter {
            Interpreter::Python(set) => {
                let interpreter = root().join("target/clients").join(set).join("bin/python");
                ensure!(interpreter.is_file(), self.missing());
                (Command::new(interpreter), "tests/clients/python")
            }
            Interpreter::Node => (Command::new("node"), "tests/clients/node"),
        };
        command.arg(root().join(folder).join(self.script)).arg(settings.to_string());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    fn missing(&self) -> String {
        format!("{} is not installed: run `cargo xtask test`", self.name)
    }
}
