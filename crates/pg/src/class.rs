//! What a database error means to its caller.

/// The few things a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The database is away or overloaded: come back.
    Unavailable,
    /// Another transaction was in the way: do the same again.
    Retry,
    /// A row that must be unique exists.
    Conflict,
    /// A constraint or a check refused the values.
    Refused,
    /// A bug.
    Other,
}

/// Classes an error by its SQLSTATE.
#[must_use]
pub fn class(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Class::Unavailable,
        sqlx::Error::Database(error) => error.code().map_or(Class::Other, |code| of_code(&code)),
        _ => Class::Other,
    }
}

fn of_code(code: &str) -> Class {
    match code {
        "40001" | "40P01" | "55P03" => Class::Retry,
        // The transaction was idle, or open, for too long: on a machine that is too busy.
        "25P03" | "25P04" => Class::Unavailable,
        "23505" => Class::Conflict,
        _ => match code.get(..2) {
            Some("08" | "53" | "57" | "58") => Class::Unavailable,
            Some("22" | "23") => Class::Refused,
            _ => Class::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classed_by_what_to_do() {
        assert_eq!(of_code("57P01"), Class::Unavailable);
        assert_eq!(of_code("25P03"), Class::Unavailable);
        assert_eq!(of_code("40P01"), Class::Retry);
        assert_eq!(of_code("23505"), Class::Conflict);
        assert_eq!(of_code("23514"), Class::Refused);
        assert_eq!(of_code("42601"), Class::Other);
        assert_eq!(class(&sqlx::Error::PoolTimedOut), Class::Unavailable);
    }
}
