mod answers;
mod errors;
mod requests;
mod thinking;
