//! The inputs of a case: files that are forged or built.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::forge::program::{self, PT_GNU_STACK, Segment};
use crate::forge::{GoPie, GoProgram, MachO, Pe, Program};
use crate::tool;

/// A line of a case's head: what makes the input, and its words.
#[derive(Clone, Debug)]
pub(super) struct Input {
    kind: Kind,
    words: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `program PATH KEY=VALUE…`, as all that is forged.
    Program,
    GoPie,
    GoProgram,
    MachO,
    Pe,
    /// `go PATH FLAG…`: the Go package in the folder, built.
    Go,
    /// `cc PATH WORD…`: what the C compiler makes of the words.
    C,
    /// `copy FROM TO`.
    Copy,
    /// `cut PATH SIZE`: shortens a file.
    Cut,
    /// `folder PATH`.
    Folder,
    /// `needs x86_64` or `needs namespaces`: the machine on which the case can run.
    Needs,
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        Some(match name {
            "program" => Kind::Program,
            "go-pie" => Kind::GoPie,
            "go-program" => Kind::GoProgram,
            "mach-o" => Kind::MachO,
            "pe" => Kind::Pe,
            "go" => Kind::Go,
            "cc" => Kind::C,
            "copy" => Kind::Copy,
            "cut" => Kind::Cut,
            "folder" => Kind::Folder,
            "needs" => Kind::Needs,
            _ => return None,
        })
    }
}

impl Input {
    pub(super) fn parse(line: &str) -> Result<Input, String> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let kind = Kind::of(&name).ok_or_else(|| format!("`{name}` makes no input"))?;
        let words: Vec<String> = words.collect();
        match words.is_empty() {
            true => Err(format!("`{name}` names no file")),
            false => Ok(Input { kind, words }),
        }
    }

    /// Makes the input; what it lacks if it cannot be made here.
    pub(super) fn make(&self, folder: &Path) -> Result<Option<String>, String> {
        let path = folder.join(&self.words[0]);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| error.to_string())?;
        let arguments = &self.words[1..];
        let written = match self.kind {
            Kind::Program => write_program(&path, &forged_program(arguments)?),
            Kind::GoPie => write_program(&path, &forged_go_pie(arguments)?),
            Kind::GoProgram => write_program(&path, &forged_go_program(arguments)?),
            Kind::MachO => write_program(&path, &MachO::default().build()),
            Kind::Pe => write_program(&path, &Pe::default().build()),
            Kind::Go => return build_go(folder, &self.words),
            Kind::C => return compile(folder, &self.words),
            Kind::Copy => {
                let [to] = arguments else {
                    return Err("`copy` has a source and a target".into());
                };
                fs::copy(&path, folder.join(to)).map(drop)
            }
            Kind::Cut => {
                let size = number(arguments.first().map_or("", String::as_str))?;
                let file = fs::File::options().write(true).open(&path);
                file.and_then(|file| file.set_len(size))
            }
            Kind::Folder => fs::create_dir_all(&path),
            Kind::Needs => {
                let has = match self.words[0].as_str() {
                    "namespaces" => has_namespaces(),
                    cpu => cpu == std::env::consts::ARCH,
                };
                return Ok((!has).then(|| self.words[0].clone()));
            }
        };
        written
            .map(|()| None)
            .map_err(|error| format!("{}: {error}", self.words[0]))
    }
}

fn write_program(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// Whether this user may have an empty root and a network of his own.
fn has_namespaces() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net", "true"]);
    command.output().is_ok_and(|output| output.status.success())
}

/// `KEY=VALUE`, or a key alone.
fn pair(argument: &str) -> (&str, &str) {
    argument.split_once('=').unwrap_or((argument, ""))
}

/// A number, in decimal or behind `0x` in hexadecimal digits.
fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is no number"))
}

fn narrow<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    T::try_from(number(text)?).map_err(|_| format!("`{text}` is too large"))
}

/// Forges have texts that live as long as the test.
fn kept(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn forged_program(arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut forge = Program::of_c();
    for (key, value) in arguments.iter().map(|it| pair(it)) {
        match key {
            "type" => forge.kind = narrow(value)?,
            "machine" => forge.machine = narrow(value)?,
            "class" => forge.class = narrow(value)?,
            "os-abi" => forge.os_abi = narrow(value)?,
            "size" => forge.size = narrow(value)?,
            "no-tags" => forge.tags.clear(),
            "no-interpreter" => forge.interpreter = None,
            "interpreter" => forge.interpreter = Some(kept(value)),
            "needed" => forge.needed.push(kept(value)),
            // The settings of Go's build info, one behind the other.
            "go" => forge.go = Some(kept(&value.split(',').map(setting).collect::<String>())),
            "tag" => {
                let (tag, value) = value.split_once(':').ok_or("a tag has a value")?;
                forge.tags.push((number(tag)?, number(value)?));
            }
            "relocation" => {
                let mut relocation = program::Relocation::relative(program::DATA);
                relocation.kind = number(value)?;
                forge.relocations.push(relocation);
            }
            "tls" => forge.segments.push(Segment::readable(
                program::PT_TLS,
                program::DATA,
                number(value)?,
            )),
            "stack" => forge
                .segments
                .push(Segment::new(PT_GNU_STACK, narrow(value)?, 0, 0)),
            // Machine code at the entry point.
            "code" => forge.patches.push((program::CODE as usize, bytes(value)?)),
            _ => return Err(format!("`program` has no `{key}`")),
        }
    }
    Ok(forge.bytes())
}

fn setting(text: &str) -> String {
    format!("build\t{text}\n")
}

fn bytes(digits: &str) -> Result<&'static [u8], String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Result<Vec<u8>, String> = pairs
        .map(|pair| narrow(&format!("0x{}", String::from_utf8_lossy(pair))))
        .collect();
    Ok(bytes?.leak())
}

fn forged_go_pie(arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut forge = GoPie::default();
    for (key, value) in arguments.iter().map(|it| pair(it)) {
        match key {
            "relocations" => forge.relocations = narrow(value)?,
            "machine" => forge.machine = narrow(value)?,
            "no-sections" => forge.sections = false,
            "sections-last" => forge.sections_last = true,
            _ => return Err(format!("`go-pie` has no `{key}`")),
        }
    }
    Ok(forge.build())
}

fn forged_go_program(arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut forge = GoProgram::new();
    for (key, value) in arguments.iter().map(|it| pair(it)) {
        forge = match key {
            "go" => forge.version(value),
            "module" => forge.without("dep\t").line(&module("dep", value)?),
            "and-module" => forge.line(&module("dep", value)?),
            "main" => forge
                .without("mod\t")
                .without("path\t")
                .line(&format!("path\t{}", pair_at(value)?.0))
                .line(&module("mod", value)?),
            "setting" => {
                let (key, value) = value.split_once(':').ok_or("a setting has a value")?;
                forge.setting(key, value)
            }
            "function" => forge.function(value),
            "stripped" => forge.stripped(),
            "no-build-info" => forge.without_build_info(),
            "no-functions" => forge.without_table(),
            _ => return Err(format!("`go-program` has no `{key}`")),
        };
    }
    Ok(forge.build())
}

fn pair_at(text: &str) -> Result<(&str, &str), String> {
    text.split_once('@')
        .ok_or_else(|| format!("`{text}` is no MODULE@VERSION"))
}

fn module(kind: &str, text: &str) -> Result<String, String> {
    let (path, version) = pair_at(text)?;
    Ok(format!("{kind}\t{path}\t{version}\th1:abc="))
}

fn build_go(folder: &Path, words: &[String]) -> Result<Option<String>, String> {
    let Some(go) = tool::go() else {
        return Ok(Some("go".to_owned()));
    };
    let mut command = Command::new(go);
    command
        .envs(tool::CLEAN_GO)
        .env_remove("GOOS")
        .env_remove("GOARCH");
    command.args(["build", "-buildvcs=false", "-o", &words[0]]);
    command.args(&words[1..]).current_dir(folder);
    ended(command)
}

fn compile(folder: &Path, words: &[String]) -> Result<Option<String>, String> {
    let Some(gcc) = tool::in_path("gcc") else {
        return Ok(Some("gcc".to_owned()));
    };
    let mut command = Command::new(gcc);
    command.args(["-O1", "-w", "-o", &words[0]]);
    command.args(&words[1..]).current_dir(folder);
    ended(command)
}

fn ended(mut command: Command) -> Result<Option<String>, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(None),
        false => Err(format!("{command:?}:\n{said}")),
    }
}
