//! A real inference server, llama.cpp's, with a tiny model of random weights that `tests/inference-server/` makes.

use crate::python;
use crate::shell::{command, run};

const SET: &str = "inference-server";

/// Installs the server, which is prebuilt; quick when it is there.
pub(crate) fn install() -> anyhow::Result<()> {
    python::install(SET, "tests/inference-server/requirements.txt")
}

/// Serves until the input ends or Ctrl-C, on a free port that it prints.
pub(crate) fn serve(arguments: &[String]) -> anyhow::Result<()> {
    install()?;
    let mut server = command(python::interpreter(SET), &["tests/inference-server/serve.py"]);
    server.args(arguments);
    run(server)
}
