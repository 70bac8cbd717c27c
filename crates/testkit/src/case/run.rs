//! Runs the commands of a case in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Case, Question, answer};
use crate::{golden, skip, tool};

impl Case {
    /// Makes the inputs, asks, and compares. With `HANDPIE_BLESS=1` what is said now becomes the
    /// answer. A case that lacks a tool is skipped aloud.
    ///
    /// `program` is what `handpie` stands for.
    pub fn run(&self, program: &Path) -> Result<(), String> {
        let what = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let folder = folder
            .path()
            .canonicalize()
            .map_err(|error| error.to_string())?;
        // The search for a policy ends here.
        fs::create_dir(folder.join(".git")).map_err(|error| error.to_string())?;
        for file in &self.files {
            let path = folder.join(&file.name);
            let made = fs::create_dir_all(path.parent().unwrap_or(&folder));
            made.and_then(|()| fs::write(&path, &file.text))
                .map_err(|error| format!("{}: {error}", file.name))?;
        }
        for input in &self.inputs {
            if let Some(needs) = input.make(&folder)? {
                skip(&format!("the case `{what}`"), &needs);
                return Ok(());
            }
        }
        let mut answered = self.clone();
        let mut wrong = Vec::new();
        for question in &mut answered.questions {
            let Some((status, said)) = ask(question, program, &folder)? else {
                skip(&format!("the case `{what}`"), &question.words()[0]);
                return Ok(());
            };
            if status == question.status && answer::matches(&question.answer, &said) {
                continue;
            }
            wrong.push(format!(
                "$ {} --> {status}\n{said}in place of --> {}\n{}",
                question.command, question.status, question.answer
            ));
            question.status = status;
            question.answer = answer::blessed(&question.answer, &said);
        }
        if wrong.is_empty() {
            return Ok(());
        }
        if golden::is_blessing() {
            return fs::write(&self.path, answered.text()).map_err(|error| error.to_string());
        }
        wrong.push(format!(
            "{}: HANDPIE_BLESS=1 takes over what is said now",
            self.path.display()
        ));
        Err(wrong.join("\n"))
    }
}

/// The exit status and the answer as a case writes it, or nothing if there is no such command.
fn ask(
    question: &Question,
    program: &Path,
    folder: &Path,
) -> Result<Option<(i32, String)>, String> {
    let mut words = question.words();
    let to = redirection(&mut words, ">");
    let from = redirection(&mut words, "<");
    let (name, arguments) = words.split_first().ok_or("a command without words")?;
    let command = match name.as_str() {
        "handpie" => program.to_owned(),
        own if own.starts_with("./") => folder.join(own),
        other => match tool::in_path(other) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let stdin = match from {
        Some(file) => fs::File::open(folder.join(&file))
            .map_err(|error| format!("{file}: {error}"))?
            .into(),
        None => Stdio::null(),
    };
    let output = Command::new(command)
        .args(arguments)
        .current_dir(folder)
        .stdin(stdin)
        // What it would keep of the user lies here, too.
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C")
        .env_remove("COLUMNS")
        .env_remove("GITHUB_ACTIONS")
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let status = output.status.code();
    let status = status.ok_or_else(|| format!("{}: {:?}", question.command, output.status))?;
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.replace(&folder.display().to_string(), "$FOLDER")
    };
    let mut stdout = text(&output.stdout);
    if let Some(file) = to {
        fs::write(folder.join(&file), output.stdout).map_err(|error| format!("{file}: {error}"))?;
        stdout.clear();
    }
    let said = answer::written(&stdout, &text(&output.stderr));
    Ok(Some((status, said)))
}

/// Takes `> FILE` or `< FILE` out of a command.
fn redirection(words: &mut Vec<String>, sign: &str) -> Option<String> {
    let at = words.iter().position(|word| word == sign)?;
    let mut taken = words.drain(at..(at + 2).min(words.len()));
    taken.next_back().filter(|file| file != sign)
}
