//! Writes answers.
//!
//! - `compose`: events to steps, such as "a text block begins" and "it ends": one block at a time.
//! - `stream` and `whole`: the steps as frames, or as the blocks of one message.
//! - `ending`: why the model stopped, and what it used.

mod arguments;
mod block;
mod compose;
mod ending;
mod stream;
mod whole;

use super::super::{AnswerEncoder, Envelope};
use crate::canonical::Task;

pub(crate) fn answer(envelope: Envelope, task: Option<&Task>, stream: bool) -> Box<dyn AnswerEncoder> {
    let stops = task.and_then(Task::chat).map(|request| request.stop.clone()).unwrap_or_default();
    let composer = compose::Composer::new(&envelope, stops);
    if stream {
        Box::new(stream::Stream::new(envelope, composer))
    } else {
        Box::new(whole::Whole::new(envelope, composer))
    }
}
