//! Which packages and symbols are linked into a program, by the names of its functions alone. The
//! runtime needs those to print a stack, so no way of stripping or linking takes them away, and
//! functions that were inlined everywhere are among them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use handpie_binary::go::{Name, Pclntab};
use handpie_binary::{Address, Binary, Incomplete, Offset};

use crate::symbol;

/// The code of a program, as far as it can be asked about.
#[derive(Debug)]
pub(crate) enum Code<'data> {
    /// Nothing can be asked.
    Unreadable,
    /// The table of functions, and the import path of the main package.
    Table {
        functions: Pclntab<'data>,
        main: String,
    },
    /// Functions that another program listed: the import path of the package, and the name behind it.
    Listed(Vec<(String, String)>),
    /// What was kept of it.
    Kept {
        packages: BTreeSet<String>,
        /// Hashes, sorted.
        symbols: Vec<u64>,
    },
}

/// All packages, and all symbols as hashes, sorted.
pub(super) type Everything = (BTreeSet<String>, Vec<u64>);

/// Symbols that are asked for, as hashes, by the import path of their package.
pub(crate) type Wanted = HashMap<String, HashSet<u64>>;

/// What of the code was found.
#[derive(Debug, Default)]
pub(crate) struct Linked {
    /// Every package that has a function in the program.
    pub(crate) packages: BTreeSet<String>,
    /// The functions of each symbol that was asked for; `None` in what was kept.
    pub(crate) symbols: HashMap<u64, Option<Function>>,
}

/// A function that is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, as the linker wrote it. Of several functions of a symbol (instances of a generic
    /// one, closures) the shortest.
    pub name: String,
    /// Where the name stands in the file; `None` where a symbol of Rust has it.
    pub offset: Option<Offset>,
    /// Where it and the others of its symbol are; `None` until somebody has asked, and where
    /// the program does not tell.
    pub location: Option<Location>,
    /// Where the names stand of all functions of the symbol.
    pub(crate) names: Vec<Offset>,
}

/// Where the functions of a symbol are in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What they were inlined into; `None` where that is not known.
    pub inlined: Option<Inlined>,
    /// One that has code of its own, if one has.
    pub linked: Option<LinkedFunction>,
}

/// The functions whose code those of a symbol have become part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inlined {
    /// How many there are.
    pub count: u64,
    /// Their names; of very many, the first.
    pub into: Vec<String>,
}

/// A function that has code of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedFunction {
    /// Where its code starts, as the linker numbers addresses; `None` where that is not known.
    pub address: Option<Address>,
    /// Its name.
    pub function: String,
}

impl<'data> Code<'data> {
    /// All packages, and those of the wanted symbols that are linked; `None` when nothing can be
    /// asked.
    pub(crate) fn linked(&self, wanted: &Wanted) -> Result<Option<Linked>, Incomplete> {
        Ok(match self {
            Self::Unreadable => None,
            Self::Table { functions, main } => Some(linked_in_table(functions, main, wanted)?),
            Self::Listed(functions) => Some(linked_in_list(functions, wanted)),
            Self::Kept { packages, symbols } => {
                let wanted = wanted.values().flatten();
                let found = wanted.filter(|hash| symbols.binary_search(hash).is_ok());
                Some(Linked {
                    packages: packages.clone(),
                    symbols: found.map(|hash| (*hash, None)).collect(),
                })
            }
        })
    }

    /// Where functions are, for each group of the offsets of their names. `None` when nothing tells.
    pub(crate) fn locations(
        &self,
        binary: &Binary<'data>,
        groups: &[Vec<Offset>],
    ) -> Result<Option<Vec<Location>>, Incomplete> {
        let Self::Table { functions, .. } = self else {
            return Ok(None);
        };
        let Some(places) = functions.places(binary, groups)? else {
            return Ok(None);
        };
        let locations = places.into_iter().map(|place| Location {
            inlined: place.inlined.map(|inlined| Inlined {
                count: inlined.count,
                into: inlined.into.iter().map(text).collect(),
            }),
            linked: place.linked.map(|linked| LinkedFunction {
                address: linked.address,
                function: text(&linked.name),
            }),
        });
        Ok(Some(locations.collect()))
    }

    /// Every package, and every symbol as a hash, sorted: what is worth keeping. `None` when nothing
    /// can be asked.
    pub(crate) fn everything(&self) -> Result<Option<Everything>, Incomplete> {
        Ok(match self {
            Self::Unreadable => None,
            Self::Kept { packages, symbols } => Some((packages.clone(), symbols.clone())),
            Self::Table { .. } | Self::Listed(_) => {
                let mut found = Vec::new();
                let every = |_: &str| true;
                let packages = self.each_symbol(every, |package, symbol| {
                    found.push(symbol::hash(package.as_bytes(), symbol));
                })?;
                found.sort_unstable();
                found.dedup();
                Some((packages, found))
            }
        })
    }

    /// Every symbol of the wanted packages, by package; nothing where names cannot be asked for.
    pub(crate) fn symbols(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Incomplete> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        self.each_symbol(is_wanted, |package, symbol| {
            let symbol = String::from_utf8_lossy(symbol);
            match found.get_mut(package) {
                Some(symbols) if symbols.contains(symbol.as_ref()) => {}
                Some(symbols) => _ = symbols.insert(symbol.into_owned()),
                None => _ = found.insert(package.to_owned(), [symbol.into_owned()].into()),
            }
        })?;
        Ok(found)
    }

    /// Calls `visit` with the package of every function of wanted packages and its name as an advisory
    /// spells it, as often as it comes; returns all packages.
    fn each_symbol(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        mut visit: impl FnMut(&str, &[u8]),
    ) -> Result<BTreeSet<String>, Incomplete> {
        let mut spelt = Vec::new();
        match self {
            Self::Table { functions, main } => {
                let visit = |package: &Package<'_, bool>, rest: &[u8], _: &Name<'_>| {
                    if package.wanted {
                        symbol::normalise(rest, &mut spelt);
                        visit(&package.path, &spelt);
                    }
                };
                each(functions, main, is_wanted, visit)
            }
            Self::Listed(functions) => {
                for (package, name) in functions.iter().filter(|(package, _)| is_wanted(package)) {
                    symbol::normalise(name.as_bytes(), &mut spelt);
                    visit(package, &spelt);
                }
                let packages = functions.iter().map(|(package, _)| package.clone());
                Ok(packages.collect())
            }
            Self::Unreadable | Self::Kept { .. } => Ok(BTreeSet::new()),
        }
    }
}

impl Function {
    fn of(name: &Name<'_>) -> Self {
        Self {
            name: text(name),
            offset: Some(name.offset),
            location: None,
            names: vec![name.offset],
        }
    }

    fn add(&mut self, name: &Name<'_>) {
        if name.bytes.len() < self.name.len() {
            self.name = text(name);
            self.offset = Some(name.offset);
        }
        self.names.push(name.offset);
    }
}

fn text(name: &Name<'_>) -> String {
    String::from_utf8_lossy(name.bytes).into_owned()
}

/// A package of the program, and what is wanted of it.
struct Package<'n, W> {
    /// As the linker writes it.
    name: &'n [u8],
    path: String,
    wanted: W,
}

fn linked_in_table(
    functions: &Pclntab<'_>,
    main: &str,
    wanted: &Wanted,
) -> Result<Linked, Incomplete> {
    let mut found = HashMap::new();
    let mut spelt = Vec::new();
    let wanted_of = |path: &str| wanted.get(path).filter(|symbols| !symbols.is_empty());
    let visit = |package: &Package<'_, Option<&HashSet<u64>>>, rest: &[u8], name: &Name<'_>| {
        let Some(symbols) = package.wanted else {
            return;
        };
        symbol::normalise(rest, &mut spelt);
        let hash = symbol::hash(package.path.as_bytes(), &spelt);
        if symbols.contains(&hash) {
            let found: &mut Option<Function> = found.entry(hash).or_default();
            match found {
                Some(function) => function.add(name),
                None => *found = Some(Function::of(name)),
            }
        }
    };
    let packages = each(functions, main, wanted_of, visit)?;
    Ok(Linked {
        packages,
        symbols: found,
    })
}

fn linked_in_list(functions: &[(String, String)], wanted: &Wanted) -> Linked {
    let mut linked = Linked::default();
    let mut spelt = Vec::new();
    for (package, name) in functions {
        if !linked.packages.contains(package) {
            linked.packages.insert(package.clone());
        }
        symbol::normalise(name.as_bytes(), &mut spelt);
        let hash = symbol::hash(package.as_bytes(), &spelt);
        if wanted.get(package).is_some_and(|it| it.contains(&hash)) {
            linked.symbols.insert(hash, None);
        }
    }
    linked
}

/// Calls `visit` with the package of every function, what stands behind its dot, and the whole name;
/// returns all packages. `wanted` is asked once for each package, by its path.
fn each<'data, W>(
    functions: &Pclntab<'data>,
    main: &str,
    wanted: impl Fn(&str) -> W,
    mut visit: impl FnMut(&Package<'data, W>, &[u8], &Name<'data>),
) -> Result<BTreeSet<String>, Incomplete> {
    let mut packages: Vec<Package<'data, W>> = Vec::new();
    let mut known: HashMap<&[u8], usize> = HashMap::new();
    // Functions mostly stand beside others of their package.
    let mut last = 0usize;
    for name in functions.functions()? {
        let here = packages.get(last);
        if let Some(package) = here
            && let Some(rest) = rest_in(package.name, name.bytes)
        {
            visit(package, rest, &name);
            continue;
        }
        let of = name.package();
        if of.is_empty() {
            continue;
        }
        last = *known.entry(of).or_insert_with(|| {
            let path = match of {
                b"main" => main.to_owned(),
                _ => name.import_path(),
            };
            packages.push(Package {
                name: of,
                wanted: wanted(&path),
                path,
            });
            packages.len().saturating_sub(1)
        });
        let behind = of.len().saturating_add(1);
        if let Some(package) = packages.get(last) {
            visit(package, name.bytes.get(behind..).unwrap_or_default(), &name);
        }
    }
    let paths = packages.into_iter().map(|package| package.path);
    Ok(paths.collect())
}

/// What stands behind the dot, if the name is one of that package.
fn rest_in<'n>(package: &[u8], name: &'n [u8]) -> Option<&'n [u8]> {
    let rest = name.strip_prefix(package)?.strip_prefix(b".")?;
    // A slash before any type argument would belong to a longer path.
    match memchr::memchr2(b'/', b'[', rest) {
        Some(at) if rest.get(at) == Some(&b'/') => None,
        _ => Some(rest),
    }
}
