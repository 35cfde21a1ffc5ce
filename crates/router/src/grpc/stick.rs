//! `Stick`: which endpoint served a conversation.

use rpc::Fault;
use rpc::router::StickRequest;
use uuid::Uuid;

use crate::choose::Held;
use crate::sticky::{Conversation, Sticky};

/// Remembers an endpoint.
///
/// # Errors
/// [`Fault`] for a key that is not of 16 bytes, and for ids that are none.
pub(super) fn stick(sticky: &Sticky, sent: &StickRequest) -> Result<(), Fault> {
    let conversation = Conversation::from_key(&sent.sticky_key)
        .ok_or_else(|| Fault::invalid("the sticky key must have 16 bytes"))?;
    let endpoint = id(&sent.endpoint_id)?;
    let credential = if sent.credential_id.is_empty() { Uuid::nil() } else { id(&sent.credential_id)? };
    sticky.put(conversation, &sent.name, Held { endpoint, credential });
    Ok(())
}

fn id(text: &str) -> Result<Uuid, Fault> {
    text.parse().map_err(|_| Fault::invalid(format!("`{text}` is no id")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_remembered_and_what_means_nothing_is_refused() {
        let sticky = Sticky::new(10, 60_000);
        let endpoint = Uuid::from_u128(7);
        let sent = StickRequest {
            sticky_key: vec![1; 16].into(),
            name: "a/m".to_owned(),
            endpoint_id: endpoint.to_string(),
            credential_id: String::new(),
        };
        stick(&sticky, &sent).unwrap();
        let held = Held { endpoint, credential: Uuid::nil() };
        assert_eq!(sticky.get(Conversation::from_key(&[1; 16]).unwrap(), "a/m"), Some(held));
        assert!(stick(&sticky, &StickRequest { sticky_key: vec![1; 4].into(), ..sent.clone() }).is_err());
        assert!(stick(&sticky, &StickRequest { endpoint_id: "seven".to_owned(), ..sent.clone() }).is_err());
        assert!(stick(&sticky, &StickRequest { credential_id: "seven".to_owned(), ..sent }).is_err());
    }
}
