//! How the objects of a program were compiled, as a log of its build says.
//!
//! The file itself seldom tells: `-trimpath` and strip take away what compilers record.

/// What a log of a build says of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compilations {
    /// The objects that were linked, without those of libc and of the compiler; none when the log
    /// does not know the program.
    pub objects: Vec<ObjectCompilation>,
}

/// An object that was linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCompilation {
    /// Its name, with the archive it is from.
    pub name: String,
    /// The flags that the compiler was given, in their order; `None` when the log says nothing of it.
    pub flags: Option<Vec<String>>,
}

impl ObjectCompilation {
    /// Whether the last flag that decides says so; `None` when it is not known.
    pub(crate) fn had(&self, for_it: &[&str], against: &[&str]) -> Option<bool> {
        let flags = self.flags.as_ref()?;
        let starts = |flag: &str, with: &[&str]| with.iter().any(|start| flag.starts_with(start));
        let mut flags = flags.iter().rev().map(String::as_str);
        let decides = flags.find(|flag| starts(flag, for_it) || starts(flag, against));
        Some(decides.is_some_and(|flag| starts(flag, for_it) && !starts(flag, against)))
    }
}
