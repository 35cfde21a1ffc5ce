mod agreement;
mod answers;
mod fold;
mod peeks;
mod reasoning;
mod requests;
