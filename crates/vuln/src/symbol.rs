//! What a function is called in an advisory: `F` for a function, `T.M` for a method, in a package
//! that is named by its import path. The linker says more:
//!
//! ```text
//! net/http.(*Server).Serve             Server.Serve     a method on a pointer
//! a.b/c.Gen[go.shape.int]              Gen              an instance of a generic function
//! a.b/c.(*G[go.shape.[]uint8]).Get     G.Get            of a generic type
//! a.b/c.(*T).M-fm                      T.M              a method as a value
//! a.b/c.F.func1.2, a.b/c.F.gowrap1     F                closures of it
//! a.b/c.F-range1                       F                the body of a loop over a function
//! gopkg.in/yaml%2ev3.Unmarshal         gopkg.in/yaml.v3 Unmarshal
//! ```
//!
//! cmd/compile/internal/ir/func.go (`closureName`), cmd/compile/internal/types/fmt.go, and
//! cmd/internal/objabi/path.go make these names.

/// Bits of a hash; what is kept of many programs should be small. Of a program of 100,000 functions
/// and a database of 10,000 symbols, one in 280,000 would have a symbol that is not in it.
const HASH_MASK: u64 = (1 << 48) - 1;

/// A symbol of a package as a number of 48 bits: FNV-1a over both, with a NUL between. It is part of
/// the format of the database and of kept facts, and so never changes.
pub(crate) fn hash(package: &[u8], symbol: &[u8]) -> u64 {
    let bytes = package.iter().chain(&[0]).chain(symbol);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    // The lowest bits of FNV-1a are its weakest.
    (hash ^ hash.wrapping_shr(48)) & HASH_MASK
}

/// What stands in the name behind the package and its dot, as an advisory would spell it. The answer
/// replaces what is in `symbol`, so that many names need one allocation.
pub(crate) fn normalise(name: &[u8], symbol: &mut Vec<u8>) {
    symbol.clear();
    without_type_arguments(name, symbol);
    without_suffixes(symbol);
    let mut parts = symbol.split(|byte| *byte == b'.');
    let receiver = parts.next().unwrap_or_default();
    let method = parts.next();
    let (receiver, method) = (receiver.len(), method.map(<[u8]>::len));
    // A closure that was inlined is named after both functions: the first holds it.
    let end = match method {
        Some(method) => receiver.saturating_add(1).saturating_add(method),
        None => receiver,
    };
    symbol.truncate(end);
    if symbol.starts_with(b"(*")
        && let Some(close) = symbol.iter().position(|byte| *byte == b')')
    {
        symbol.remove(close);
        symbol.drain(..2);
    }
}

/// Type arguments may hold anything that a type is called, brackets in brackets included.
fn without_type_arguments(name: &[u8], out: &mut Vec<u8>) {
    let mut depth = 0usize;
    for byte in name {
        match byte {
            b'[' => depth = depth.saturating_add(1),
            b']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(*byte),
            _ => {}
        }
    }
}

/// What the compiler appends to the name of a function for what it makes of its parts.
fn without_suffixes(symbol: &mut Vec<u8>) {
    loop {
        let cut = without_last_part(symbol).or_else(|| without_hyphen(symbol));
        match cut {
            Some(length) => symbol.truncate(length),
            None => return,
        }
    }
}

/// The length without a last part that names a closure; never without the first part.
fn without_last_part(symbol: &[u8]) -> Option<usize> {
    let dot = symbol.iter().rposition(|byte| *byte == b'.')?;
    let last = symbol.get(dot.checked_add(1)?..)?;
    let words: [&[u8]; 4] = [b"func", b"gowrap", b"deferwrap", b""];
    let is_numbered = |word: &&[u8]| {
        let number = last.strip_prefix(*word);
        number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
    };
    let is_abi = last == b"abi0" || last == b"abiinternal";
    (dot > 0 && (is_abi || words.iter().any(is_numbered))).then_some(dot)
}

/// The length without `-fm` and `-range1`.
fn without_hyphen(symbol: &[u8]) -> Option<usize> {
    let hyphen = symbol.iter().rposition(|byte| *byte == b'-')?;
    let last = symbol.get(hyphen.checked_add(1)?..)?;
    let is_range = |last: &[u8]| {
        let number = last.strip_prefix(b"range");
        number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
    };
    (hyphen > 0 && (last == b"fm" || is_range(last))).then_some(hyphen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(name: &str) -> String {
        let mut symbol = b"what was there before".to_vec();
        normalise(name.as_bytes(), &mut symbol);
        String::from_utf8(symbol).unwrap()
    }

    #[test]
    fn functions_are_called_as_advisories_call_them() {
        for (name, symbol) in [
            ("F", "F"),
            ("(*Server).Serve", "Server.Serve"),
            ("Header.Get", "Header.Get"),
            ("Gen[go.shape.int]", "Gen"),
            ("Gen[go.shape.struct { a/b.T; F func([]int) }]", "Gen"),
            ("Gen[...]", "Gen"),
            ("(*G[go.shape.[]uint8]).Get", "G.Get"),
            ("G[go.shape.int,a.b/c.T[go.shape.string]].Get", "G.Get"),
            ("(*T).M-fm", "T.M"),
            ("T.M-fm", "T.M"),
            ("F.func1", "F"),
            ("F.func1.2", "F"),
            ("(*T).M.func3.1.gowrap2", "T.M"),
            ("(*T[...]).M.func1-range2", "T.M"),
            ("F.deferwrap1", "F"),
            ("F-range1", "F"),
            ("outer.inner.func1", "outer.inner"),
            ("(*T).M.inner.func1", "T.M"),
            ("glob..func1", "glob."),
            ("init.0", "init"),
            ("func1", "func1"),
            ("memmove.abi0", "memmove"),
            ("", ""),
            ("]]", ""),
            ("(*T", "(*T"),
        ] {
            assert_eq!(normalised(name), symbol, "{name}");
        }
    }

    #[test]
    fn a_hash_never_changes() {
        assert_eq!(hash(b"net/http", b"Server.Serve"), 0x53af_a878_1505);
        assert_ne!(hash(b"a", b"bc"), hash(b"ab", b"c"));
        assert!(hash(b"a", b"b") <= HASH_MASK);
    }
}
