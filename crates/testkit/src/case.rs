//! Tests that are text files: what is there, what is asked, and the answer to the letter.
//!
//! `crates/handpie/tests/cases/format.ct` describes the format by being a case. In short:
//!
//! ```text
//! # Prose: what the case shows.
//! program bin/app needed=libc.so.6     an input, forged or built
//! $ handpie convert bin/app --> FAIL 1 a question, and its exit status if that is not 0
//! the answer                           stdout
//! ! talk                               stderr
//! -- notes.txt --                      a file, up to the next one
//! ```
//!
//! Questions and answers are those of github.com/google/go-cmdtest, which govulncheck's own tests use;
//! files stand at the end as in the scripts of `cmd/go`. The wildcards are cargo's: `[..]` is any text
//! within a line, and `...` alone is any number of lines.

mod answer;
mod input;
mod run;

use std::fs;
use std::path::{Path, PathBuf};

use input::Input;

/// One text file.
#[derive(Clone, Debug)]
pub struct Case {
    path: PathBuf,
    /// Prose, inputs and blank lines, as they stand.
    head: Vec<String>,
    inputs: Vec<Input>,
    questions: Vec<Question>,
    files: Vec<File>,
}

/// A command, and what comes of it.
#[derive(Clone, Debug)]
pub struct Question {
    /// Comments in front of it.
    comments: Vec<String>,
    /// The command as it stands.
    command: String,
    /// Its exit status.
    pub status: i32,
    /// What it prints, line by line.
    pub answer: String,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    text: String,
}

/// Every case below a folder, with its name: the path below the folder, without `.ct`.
pub fn find(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut cases = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).expect("a folder of cases") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ct") {
                let name = path.with_extension("");
                let name = name.strip_prefix(folder).expect("it is below");
                cases.push((name.display().to_string(), path));
            }
        }
    }
    cases.sort();
    cases
}

impl Case {
    /// Reads a case of ours, or says which line is wrong.
    pub fn read(path: &Path) -> Result<Case, String> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let (script, files) = split_files(&text);
        let at = script.find("\n$ ").map_or(script.len(), |at| at + 1);
        let (head, asked) = script.split_at(at);
        let mut inputs = Vec::new();
        for (number, line) in (1..).zip(head.lines()) {
            if !line.is_empty() && !line.starts_with('#') {
                let input =
                    Input::parse(line).map_err(|wrong| format!("line {number}: {wrong}"))?;
                inputs.push(input);
            }
        }
        let case = Case {
            path: path.to_owned(),
            head: head.lines().map(str::to_owned).collect(),
            inputs,
            questions: questions(asked),
            files,
        };
        match case {
            _ if !text.starts_with("# ") => Err("line 1: it does not say what it shows".into()),
            _ if case.questions.is_empty() => Err("it asks nothing".into()),
            // What is read is all that is there, so that nothing is lost when it is written again.
            _ if case.text() != text => Err(format!(
                "it is not written as it is read, which is:\n{}",
                case.text()
            )),
            case => Ok(case),
        }
    }

    /// The text of which this is read.
    fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        self.head.iter().for_each(|line| add(line));
        for (index, question) in self.questions.iter().enumerate() {
            if index > 0 {
                add("");
            }
            question.comments.iter().for_each(|line| add(line));
            match question.status {
                0 => add(&format!("$ {}", question.command)),
                status => add(&format!("$ {} --> FAIL {status}", question.command)),
            }
            question.answer.lines().for_each(&mut add);
        }
        if !self.files.is_empty() {
            add("");
        }
        for file in &self.files {
            add(&format!("-- {} --", file.name));
            file.text.lines().for_each(&mut add);
        }
        text
    }
}

/// The questions of a text, each with its answer, which ends with its last line that is not blank.
/// What starts with `#` is a comment on the question behind it.
pub fn questions(text: &str) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    let mut comments = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, status) = match command.split_once(" --> FAIL ") {
                Some((command, status)) => (command, status.parse().expect("an exit status")),
                None => (command, 0),
            };
            questions.push(Question {
                comments: std::mem::take(&mut comments),
                command: command.to_owned(),
                status,
                answer: String::new(),
            });
        } else if line.starts_with('#') {
            comments.push(line.to_owned());
        } else if let Some(question) = questions.last_mut() {
            question.answer.push_str(line);
            question.answer.push('\n');
        }
    }
    for question in &mut questions {
        let end = question.answer.trim_end_matches('\n').len();
        question.answer.truncate(end);
        if end > 0 {
            question.answer.push('\n');
        }
    }
    questions
}

impl Question {
    /// The command, word by word; single quotes hold blanks together.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (index, piece) in self.command.split('\'').enumerate() {
            match index % 2 {
                0 => words.extend(piece.split_whitespace().map(str::to_owned)),
                _ => words.push(piece.to_owned()),
            }
        }
        words
    }
}

/// The script, and the files that stand behind it.
fn split_files(text: &str) -> (&str, Vec<File>) {
    let mut files: Vec<File> = Vec::new();
    let mut script = text.len();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let name = line.trim_end().strip_prefix("-- ");
        if let Some(name) = name.and_then(|name| name.strip_suffix(" --")) {
            script = script.min(at);
            files.push(File {
                name: name.to_owned(),
                text: String::new(),
            });
        } else if let Some(file) = files.last_mut() {
            file.text.push_str(line);
        }
        at += line.len();
    }
    (&text[..script], files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# What it shows.\n\ncopy a b\n\n$ handpie x 'two words'\none\n\ntwo\n\n\
                        # And then:\n$ handpie y --> FAIL 3\n! error: no\n\n-- a --\n# text\n\n$ b\n";

    fn read(text: &str) -> Result<Case, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("case.ct");
        fs::write(&path, text).expect("a file");
        Case::read(&path)
    }

    #[test]
    fn a_case_has_inputs_questions_and_files() {
        let case = read(TEXT).expect("a case");
        assert_eq!(case.inputs.len(), 1);
        let [first, second] = &case.questions[..] else {
            panic!("{:?}", case.questions);
        };
        assert_eq!(first.words(), ["handpie", "x", "two words"]);
        assert_eq!((first.status, first.answer.as_str()), (0, "one\n\ntwo\n"));
        assert_eq!(
            (second.status, second.answer.as_str()),
            (3, "! error: no\n")
        );
        assert_eq!(case.files[0].name, "a");
        assert_eq!(case.files[0].text, "# text\n\n$ b\n");
    }

    #[test]
    fn what_is_no_case_is_refused_with_the_reason() {
        for (text, reason) in [
            (TEXT.replace("# What it shows.\n", ""), "line 1: "),
            (TEXT.replace("copy a b", "copie a b"), "line 3: "),
            (TEXT.replace("$ ", "& "), "line 5: "),
            ("# What it shows.\n".to_owned(), "it asks nothing"),
            (TEXT.replace("two\n\n", "two\n"), "it is not written as"),
        ] {
            let wrong = read(&text).expect_err(&text);
            assert!(
                wrong.starts_with(reason),
                "{reason:?} was expected: {wrong}"
            );
        }
    }
}
