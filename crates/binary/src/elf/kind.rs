//! The kind of an ELF file, in the terms of users and release policies.

use std::fmt;

use object::elf::{
    DF_1_PIE, DT_FLAGS_1, DT_SONAME, DynamicFlags1, ET_CORE, ET_DYN, ET_EXEC, ET_REL, PT_INTERP,
};

use super::Elf;
use crate::error::{Error, ErrorKind};
use crate::quantity::Offset;

/// Where `e_type` stands, in either class.
const E_TYPE: Offset = Offset(0x10);

/// A kind of ELF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ET_REL`: the output of a compiler.
    RelocatableObject,
    /// `ET_CORE`: the memory of a program that was stopped.
    Core,
    /// `ET_DYN` that is not a program: a shared library, or the loader itself.
    SharedObject,
    /// `ET_EXEC` without a loader: one file that runs at a fixed address.
    StaticExecutable,
    /// `ET_EXEC` with a loader: runs at a fixed address, libraries at random ones.
    DynamicExecutable {
        /// The loader it asks for.
        interpreter: String,
    },
    /// `ET_DYN` with a loader and shared libraries.
    DynamicPie {
        /// The loader it asks for.
        interpreter: String,
        /// The libraries it asks for.
        needed: Vec<String>,
    },
    /// `ET_DYN` with a loader and no library: what Go makes with -buildmode=pie.
    LoaderOnlyPie {
        /// The loader it asks for.
        interpreter: String,
    },
    /// `ET_DYN` without a loader: one file that runs at any address.
    StaticPie,
}

impl Kind {
    /// Tells the kind of `elf`.
    ///
    /// # Errors
    /// When the loader's path or the dynamic section cannot be read, or the type is one that no
    /// Linux program has.
    pub fn of(elf: &Elf<'_>) -> Result<Self, Error> {
        let interpreter = elf
            .interpreter()?
            .map(|path| String::from_utf8_lossy(path).into_owned());
        match elf.header().kind {
            ET_REL => Ok(Self::RelocatableObject),
            ET_CORE => Ok(Self::Core),
            ET_EXEC => Ok(match interpreter {
                Some(interpreter) => Self::DynamicExecutable { interpreter },
                None => Self::StaticExecutable,
            }),
            ET_DYN => Self::of_dyn(elf, interpreter),
            other => {
                let message = format!(
                    "`e_type` is {:#x}, expected 0x1 (`ET_REL`), 0x2 (`ET_EXEC`), 0x3 (`ET_DYN`) \
                     or 0x4 (`ET_CORE`)",
                    other.0
                );
                Err(Error::at(ErrorKind::Unsupported, E_TYPE, message))
            }
        }
    }

    /// `ET_DYN` is one number for libraries and for programs that run at any address. Linkers mark
    /// the programs with `DF_1_PIE`; older ones did not, and their programs had a loader.
    fn of_dyn(elf: &Elf<'_>, interpreter: Option<String>) -> Result<Self, Error> {
        let Some(dynamic) = elf.dynamic()? else {
            let has_loader = elf.segments().iter().any(|s| s.kind == PT_INTERP);
            return Ok(match interpreter {
                Some(interpreter) if has_loader => Self::LoaderOnlyPie { interpreter },
                _ => Self::StaticPie,
            });
        };
        let flags = DynamicFlags1(dynamic.value(DT_FLAGS_1).unwrap_or_default());
        let marked = flags.contains(DF_1_PIE);
        let named = dynamic.value(DT_SONAME).is_some();
        let needed = dynamic.needed(elf)?;
        Ok(match interpreter {
            _ if named && !marked => Self::SharedObject,
            Some(interpreter) if needed.is_empty() => Self::LoaderOnlyPie { interpreter },
            Some(interpreter) => Self::DynamicPie {
                interpreter,
                needed,
            },
            None if marked => Self::StaticPie,
            None => Self::SharedObject,
        })
    }

    /// The dynamic loader that the program asks for, if it asks for one.
    pub fn interpreter(&self) -> Option<&str> {
        match self {
            Self::DynamicExecutable { interpreter }
            | Self::DynamicPie { interpreter, .. }
            | Self::LoaderOnlyPie { interpreter } => Some(interpreter),
            _ => None,
        }
    }

    /// Whether the kernel starts such a file at an address of its own choosing.
    pub fn is_position_independent(&self) -> bool {
        matches!(
            self,
            Self::DynamicPie { .. } | Self::LoaderOnlyPie { .. } | Self::StaticPie
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RelocatableObject => f.write_str("relocatable object"),
            Self::Core => f.write_str("core file"),
            Self::SharedObject => f.write_str("shared object"),
            Self::StaticExecutable => f.write_str("position-dependent executable"),
            Self::DynamicExecutable { interpreter } => {
                write!(f, "position-dependent executable that needs {interpreter}")
            }
            Self::DynamicPie {
                interpreter,
                needed,
            } => write!(
                f,
                "dynamic PIE that needs {interpreter} and {}",
                needed.join(", ")
            ),
            Self::LoaderOnlyPie { interpreter } => {
                write!(f, "dynamic PIE that needs {interpreter}")
            }
            Self::StaticPie => f.write_str("static-PIE"),
        }
    }
}
