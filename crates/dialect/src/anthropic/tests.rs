mod answers;
mod errors;
mod requests;
mod structured;
mod thinking;
