//! Three kinds of number that never share a type, and numbers of things in words.
//!
//! Taking a file offset for a virtual address is the classic mistake of a program that rewrites
//! binaries. With a type each, the compiler finds it; the only way from one to the other is a
//! segment that maps both.

use std::fmt;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }
    };
}

quantity!(
    /// A position in the file, in bytes from its first byte.
    Offset
);
quantity!(
    /// A virtual address as the linker wrote it, before the load bias is added.
    Address
);
quantity!(
    /// A number of bytes.
    Size
);

macro_rules! position {
    ($name:ident) => {
        impl $name {
            /// The position `size` bytes further on, unless that is more than 64 bits hold.
            pub fn checked_add(self, size: Size) -> Option<Self> {
                self.0.checked_add(size.0).map(Self)
            }

            /// How many bytes lie between `start` and this position, unless it lies before `start`.
            pub fn distance_from(self, start: Self) -> Option<Size> {
                self.0.checked_sub(start.0).map(Size)
            }
        }
    };
}

position!(Offset);
position!(Address);

impl Size {
    /// The size of `length` bytes in memory.
    pub fn of(length: usize) -> Self {
        // A usize is at most 64 bits on every target of Rust.
        Self(length as u64)
    }
}

/// A number of things, with the noun in the form that goes with it: `1 advisory`, `2 advisories`.
///
/// `noun` is the singular, of a noun with a regular plural.
pub fn counted(number: impl fmt::Display + PartialEq + From<u8>, noun: &str) -> String {
    if number == 1.into() {
        return format!("{number} {noun}");
    }
    let ends_in_a_consonant = |stem: &&str| !stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y').filter(ends_in_a_consonant) {
        Some(stem) => format!("{number} {stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{number} {noun}es")
        }
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn nouns_agree_with_their_number() {
        assert_eq!(counted(1, "advisory"), "1 advisory");
        assert_eq!(counted(0, "advisory"), "0 advisories");
        assert_eq!(counted(2u64, "other module"), "2 other modules");
        assert_eq!(counted(21usize, "key"), "21 keys");
        assert_eq!(counted(3, "address"), "3 addresses");
        assert_eq!(counted(3, "patch"), "3 patches");
    }
}
