//! The functions that advisories about crates name, among the symbols of a Rust program. What is found
//! is linked. What is not found may be: code that was inlined has no symbol, and stripping takes all
//! of them away. So finding none proves nothing.
//!
//! ```text
//! _ZN4time14OffsetDateTime9now_local17h…E    time::OffsetDateTime::now_local     legacy
//! _RNvMs_NtCs…_4time…                        <time::…::OffsetDateTime>::now_local    v0 (RFC 2603)
//! <time::Tm as core::fmt::Display>::fmt      time::Tm::fmt, core::fmt::Display::fmt
//! time::now::{closure#0}, time::now::<u8>    time::now
//! ```
//!
//! An advisory names a function by the path that users write, and symbols have the one where it is
//! defined: `time::now_local` may be `time::offset::now_local`. So parts may be left out between.

use std::collections::{BTreeSet, HashMap};

use handpie_binary::{Address, Binary, Image, Incomplete, well_formed};
use memchr::memmem::Finder;

use crate::code::{Function, LinkedFunction, Location};
use crate::limits::MAX_DEMANGLED;
use crate::matches::{AffectedModule, Basis, Match};

/// Looks for the functions that advisories name of crates, and notes those that have a symbol.
///
/// # Errors
/// [`Incomplete`] when the symbols have not been read.
pub(crate) fn find(matches: &mut [Match<'_>], binary: &Binary<'_>) -> Result<(), Incomplete> {
    let modules = matches.iter_mut().flat_map(|matched| &mut matched.modules);
    let mut modules: Vec<&mut AffectedModule> =
        modules.filter(|it| !it.functions.is_empty()).collect();
    if modules.is_empty() {
        return Ok(());
    }
    let symbols = well_formed(binary.symbols())?.unwrap_or_default();
    let wanted = Wanted::of(&modules);
    let mut left = MAX_DEMANGLED;
    for symbol in symbols.iter().filter(|it| it.address.is_some()) {
        let Some(name) = wanted.demangled(symbol.name) else {
            continue;
        };
        // What is not looked at is as if it had no symbol, which claims nothing.
        let Some(rest) = left.checked_sub(name.len()) else {
            break;
        };
        left = rest;
        for (module, function) in wanted.among(&paths(&name)) {
            if let Some(module) = modules.get_mut(module) {
                module.add_function(function, &name, symbol.address);
            }
        }
    }
    Ok(())
}

/// The functions that are looked for.
struct Wanted {
    /// The crates, as code calls them.
    crates: Vec<Finder<'static>>,
    /// By the last part: the place of the module, and the path.
    functions: HashMap<String, Vec<(usize, String)>>,
}

impl Wanted {
    fn of(modules: &[&mut AffectedModule]) -> Self {
        // Identifiers are written out in both ways of mangling.
        let crates: BTreeSet<String> = modules.iter().map(|it| crate_of(it)).collect();
        let mut functions: HashMap<String, Vec<(usize, String)>> = HashMap::new();
        for (place, module) in modules.iter().enumerate() {
            for function in &module.functions {
                if let Some(last) = parts(function).last() {
                    let named = functions.entry((*last).to_owned()).or_default();
                    named.push((place, function.clone()));
                }
            }
        }
        let finders = crates.iter().map(|it| Finder::new(it).into_owned());
        Self {
            crates: finders.collect(),
            functions,
        }
    }

    /// The name of a symbol that may be a function of one of the crates.
    fn demangled(&self, symbol: &[u8]) -> Option<String> {
        let mut crates = self.crates.iter();
        let may_be = crates.any(|it| it.find(symbol).is_some());
        may_be.then(|| demangled(symbol)).flatten()
    }

    /// Those that a symbol with these paths is.
    fn among<'w>(&'w self, paths: &[Vec<&str>]) -> Vec<(usize, &'w String)> {
        let mut found = Vec::new();
        for path in paths {
            let named = path.last().and_then(|last| self.functions.get(*last));
            let named = named.into_iter().flatten();
            let named = named.filter(|(_, function)| is_named(path, function));
            found.extend(named.map(|(place, function)| (*place, function)));
        }
        found
    }
}

impl AffectedModule {
    fn add_function(&mut self, function: &str, name: &str, address: Option<Address>) {
        let key = (crate_of(self), function.to_owned());
        self.basis = Basis::Symbols;
        let known = self.symbols.entry(key).or_default();
        // Of several instances, closures among them, the shortest name.
        if known.as_ref().is_some_and(|it| it.name.len() <= name.len()) {
            return;
        }
        *known = Some(Function {
            name: name.to_owned(),
            offset: None,
            location: Some(Location {
                inlined: None,
                linked: Some(LinkedFunction {
                    address,
                    function: name.to_owned(),
                }),
            }),
            names: Vec::new(),
        });
    }
}

/// What Rust calls the crate in code.
fn crate_of(module: &AffectedModule) -> String {
    module.name.replace('-', "_")
}

/// A symbol of Rust in the words of the source, without the hash.
fn demangled(symbol: &[u8]) -> Option<String> {
    let symbol = std::str::from_utf8(symbol).ok()?;
    // What LLVM appends, such as `.llvm.123`, is passed over by the demangler.
    let name = rustc_demangle::try_demangle(symbol).ok()?;
    Some(format!("{name:#}"))
}

/// The paths that a function has, by the type that has it and by the trait: its parts, without type
/// arguments and closures.
fn paths<'n>(name: &'n str) -> Vec<Vec<&'n str>> {
    let Some((inside, behind)) = name.strip_prefix('<').and_then(split_at_close) else {
        return vec![parts(name)];
    };
    let path = |of: &'n str| [parts(of), parts(behind)].concat();
    match split_at_as(inside) {
        Some((own, of_trait)) => vec![path(own), path(of_trait)],
        None => vec![path(inside)],
    }
}

/// What stands before the `>` that closes what was opened before `text`, and behind it.
fn split_at_close(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1usize;
    let mut before = 0u8;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth = depth.saturating_add(1),
            // Not that of `->`.
            b'>' if before != b'-' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some((text.get(..at)?, text.get(at.checked_add(1)?..)?));
        }
        before = byte;
    }
    None
}

/// The type and the trait of `Type as Trait`, outside any type arguments.
fn split_at_as(text: &str) -> Option<(&str, &str)> {
    const AS: &str = " as ";
    let mut from = 0usize;
    loop {
        let at = text.get(from..)?.find(AS)?.checked_add(from)?;
        let before = text.get(..at)?;
        let opened = before.matches('<').count();
        let closed = before
            .matches('>')
            .count()
            .saturating_sub(before.matches("->").count());
        from = at.checked_add(AS.len())?;
        if opened == closed {
            return Some((before, text.get(from..)?));
        }
    }
}

/// The parts of a path between `::`, outside any type arguments.
fn parts(path: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut start = 0usize;
    let mut before = 0u8;
    let bytes = path.bytes().enumerate();
    for (at, byte) in bytes.chain([(path.len(), b':')]) {
        match byte {
            b'<' if depth == 0 => {
                found.extend(path.get(start..at));
                depth = 1;
            }
            b'<' => depth = depth.saturating_add(1),
            b'>' if before != b'-' => {
                depth = depth.saturating_sub(1);
                start = at.saturating_add(1);
            }
            b':' if depth == 0 => {
                found.extend(path.get(start..at));
                start = at.saturating_add(1);
            }
            _ => {}
        }
        before = byte;
    }
    // A reference or a pointer is to what is behind it.
    let words = found.into_iter().map(|part| {
        let part = part.trim_start_matches(['&', '*', '(', '[']);
        part.rsplit(' ').next().unwrap_or_default()
    });
    words
        .filter(|part| !part.is_empty() && !part.starts_with('{'))
        .collect()
}

/// Whether a symbol with these parts is the function that an advisory names: the same crate, the same
/// last part, and those between in the same order.
fn is_named(path: &[&str], function: &str) -> bool {
    let named: Vec<&str> = parts(function);
    let (Some((krate, named)), Some((of, path))) = (named.split_first(), path.split_first()) else {
        return false;
    };
    if krate != of || named.is_empty() || named.last() != path.last() {
        return false;
    }
    let mut path = path.iter();
    named.iter().all(|part| path.any(|it| it == part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(symbol: &str, function: &str) -> bool {
        let name = demangled(symbol.as_bytes()).unwrap_or_else(|| symbol.to_owned());
        paths(&name).iter().any(|path| is_named(path, function))
    }

    #[test]
    fn a_function_is_found_by_either_way_of_mangling() {
        for (symbol, function) in [
            (
                "_ZN4time16offset_date_time14OffsetDateTime9now_local17h0123456789abcdefE",
                "time::OffsetDateTime::now_local",
            ),
            ("_ZN4lzf48compress17h0123456789abcdefE", "lzf4::compress"),
            (
                "__ZN4lzf48compress17h0123456789abcdefE.llvm.123",
                "lzf4::compress",
            ),
            (
                "_ZN47_$LT$time..Tm$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
                "time::Tm::fmt",
            ),
            ("_RNvCs4fqI2P2rA04_7mycrate3foo", "mycrate::foo"),
            ("_RNCNvCs4fqI2P2rA04_7mycrate3foo0", "mycrate::foo"),
            (
                "_RNvMs_NtCs4fqI2P2rA04_7mycrate3barNtB4_3Baz3new",
                "mycrate::Baz::new",
            ),
        ] {
            assert!(
                is(symbol, function),
                "{symbol}: {:?}",
                demangled(symbol.as_bytes())
            );
        }
    }

    #[test]
    fn type_arguments_closures_and_traits_are_set_aside() {
        for (name, function) in [
            ("time::now::{{closure}}", "time::now"),
            ("time::now::{closure#0}", "time::now"),
            ("time::now::<u8, fn(a::B) -> c::D<E>>", "time::now"),
            ("time::Tm<T>::now", "time::Tm::now"),
            ("<time::Tm<a::B<C>>>::now", "time::Tm::now"),
            ("<&mut time::Tm as a::B<C>>::now", "time::Tm::now"),
            ("<a::B<C as D> as time::Clock>::now", "time::Clock::now"),
            ("<a::B<fn() -> C> as time::Clock>::now", "time::Clock::now"),
        ] {
            assert!(is(name, function), "{name}: {:?}", paths(name));
        }
    }

    #[test]
    fn another_function_is_not_found() {
        for (name, function) in [
            ("time::now_local", "time::now"),
            ("timer::now", "time::now"),
            ("other::time::now", "time::now"),
            ("time::Tm::now", "time::OffsetDateTime::now"),
            ("time::now::inner", "time::now"),
            ("time", "time"),
            ("", "time::now"),
            ("<", "time::now"),
            ("<<<", "time::now"),
            ("<a as ", "time::now"),
        ] {
            assert!(!is(name, function), "{name}: {:?}", paths(name));
        }
    }
}
