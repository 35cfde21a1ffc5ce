mod answers;
mod failures;
mod properties;
mod replay;
mod requests;
