//! Can these objects become a static-PIE? Tells before anything is linked, with every reason and the
//! place of each.
//!
//! A static-PIE relocates itself when it starts, and its start-up code can do one thing: add the load
//! bias to a whole word in memory that is writable at that time (`R_*_RELATIVE`). So of all
//! relocations in objects, those that store an address are the ones to look at:
//!
//! - a whole word in a writable section becomes a word that is relocated;
//! - a whole word in code or read-only data would have to be written where nothing may be written (a
//!   text relocation);
//! - part of an address, or an address in less than a word, can be stored nowhere. Some linkers store
//!   a whole word over it all the same, and with it over what lies beside.
//!
//! Everything that is a distance, an offset in a page or table, or a number is the same wherever the
//! program is. Which relocation is which stands in one table a CPU below `cpu`. A relocation, CPU or
//! input that is not known is refused.
//!
//! Linkers differ: many accept what fails when the program runs, and most stop at the first reason.
//! What is judged, and what cannot be seen from objects, is in `docs/design/pic-survey.md`.
//!
//! Not here: reading files. Whoever calls gives the bytes, those of a thin archive's members too.

mod cpu;
mod judge;
mod limits;
mod object;
mod offender;
mod reach;

use handpie_binary::elf::constants::Machine;
use handpie_binary::{Archive, Bytes, Error, Member};

use judge::Judge;
use object::{Global, Object, Trouble};
use reach::Link;

pub use offender::{Code, Offender, RelocationSite};

/// A file that is to be linked: an object or an archive of objects.
#[derive(Clone, Debug)]
pub struct Input<'data> {
    /// How people call it.
    pub name: String,
    /// What is in it.
    pub bytes: Bytes<'data>,
    /// What is in the files that a thin archive names, in the order of [`thin_members`].
    pub members: Vec<Bytes<'data>>,
    /// Whether all members of the archive are linked, needed or not (`--whole-archive`).
    pub whole: bool,
}

impl<'data> Input<'data> {
    /// An object, or an archive of which the members that are needed are linked.
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes<'data>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
            members: Vec::new(),
            whole: false,
        }
    }

    /// The same, with what is in the files that a thin archive names.
    #[must_use]
    pub fn with_members(self, members: Vec<Bytes<'data>>) -> Self {
        Self { members, ..self }
    }

    /// The same, to be linked whole.
    #[must_use]
    pub fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }
}

/// Whose libc the program gets. It decides what its start-up code can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libc {
    /// musl, whose start-up code calls no resolver of `STT_GNU_IFUNC`.
    Musl,
    /// Another one, which does; or none that is known.
    Other,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Everything that stands against a static-PIE, in the order of the link; grouped, see
    /// [`Offender::more`].
    pub offenders: Vec<Offender>,
    /// How many there are in all, those not listed too.
    pub offences: u64,
    /// Objects that were judged.
    pub objects: usize,
    /// Members of archives that nothing needs, and that were not judged.
    pub left_out: usize,
    /// Relocations of judged objects that were looked at.
    pub relocations: u64,
    /// The CPU of the first object.
    pub machine: Option<Machine>,
}

impl Survey {
    /// Whether nothing stands against a static-PIE.
    pub fn is_clean(&self) -> bool {
        self.offences == 0
    }
}

/// The paths that a thin archive names, in its order; none for everything else. A path starts at the
/// folder of the archive.
///
/// # Errors
/// When it is an archive and cannot be read.
pub fn thin_members<'data>(bytes: impl Into<Bytes<'data>>) -> Result<Vec<&'data [u8]>, Error> {
    let bytes = bytes.into();
    if !object::is_archive(bytes) {
        return Ok(Vec::new());
    }
    let archive = Archive::parse(bytes)?;
    let members = archive.members().iter();
    let thin = members.filter(|member| member.data.is_none());
    Ok(thin.map(|member| member.name).collect())
}

/// Surveys a link: objects, and members of archives as far as something needs them. Where no object
/// is given, nothing says what is needed; then every member is.
pub fn survey(inputs: &[Input<'_>], libc: Libc) -> Survey {
    let mut answer = Survey::default();
    let mut units = units(inputs, &mut answer);
    units.iter_mut().for_each(Unit::read_globals);
    let mut given = inputs.iter();
    let link = match given.any(|input| input.whole || !object::is_archive(input.bytes)) {
        true => Link::of(&units),
        false => Link::of_all(&units),
    };
    let order = link.order().to_vec();
    answer.left_out = units.len().saturating_sub(order.len());
    let mut judge = Judge::new(&mut answer, libc, Some(link));
    for unit in order.into_iter().filter_map(|index| units.get(index)) {
        judge.judge(unit);
    }
    answer
}

/// Surveys every object of a file by itself, whatever it may be linked with. So what another object
/// could settle counts as not settled: a weak symbol that nothing defines here, a section that many
/// objects have and one of which is kept.
pub fn survey_apart(input: &Input<'_>, libc: Libc) -> Survey {
    let mut answer = Survey::default();
    let units = units(std::slice::from_ref(input), &mut answer);
    let mut judge = Judge::new(&mut answer, libc, None);
    for unit in &units {
        judge.judge(unit);
    }
    answer
}

/// What may be linked: an object, or one that cannot be read.
struct Unit<'a, 'data> {
    file: &'a str,
    member: Option<&'data [u8]>,
    /// Whether it is linked only if something needs it.
    optional: bool,
    object: Result<Object<'data>, Trouble>,
    /// The symbols that other objects see, with their names, if objects are linked with each other.
    globals: Vec<Global<'data>>,
}

impl<'a, 'data> Unit<'a, 'data> {
    fn read(input: &'a Input<'data>, member: Option<&Member<'data>>, bytes: Bytes<'data>) -> Self {
        let object = object::read(bytes);
        Self {
            file: &input.name,
            member: member.map(|member| member.name),
            // What cannot be read may define what is needed.
            optional: member.is_some() && !input.whole && object.is_ok(),
            object,
            globals: Vec::new(),
        }
    }

    fn read_globals(&mut self) {
        let globals = self.object.as_ref().ok().map(Object::globals);
        match globals.transpose() {
            Ok(globals) => self.globals = globals.unwrap_or_default(),
            Err(trouble) => {
                self.object = Err(trouble);
                self.optional = false;
            }
        }
    }
}

/// Every object of the inputs. What is in an archive and is no object for a linker is passed over:
/// rustc's and Go's own data, texts.
fn units<'a, 'data>(inputs: &'a [Input<'data>], answer: &mut Survey) -> Vec<Unit<'a, 'data>> {
    let mut units = Vec::new();
    for input in inputs {
        if !object::is_archive(input.bytes) {
            units.push(Unit::read(input, None, input.bytes));
            continue;
        }
        let archive = match Archive::parse(input.bytes) {
            Ok(archive) => archive,
            Err(error) => {
                offender::add_file(answer, &input.name, None, &Trouble::from(error));
                continue;
            }
        };
        let mut outside = input.members.iter().copied();
        for member in archive.members() {
            let Some(data) = member.data.or_else(|| outside.next()) else {
                let trouble = Trouble::missing();
                offender::add_file(answer, &input.name, Some(member.name), &trouble);
                continue;
            };
            if object::is_for_linkers(data) {
                units.push(Unit::read(input, Some(member), data));
            }
        }
    }
    units
}
