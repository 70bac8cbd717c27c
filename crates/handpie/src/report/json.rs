//! JSON that is written piece by piece.

use std::io::{self, Write};

use serde::Serialize;

/// A list whose items are written as they come, set as serde_json sets it.
pub(super) struct Items {
    /// How deep the items stand, in steps of two columns.
    depth: usize,
    any: bool,
}

impl Items {
    pub(super) fn at_depth(depth: usize) -> Self {
        Self { depth, any: false }
    }

    pub(super) fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.any = false;
        out.write_all(b"[")
    }

    pub(super) fn item(&mut self, out: &mut dyn Write, item: &impl Serialize) -> io::Result<()> {
        let start = if self.any { ",\n" } else { "\n" };
        self.any = true;
        let margin = "  ".repeat(self.depth);
        // No line ends inside a string: JSON writes those as `\n`.
        let text = serde_json::to_string_pretty(item)?.replace('\n', &format!("\n{margin}"));
        write!(out, "{start}{margin}{text}")
    }

    pub(super) fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.any {
            write!(out, "\n{}", "  ".repeat(self.depth.saturating_sub(1)))?;
        }
        out.write_all(b"]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_list_that_grows_looks_as_one_that_was_whole() {
        for items in [
            vec![],
            vec![json!({ "a": "x\ny", "b": [] })],
            vec![json!([1]), json!({})],
        ] {
            let mut out = Vec::new();
            let mut list = Items::at_depth(1);
            list.begin(&mut out).unwrap();
            for item in &items {
                list.item(&mut out, item).unwrap();
            }
            list.end(&mut out).unwrap();
            let whole = format!("{:#}", Value::from(items));
            assert_eq!(String::from_utf8(out).unwrap(), whole);
        }
    }
}
