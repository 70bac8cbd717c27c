//! What a Go program contains, read once for all rules: the toolchain's version, functions,
//! symbols, and variables that the linker set.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use handpie_binary::Offset;
use handpie_binary::go::{BuildInfo, Name, Pclntab, Stamp, stamps};
use handpie_binary::{Image, Symbol};

/// A Go program, as far as it can be read.
#[derive(Debug)]
pub(crate) struct Program<'data> {
    /// The table of functions; `None` when none was found.
    pub(super) table: Option<Pclntab<'data>>,
    /// What the linker set; read when first asked for, because most programs have many symbols.
    symbols: OnceCell<Symbols<'data>>,
    functions: OnceCell<Functions>,
}

/// What the symbol table says.
#[derive(Debug, Default)]
pub(super) struct Symbols<'data> {
    /// How many have a name.
    pub(super) count: usize,
    /// One that the linker writes for every Go program, and so shows that Go's are among them.
    pub(super) runtime_main: bool,
    /// The variables that were set when it was linked.
    pub(super) stamps: Vec<Stamp<'data>>,
}

/// What the names of the functions say.
#[derive(Debug, Default)]
pub(super) struct Functions {
    /// What was found, and the first function that shows it.
    marks: BTreeMap<Mark, Function>,
    /// The packages that call C, each with the first function that shows it.
    pub(super) call_c: BTreeMap<String, Offset>,
}

/// A function and where its name stands.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// The name.
    pub(super) name: String,
    /// Its place in the file.
    pub(super) offset: Offset,
}

/// Something that a function in the program shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// The runtime's side of cgo.
    RuntimeCgo,
    /// The race detector.
    Race,
    /// The memory sanitizer.
    Msan,
    /// The address sanitizer.
    Asan,
    /// Counters of `-cover`.
    Cover,
    /// The main function of a test.
    TestMain,
    /// Package testing, as a dependency.
    Testing,
    /// Package net.
    Net,
    /// Package os/user.
    User,
    /// BoringCrypto instead of Go's own cryptography.
    Boring,
    /// OpenSSL instead of it, as vendors link it.
    OpenSsl,
    /// The cryptography of Windows or macOS instead of it, as vendors link it.
    SystemCrypto,
}

/// How the names of functions start that show something. A name that ends in a blank here has to be
/// the whole name. Names of functions that do nothing in a plain program, as all of internal/race
/// do, show nothing: they are in the table when they were inlined.
const STARTS: &[(Mark, &[u8])] = &[
    // As in `handpie_binary::go::has_cgo`.
    (Mark::RuntimeCgo, b"runtime/cgo."),
    (Mark::RuntimeCgo, b"crosscall2 "),
    // runtime/race.go; race0.go, which takes its place, is never linked.
    (Mark::Race, b"runtime.raceinit "),
    (Mark::Race, b"runtime.racemalloc "),
    // runtime/msan.go and asan.go, likewise.
    (Mark::Msan, b"runtime.msanread "),
    (Mark::Msan, b"runtime.msanmalloc "),
    (Mark::Asan, b"runtime.asanread "),
    (Mark::Asan, b"runtime.asanunpoison "),
    // Called at exit by what -cover adds; runtime/coverage by itself does not need it.
    (Mark::Cover, b"internal/coverage/cfile.emitMetaData "),
    (Mark::Cover, b"runtime/coverage.emitMetaData "),
    (Mark::TestMain, b"testing.MainStart "),
    (Mark::TestMain, b"testing.(*M).Run "),
    (Mark::Testing, b"testing."),
    (Mark::Net, b"net."),
    (Mark::User, b"os/user."),
    // crypto/internal/boring/sig: one of two functions, made to be searched for.
    (Mark::Boring, b"crypto/internal/boring/sig.BoringCrypto"),
    (Mark::OpenSsl, b"vendor/github.com/golang-fips/openssl"),
    (
        Mark::OpenSsl,
        b"vendor/github.com/microsoft/go-crypto-openssl/",
    ),
    (
        Mark::SystemCrypto,
        b"vendor/github.com/microsoft/go-crypto-winnative/",
    ),
    (
        Mark::SystemCrypto,
        b"vendor/github.com/microsoft/go-crypto-darwin/",
    ),
];

impl<'data> Program<'data> {
    pub(crate) fn read(image: &dyn Image<'data>) -> Self {
        Self {
            table: Pclntab::read(image).ok().flatten(),
            symbols: OnceCell::new(),
            functions: OnceCell::new(),
        }
    }

    /// The version of the toolchain as it is written, and where.
    pub(super) fn version_text(
        &self,
        info: Option<&BuildInfo>,
        image: &dyn Image<'data>,
    ) -> Option<(String, Offset)> {
        if let Some(info) = info {
            return Some((info.go_version.clone(), info.version_offset));
        }
        let stamps = &self.symbols(image).stamps;
        let stamp = stamps
            .iter()
            .find(|it| it.variable == b"runtime.buildVersion")?;
        Some((
            String::from_utf8_lossy(stamp.value).into_owned(),
            stamp.offset,
        ))
    }

    /// What the symbol table says.
    pub(super) fn symbols(&self, image: &dyn Image<'data>) -> &Symbols<'data> {
        self.symbols.get_or_init(|| {
            // Of what has not been read yet, no rule's answer gets out.
            let symbols = image.symbols().unwrap_or_default();
            Symbols {
                count: symbols
                    .iter()
                    .filter(|symbol| !symbol.name.is_empty())
                    .count(),
                runtime_main: symbols.iter().any(is_runtime_main),
                stamps: stamps(image, &symbols).unwrap_or_default(),
            }
        })
    }

    /// What the names of the functions say; `None` when there is no table of them.
    pub(super) fn functions(&self) -> Option<&Functions> {
        let table = self.table.as_ref()?;
        Some(self.functions.get_or_init(|| Functions::of(table)))
    }
}

fn is_runtime_main(symbol: &Symbol<'_>) -> bool {
    symbol.name == b"runtime.main" || symbol.name == b"_runtime.main"
}

impl Functions {
    fn of(table: &Pclntab<'_>) -> Self {
        let mut functions = Self::default();
        for name in table.functions().into_iter().flatten() {
            for (mark, _) in STARTS.iter().filter(|(_, start)| fits(&name, start)) {
                functions.marks.entry(*mark).or_insert_with(|| Function {
                    name: String::from_utf8_lossy(name.bytes).into_owned(),
                    offset: name.offset,
                });
            }
            if let Some(package) = name.calls_c() {
                functions.call_c.entry(package).or_insert(name.offset);
            }
        }
        functions
    }

    /// The first function that shows it.
    pub(super) fn mark(&self, mark: Mark) -> Option<&Function> {
        self.marks.get(&mark)
    }
}

fn fits(name: &Name<'_>, start: &[u8]) -> bool {
    match start.strip_suffix(b" ") {
        Some(whole) => name.bytes == whole,
        None => name.bytes.starts_with(start),
    }
}
