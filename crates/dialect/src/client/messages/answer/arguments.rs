//! Whether the arguments of a call are complete, told from their pieces.

/// The JSON text of an object as it comes, of which nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    depth: u32,
    has_begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Arguments {
    pub(super) fn take(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.has_begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    pub(super) fn have_begun(&self) -> bool {
        self.has_begun
    }

    pub(super) fn are_complete(&self) -> bool {
        self.has_begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_brace_completes_them() {
        let mut arguments = Arguments::default();
        for piece in ["", " {\"a\": \"}\\", "\"}", "\", \"b\": [{}", "]"] {
            arguments.take(piece);
            assert!(!arguments.are_complete(), "{piece}");
        }
        arguments.take("}");
        assert!(arguments.are_complete());
    }
}
