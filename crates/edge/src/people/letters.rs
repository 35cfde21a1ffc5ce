//! What is written to people, as plain text.

use identity::OpaqueToken;
use serde::{Deserialize, Serialize};

use crate::access::Role;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// One line, whatever somebody called their organisation.
fn line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// The pages have no script, so that tokens stand where the service reads them. They are good for one use.
pub(super) fn invitation(base: &str, organisation: &str, role: Role, token: &OpaqueToken) -> Letter {
    let (organisation, role, token) = (line(organisation), role.as_str(), token.expose());
    let text = format!(
        "You are invited to join {organisation} on Patchbay, as {role}.\n\
         \n\
         Open this page to accept:\n\
         {base}/accept-invitation?token={token}\n\
         \n\
         Or from a shell, with a name and a password of at least 12 characters if you are new here:\n\
         POST {base}/account/v1/invitations/accept\n\
         {{\"token\": \"{token}\", \"name\": \"...\", \"password\": \"...\"}}\n\
         \n\
         The invitation can be used once, within seven days. If you did not expect it, ignore it.\n"
    );
    Letter { subject: format!("Invitation to join {organisation}"), text }
}

pub(super) fn password_reset(base: &str, token: &OpaqueToken) -> Letter {
    let token = token.expose();
    let text = format!(
        "Somebody, hopefully you, asked for a new password of your account on Patchbay.\n\
         \n\
         Open this page to choose one:\n\
         {base}/reset-password?token={token}\n\
         \n\
         Or from a shell:\n\
         POST {base}/account/v1/password-reset/confirm\n\
         {{\"token\": \"{token}\", \"password\": \"...\"}}\n\
         \n\
         The link can be used once, within an hour. If it was not you, ignore it: nothing has changed.\n"
    );
    Letter { subject: "A new password".to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_add_lines_to_a_letter() {
        let letter = invitation("https://x", "A\r\nBcc: b@c.de", Role::Viewer, &OpaqueToken::generate(""));
        assert!(!letter.subject.contains(['\r', '\n']));
        assert!(letter.text.contains("join A  Bcc: b@c.de on"));
    }
}
