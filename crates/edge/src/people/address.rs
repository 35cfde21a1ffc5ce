//! E-mail addresses, as people are told apart by them.

use super::Error;

/// An address that mail can be sent to, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// # Errors
    /// [`Error::NoAddress`].
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let email = text.trim().to_lowercase();
        let is_plain = email.len() <= 254 && email.is_ascii() && !email.contains(char::is_whitespace);
        let is_address =
            is_plain && email.matches('@').count() == 1 && email.parse::<lettre::Address>().is_ok();
        if is_address { Ok(Self(email)) } else { Err(Error::NoAddress) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_however_it_is_written() {
        let email = Email::parse(" Ada@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "ada@example.com");
        assert!(Email::parse("admin@patchbay.localhost").is_ok());
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@x@example.com",
            "ada@example.com\r\nBcc: x",
        ] {
            assert!(Email::parse(wrong).is_err(), "{wrong}");
        }
    }
}
