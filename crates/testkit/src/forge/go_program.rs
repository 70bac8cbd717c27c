//! Forges what Go's linker leaves in a 64-bit ELF file: build info, table of functions, symbols. It
//! cannot be run; it can say whatever a test wants.
//!
//! Address and file offset are the same everywhere: one segment maps the whole file at 0.

#![expect(
    missing_docs,
    reason = "fields and constants bear the names that the specification gives them"
)]

/// A Go program, to be varied and built.
#[derive(Clone, Debug)]
pub struct GoProgram {
    version: String,
    /// The lines of the build info, without their ends.
    lines: Vec<String>,
    has_build_info: bool,
    has_table: bool,
    functions: Vec<String>,
    files: Vec<String>,
    /// Symbols, and what the linker was told to put into the variables they name.
    symbols: Vec<(String, Vec<u8>)>,
    /// Name, `sh_flags`, bytes.
    sections: Vec<(&'static str, u64, Vec<u8>)>,
}

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const SHT_PROGBITS: u32 = 1;
const SHT_SYMTAB: u32 = 2;
const SHT_STRTAB: u32 = 3;

impl Default for GoProgram {
    fn default() -> Self {
        Self::new()
    }
}

impl GoProgram {
    /// A release of a module, built as it should be, whose symbols were kept.
    pub fn new() -> Self {
        let lines = [
            "path\texample.org/app",
            "mod\texample.org/app\tv1.2.3\t",
            "dep\texample.org/lib\tv0.1.0\th1:abc=",
            "build\t-buildmode=pie",
            "build\t-trimpath=true",
            "build\tCGO_ENABLED=0",
            "build\tGOARCH=amd64",
            "build\tGOOS=linux",
            "build\tGOAMD64=v1",
            "build\tvcs=git",
            "build\tvcs.revision=0123456789abcdef0123456789abcdef01234567",
            "build\tvcs.time=2026-11-22T00:00:00Z",
            "build\tvcs.modified=false",
        ];
        Self {
            version: "go1.27.4".to_owned(),
            lines: lines.map(str::to_owned).to_vec(),
            has_build_info: true,
            has_table: true,
            functions: vec!["runtime.main".to_owned(), "main.main".to_owned()],
            files: vec![
                "runtime/proc.go".to_owned(),
                "example.org/app/main.go".to_owned(),
            ],
            symbols: vec![("runtime.main".to_owned(), Vec::new())],
            sections: Vec::new(),
        }
    }

    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// A setting, in the place of one of that name.
    pub fn setting(self, key: &str, value: &str) -> Self {
        self.without(&format!("build\t{key}="))
            .line(&format!("build\t{key}={value}"))
    }

    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Without the lines of the build info that start like this.
    pub fn without(mut self, start: &str) -> Self {
        self.lines.retain(|line| !line.starts_with(start));
        self
    }

    pub fn without_build_info(mut self) -> Self {
        self.has_build_info = false;
        self
    }

    pub fn without_table(mut self) -> Self {
        self.has_table = false;
        self
    }

    pub fn function(mut self, name: &str) -> Self {
        self.functions.push(name.to_owned());
        self
    }

    pub fn file(mut self, name: &str) -> Self {
        self.files.push(name.to_owned());
        self
    }

    /// A variable that the linker has set.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        let bytes = value.bytes().chain([0]).collect();
        self.symbols.push((format!("{name}.str"), bytes));
        self
    }

    pub fn stripped(mut self) -> Self {
        self.symbols.clear();
        self
    }

    pub fn section(mut self, name: &'static str, flags: u64, bytes: &[u8]) -> Self {
        self.sections.push((name, flags, bytes.to_vec()));
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let mut file = vec![0; HEADER + PROGRAM_HEADER + 8];
        let mut sections = vec![("", 0u32, 0u64, (0, 0), 0u32)];
        let mut place = |file: &mut Vec<u8>, name, kind, flags, bytes: &[u8], link| {
            file.resize(file.len().next_multiple_of(16), 0);
            let at = file.len();
            file.extend(bytes);
            sections.push((name, kind, flags, (at, bytes.len()), link));
            at
        };
        if self.has_build_info {
            place(
                &mut file,
                ".go.buildinfo",
                SHT_PROGBITS,
                3,
                &self.build_info(),
                0,
            );
        }
        // The note that Go's linker writes; by it a program without build info is known as Go's.
        place(&mut file, ".note.go.buildid", SHT_PROGBITS, 2, b"note", 0);
        if self.has_table {
            place(&mut file, ".gopclntab", SHT_PROGBITS, 2, &self.table(), 0);
        }
        for (name, flags, bytes) in &self.sections {
            place(&mut file, name, SHT_PROGBITS, *flags, bytes, 0);
        }
        if !self.symbols.is_empty() {
            let mut names = vec![0u8];
            let mut table = vec![0u8; 24];
            for (name, value) in &self.symbols {
                let at = place(&mut file, ".value", SHT_PROGBITS, 2, value, 0);
                table.extend(
                    u32::try_from(names.len())
                        .expect("a small file")
                        .to_le_bytes(),
                );
                table.extend([1, 0, 1, 0]);
                table.extend(
                    [at, value.len()]
                        .map(|it| (it as u64).to_le_bytes())
                        .concat(),
                );
                names.extend(name.bytes().chain([0]));
            }
            let strings = 3 + usize::from(self.has_table) + usize::from(self.has_build_info);
            let strings = strings + self.sections.len() + self.symbols.len();
            let link = u32::try_from(strings).expect("few sections");
            place(&mut file, ".symtab", SHT_SYMTAB, 0, &table, link);
            place(&mut file, ".strtab", SHT_STRTAB, 0, &names, 0);
        }
        finish(file, sections)
    }

    fn build_info(&self) -> Vec<u8> {
        let text: String = self.lines.iter().flat_map(|line| [line, "\n"]).collect();
        let framed = format!("0123456789abcdef{text}0123456789abcdef");
        let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
        bytes.resize(32, 0);
        for part in [self.version.as_bytes(), framed.as_bytes()] {
            let length = part.len();
            bytes.extend(
                [length & 0x7f | 0x80, length >> 7].map(|it| u8::try_from(it).expect("seven bits")),
            );
            bytes.extend(part);
        }
        bytes
    }

    /// The table of functions as Go 1.20 and newer lay it out.
    fn table(&self) -> Vec<u8> {
        let row = |names: &[String]| -> Vec<u8> {
            names
                .iter()
                .flat_map(|name| name.bytes().chain([0]))
                .collect()
        };
        let (functions, files) = (row(&self.functions), row(&self.files));
        let start = 72;
        let (cu, end) = (
            start + functions.len(),
            start + functions.len() + files.len(),
        );
        let numbers = [
            self.functions.len(),
            self.files.len(),
            0,
            start,
            cu,
            cu,
            end,
            end,
        ];
        let mut table = b"\xf1\xff\xff\xff\0\0\x01\x08".to_vec();
        table.extend(numbers.map(|it| (it as u64).to_le_bytes()).concat());
        table.extend(functions);
        table.extend(files);
        table.resize(table.len() + 64, 0);
        table
    }
}

type Section = (&'static str, u32, u64, (usize, usize), u32);

/// Puts names, section headers, the program header and the ELF header around the parts.
fn finish(mut file: Vec<u8>, mut sections: Vec<Section>) -> Vec<u8> {
    let mut names = Vec::new();
    let mut starts = Vec::new();
    sections.push((".shstrtab", SHT_STRTAB, 0, (0, 0), 0));
    for (name, ..) in &sections {
        starts.push(u32::try_from(names.len()).expect("a small file"));
        names.extend(name.bytes().chain([0]));
    }
    let last = sections.len() - 1;
    sections[last].3 = (file.len(), names.len());
    file.extend(names);
    file.resize(file.len().next_multiple_of(16), 0);
    let table = file.len();
    for ((_, kind, flags, (at, size), link), name) in sections.iter().zip(starts) {
        let address = if *flags & 2 == 0 { 0 } else { *at };
        file.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend(flags.to_le_bytes());
        file.extend(
            [address, *at, *size]
                .map(|it| (it as u64).to_le_bytes())
                .concat(),
        );
        file.extend([link.to_le_bytes(), 0u32.to_le_bytes()].concat());
        let entry: u64 = if *kind == SHT_SYMTAB { 24 } else { 0 };
        file.extend([1u64, entry].map(u64::to_le_bytes).concat());
    }
    let size = file.len() as u64;
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(16, 0);
    head.extend([2u16, 62].map(u16::to_le_bytes).concat());
    head.extend(1u32.to_le_bytes());
    head.extend(
        [0, HEADER as u64, table as u64]
            .map(u64::to_le_bytes)
            .concat(),
    );
    head.extend(0u32.to_le_bytes());
    let counts = [64, 56, 1, 64, sections.len(), last];
    head.extend(
        counts
            .map(|it| u16::try_from(it).expect("few sections").to_le_bytes())
            .concat(),
    );
    // PT_LOAD, readable and writable.
    head.extend([1u32, 6].map(u32::to_le_bytes).concat());
    head.extend([0, 0, 0, size, size, 0x1000].map(u64::to_le_bytes).concat());
    file[..head.len()].copy_from_slice(&head);
    file
}
