mod answers;
mod errors;
mod generation;
mod requests;
