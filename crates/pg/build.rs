//! A new migration is a reason to embed them anew.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
