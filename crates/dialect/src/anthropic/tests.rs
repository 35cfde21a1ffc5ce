mod answers;
mod errors;
mod natives;
mod requests;
mod structured;
mod thinking;
mod verbatim;
