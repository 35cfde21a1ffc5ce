//! Words for the person at the terminal; logs go their own way.

use std::io::Write as _;

/// Prints one line on the standard output.
pub(crate) fn line(text: impl std::fmt::Display) {
    // Whoever closed the output has stopped reading.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints one step of what is being done.
pub(crate) fn step(text: impl std::fmt::Display) {
    line(format_args!("  {text}"));
}

/// Prints an error with its causes.
pub(crate) fn error(error: &anyhow::Error) {
    let _ = writeln!(std::io::stderr(), "patchbay: {error:#}");
}
