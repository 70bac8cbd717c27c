//! The rules for Go programs, in report order: toolchain, source, build settings, and contents.
//! They apply to Go programs and libraries of every format.

mod build_info;
mod cgo;
mod cpu;
mod fips;
mod instrumented;
mod leaks;
mod paths;
mod program;
mod releases;
mod resolver;
mod stamp;
mod symbols;
mod toolchain;
mod vcs;

use handpie_binary::Image;
use handpie_binary::Offset;
use handpie_binary::go::{BuildInfo, Setting};

use crate::date::Date;
use crate::rule::Rule;
use crate::subject::{Language, Subject};
use handpie_binary::go::Version;
pub(crate) use program::Program;
use program::{Function, Functions, Mark, Symbols};

pub(crate) const RULES: &[Rule] = &[
    build_info::BUILD_INFO,
    toolchain::TOOLCHAIN,
    build_info::MODULE_LIST,
    vcs::VCS,
    vcs::VCS_DIRTY,
    stamp::VERSION_STAMP,
    cpu::CPU_LEVEL,
    cgo::CGO,
    cgo::CGO_FLAGS,
    resolver::LIBC_RESOLVER,
    toolchain::HEAP_BASE,
    fips::FIPS,
    instrumented::INSTRUMENTED,
    symbols::SYMBOLS,
    symbols::DWARF,
    paths::TRIMPATH,
    leaks::PATH_LEAK,
];

/// A Go program or library, as the rules ask it.
struct Go<'subject, 'data> {
    /// The day on which it is judged.
    today: Option<Date>,
    image: &'subject dyn Image<'data>,
    program: &'subject Program<'data>,
    info: Option<&'subject BuildInfo>,
    has_c: bool,
}

impl<'subject, 'data> Go<'subject, 'data> {
    /// `None` for what is not Go, or is never loaded.
    fn of(subject: &'subject Subject<'data>) -> Option<Self> {
        if !subject.language.is_go() || !subject.kind.is_loaded() {
            return None;
        }
        Some(Self {
            today: subject.today,
            image: &subject.binary,
            program: subject.go(),
            info: subject.build_info.as_ref(),
            has_c: subject.language == Language::GoWithC,
        })
    }

    /// The version of the toolchain as it is written, and where.
    fn version_text(&self) -> Option<(String, Offset)> {
        self.program.version_text(self.info, self.image)
    }

    /// The version of the toolchain.
    fn version(&self) -> Option<Version> {
        Version::parse(&self.version_text()?.0)
    }

    /// A `build` line.
    fn setting(&self, key: &str) -> Option<&'subject Setting> {
        self.info?.setting_line(key)
    }

    /// Whether `go build` recorded how the program was built.
    fn has_settings(&self) -> bool {
        self.info.is_some_and(BuildInfo::has_settings)
    }

    /// Whether it is one of Go's own programs, which are built in ways of their own.
    fn is_gos_own(&self) -> bool {
        self.info.is_some_and(|info| info.path.starts_with("cmd/"))
    }

    /// What the names of the functions say; `None` when there is no table of them.
    fn functions(&self) -> Option<&'subject Functions> {
        self.program.functions()
    }

    /// The first function that shows `mark`.
    fn mark(&self, mark: Mark) -> Option<&'subject Function> {
        self.functions()?.mark(mark)
    }

    /// A function of the runtime's side of cgo, if C is linked into the program.
    fn cgo(&self) -> Option<&'subject Function> {
        self.has_c.then(|| self.mark(Mark::RuntimeCgo)).flatten()
    }

    /// What the symbol table says.
    fn symbols(&self) -> &'subject Symbols<'data> {
        self.program.symbols(self.image)
    }

    /// The size of a pointer, in bytes.
    fn pointer_size(&self) -> Option<u64> {
        const OF_32_BITS: [&str; 4] = ["386", "arm", "mips", "mipsle"];
        match &self.program.table {
            Some(table) => Some(table.pointer_size()),
            None => self.setting("GOARCH").map(|cpu| {
                let narrow = OF_32_BITS.contains(&cpu.value.as_str());
                if narrow { 4 } else { 8 }
            }),
        }
    }
}

/// A setting as `go version -m` prints it.
fn written(setting: &Setting) -> String {
    format!("build {}={}", setting.key, setting.value)
}
