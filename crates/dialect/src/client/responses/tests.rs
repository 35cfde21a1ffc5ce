mod answers;
mod replay;
mod requests;
