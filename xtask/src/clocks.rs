//! The library that moves the clock of a process, for drills with clocks that are wrong.

use crate::python;

/// Installs the library, which is built from C. Where that cannot be done, the drill says that it is skipped.
pub(crate) fn install() {
    if let Err(error) = python::install("clocks", "tests/clocks/requirements.txt") {
        println!("clocks cannot be moved here: {error:#}");
    }
}
