//! Emits an object: machine code for a stack machine, and the relocations that make it
//! position-independent.
//!
//! What a code generator must do for a static-PIE: refer to its own data relative to the instruction
//! pointer, call others through `R_X86_64_PLT32`, put constants with addresses in them into
//! `.data.rel.ro`, and say with `.note.GNU-stack` that its stack need not be executable.

use std::collections::BTreeMap;

use object::write::{
    Object, Relocation, SectionId, StandardSection, Symbol, SymbolId, SymbolSection,
};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags, RelocationKind,
    SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

use crate::parse::{Expression, Operator, Statement};

/// The object of a program, whose `main` runs it.
pub(crate) fn object(program: &[Statement]) -> anyhow::Result<Vec<u8>> {
    let mut emitter = Emitter::new();
    // push rbp; mov rbp, rsp: the stack is aligned to 16 bytes for calls from here on.
    emitter.code.extend([0x55, 0x48, 0x89, 0xe5]);
    for statement in program {
        emitter.statement(statement);
    }
    // xor eax, eax; pop rbp; ret
    emitter.code.extend([0x31, 0xc0, 0x5d, 0xc3]);
    emitter.finish()
}

struct Emitter {
    object: Object<'static>,
    code: Vec<u8>,
    /// A field of four bytes in the code, what it refers to, and how.
    references: Vec<(u64, SymbolId, RelocationKind)>,
    variables: BTreeMap<String, SymbolId>,
    print: SymbolId,
    format: SymbolId,
}

impl Emitter {
    fn new() -> Emitter {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let print = object.add_symbol(symbol("printf", SymbolSection::Undefined));
        // The text, and a pointer to it: an address that is only known when the program starts.
        let text = local(
            &mut object,
            "text",
            StandardSection::ReadOnlyData,
            b"%ld\n\0",
        );
        let format = local(
            &mut object,
            "format",
            StandardSection::ReadOnlyDataWithRel,
            &[0; 8],
        );
        let section = object.section_id(StandardSection::ReadOnlyDataWithRel);
        let address = Relocation {
            offset: 0,
            symbol: text,
            addend: 0,
            flags: RelocationFlags::Generic {
                kind: RelocationKind::Absolute,
                encoding: RelocationEncoding::Generic,
                size: 64,
            },
        };
        // The section and the symbol are in this object.
        _ = object.add_relocation(section, address);
        Emitter {
            object,
            code: Vec::new(),
            references: Vec::new(),
            variables: BTreeMap::new(),
            print,
            format,
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Assign(name, value) => {
                self.push(value);
                let variable = self.variable(name);
                self.code.push(0x58); // pop rax
                self.code.extend([0x48, 0x89, 0x05]); // mov [rip + variable], rax
                self.refer(variable, RelocationKind::Relative);
            }
            Statement::Print(value) => {
                self.push(value);
                self.code.push(0x5e); // pop rsi
                self.code.extend([0x48, 0x8b, 0x3d]); // mov rdi, [rip + format]
                self.refer(self.format, RelocationKind::Relative);
                self.code.extend([0x31, 0xc0]); // xor eax, eax
                self.code.push(0xe8); // call printf
                self.refer(self.print, RelocationKind::PltRelative);
            }
        }
    }

    /// Code that leaves the value on the stack.
    fn push(&mut self, value: &Expression) {
        match value {
            Expression::Number(number) => {
                self.code.extend([0x48, 0xb8]); // mov rax, number
                self.code.extend(number.to_le_bytes());
            }
            Expression::Name(name) => {
                let variable = self.variable(name);
                self.code.extend([0x48, 0x8b, 0x05]); // mov rax, [rip + variable]
                self.refer(variable, RelocationKind::Relative);
            }
            Expression::Binary(operator, left, right) => {
                self.push(left);
                self.push(right);
                self.code.extend([0x59, 0x58]); // pop rcx; pop rax
                self.code.extend(match operator {
                    Operator::Add => &[0x48, 0x01, 0xc8][..],  // add rax, rcx
                    Operator::Subtract => &[0x48, 0x29, 0xc8], // sub rax, rcx
                    Operator::Multiply => &[0x48, 0x0f, 0xaf, 0xc1], // imul rax, rcx
                });
            }
        }
        self.code.push(0x50); // push rax
    }

    /// Four bytes that the linker fills in, counted from behind them.
    fn refer(&mut self, symbol: SymbolId, kind: RelocationKind) {
        self.references.push((self.code.len() as u64, symbol, kind));
        self.code.extend([0; 4]);
    }

    fn variable(&mut self, name: &str) -> SymbolId {
        if let Some(variable) = self.variables.get(name) {
            return *variable;
        }
        let section = self.object.section_id(StandardSection::UninitializedData);
        let name_of_symbol = format!("toy.{name}");
        let variable = self
            .object
            .add_symbol(symbol(&name_of_symbol, SymbolSection::None));
        self.object.add_symbol_bss(variable, section, 8, 8);
        self.variables.insert(name.to_owned(), variable);
        variable
    }

    fn finish(mut self) -> anyhow::Result<Vec<u8>> {
        let text = self.object.section_id(StandardSection::Text);
        let main = Symbol {
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            ..symbol("main", SymbolSection::None)
        };
        let main = self.object.add_symbol(main);
        let start = self.object.add_symbol_data(main, text, &self.code, 16);
        for (place, symbol, kind) in self.references {
            reference(&mut self.object, text, start + place, symbol, kind)?;
        }
        let note = b".note.GNU-stack".to_vec();
        self.object
            .add_section(Vec::new(), note, SectionKind::Other);
        Ok(self.object.write()?)
    }
}

fn reference(
    object: &mut Object<'_>,
    section: SectionId,
    offset: u64,
    symbol: SymbolId,
    kind: RelocationKind,
) -> anyhow::Result<()> {
    let encoding = match kind {
        RelocationKind::PltRelative => RelocationEncoding::X86Branch,
        _ => RelocationEncoding::Generic,
    };
    let relocation = Relocation {
        offset,
        symbol,
        // The instruction pointer is behind the field.
        addend: -4,
        flags: RelocationFlags::Generic {
            kind,
            encoding,
            size: 32,
        },
    };
    Ok(object.add_relocation(section, relocation)?)
}

fn local(object: &mut Object<'_>, name: &str, section: StandardSection, data: &[u8]) -> SymbolId {
    let section = object.section_id(section);
    let id = object.add_symbol(symbol(name, SymbolSection::None));
    object.add_symbol_data(id, section, data, 8);
    id
}

fn symbol(name: &str, section: SymbolSection) -> Symbol {
    let is_own = section != SymbolSection::Undefined;
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        kind: match is_own {
            true => SymbolKind::Data,
            false => SymbolKind::Unknown,
        },
        scope: match is_own {
            true => SymbolScope::Compilation,
            false => SymbolScope::Unknown,
        },
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}
