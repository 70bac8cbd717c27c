//! Go's flags as cmd/go reads them: one string with quotes (GOFLAGS, -ldflags, -toolexec) and a
//! command line.
//!
//! What surprises: cmd/go knows no escapes. A word is quoted as a whole or not at all, quotes
//! inside a word are letters, and a word with a blank and both kinds of quotes cannot be said
//! (cmd/internal/quoted). `-toolexec` inside GOFLAGS is split twice.

/// A string that cannot be split, or words that cannot be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A quote without its partner.
    #[error("unterminated {0} string")]
    Unterminated(char),
    /// Go's quoting has no way to write this.
    #[error(
        "`{0}` cannot be quoted in Go flags: it contains spaces and both kinds of quotes, or \
         starts with a quote"
    )]
    Unspeakable(String),
}

/// Splits a string into words, as `quoted.Split` of cmd/go.
pub fn split(text: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => rest
                .get(1..)
                .and_then(|inner| inner.split_once(first))
                .ok_or(Error::Unterminated(first))?,
            _ => rest.split_at(rest.find(is_blank).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(is_blank);
    }
    Ok(words)
}

/// Joins words into a string that [`split`] takes apart again.
///
/// Not letter by letter what `quoted.Join` writes, which quotes more, loses empty words and gives
/// up earlier; but `Split` reads the same words.
pub fn join<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Result<String, Error> {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&quote(word.as_ref())?);
    }
    Ok(text)
}

fn quote(word: &str) -> Result<String, Error> {
    // Quotes count only at the start of a word; the fewer are added, the more can be put around.
    if !word.is_empty() && !word.contains(is_blank) && !word.starts_with(['\'', '"']) {
        return Ok(word.to_owned());
    }
    match (word.contains('\''), word.contains('"')) {
        (false, _) => Ok(format!("'{word}'")),
        (true, false) => Ok(format!("\"{word}\"")),
        (true, true) => Err(Error::Unspeakable(word.to_owned())),
    }
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// One flag of a go command, spelt `-name` or `-name=value` whatever the user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The name without dashes.
    pub name: String,
    /// What follows, if something does.
    pub value: Option<String>,
}

impl Flag {
    /// As one word of a command line.
    pub fn word(&self) -> String {
        match &self.value {
            Some(value) => format!("-{}={value}", self.name),
            None => format!("-{}", self.name),
        }
    }

    /// Whether a boolean flag is switched on by this word.
    pub fn is_on(&self) -> bool {
        // The words of strconv.ParseBool.
        let off = ["0", "f", "F", "false", "FALSE", "False"];
        self.value
            .as_deref()
            .is_none_or(|value| !off.contains(&value))
    }
}

/// The flags and the packages of a command line of `go build`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// Flags in order.
    pub flags: Vec<Flag>,
    /// What follows the flags.
    pub packages: Vec<String>,
}

/// Parses the words after `go build` as Go's package `flag` does: the first word that is not a
/// flag ends the flags.
pub fn parse<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> CommandLine {
    let mut line = CommandLine::default();
    let mut words = words.into_iter().map(|word| word.as_ref().to_owned());
    while let Some(word) = words.next() {
        if word == "--" {
            line.packages.extend(words.by_ref());
        } else if let Some(mut flag) = parse_word(&word) {
            if flag.value.is_none() && !SWITCHES.contains(&flag.name.as_str()) {
                flag.value = words.next();
            }
            line.flags.push(flag);
        } else {
            line.packages.push(word);
            line.packages.extend(words.by_ref());
        }
    }
    line
}

/// Parses the words of GOFLAGS, where a flag and its value are always one word.
pub fn parse_goflags(text: &str) -> Result<Vec<Flag>, Error> {
    Ok(split(text)?.iter().filter_map(|w| parse_word(w)).collect())
}

/// The flags of `go build` that take no value. Everything else does; a flag that is new and
/// takes none must be written as `-name=true` until it stands here.
const SWITCHES: [&str; 17] = [
    "a",
    "asan",
    "buildvcs",
    "cover",
    "h",
    "help",
    "i",
    "json",
    "linkshared",
    "modcacherw",
    "msan",
    "n",
    "race",
    "trimpath",
    "v",
    "work",
    "x",
];

fn parse_word(word: &str) -> Option<Flag> {
    let name = word.strip_prefix('-')?;
    let name = name.strip_prefix('-').unwrap_or(name);
    if name.is_empty() || name.starts_with(['-', '=']) {
        return None;
    }
    Some(match name.split_once('=') {
        Some((name, value)) => Flag {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        },
        None => Flag {
            name: name.to_owned(),
            value: None,
        },
    })
}

/// One `-ldflags`: for which packages, and what the linker is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkerFlags {
    /// `-ldflags=pattern=…`; without one it is for the packages named on the command line.
    pub pattern: Option<String>,
    /// The flags as the user wrote them, quotes and all.
    pub text: String,
}

impl LinkerFlags {
    /// Takes the value of one `-ldflags` apart, as `PerPackageFlag.Set` of cmd/go. What cmd/go
    /// would refuse stays whole, so that cmd/go says why.
    pub fn parse(value: &str) -> LinkerFlags {
        let value = value.trim();
        match value.split_once('=') {
            Some((pattern, text)) if !value.starts_with(['-', '\'', '"']) => LinkerFlags {
                pattern: Some(pattern.trim().to_owned()),
                text: text.to_owned(),
            },
            _ => LinkerFlags {
                pattern: None,
                text: value.to_owned(),
            },
        }
    }

    /// The same with `ours` in front, where the user's flags overrule them.
    pub fn after(&self, ours: &str) -> String {
        let both = format!("{ours} {}", self.text);
        match &self.pattern {
            Some(pattern) => format!("{pattern}={}", both.trim()),
            None => both.trim().to_owned(),
        }
    }

    /// The linker's flags, each with its value.
    pub fn flags(&self) -> Result<Vec<Flag>, Error> {
        let mut flags = Vec::new();
        let mut words = split(&self.text)?.into_iter();
        while let Some(word) = words.next() {
            let Some(mut flag) = parse_word(&word) else {
                continue;
            };
            if flag.value.is_none() && LINKER_VALUES.contains(&flag.name.as_str()) {
                flag.value = words.next();
            }
            flags.push(flag);
        }
        Ok(flags)
    }
}

/// The flags of cmd/link that take a value in the next word.
const LINKER_VALUES: [&str; 28] = [
    "B",
    "E",
    "H",
    "I",
    "L",
    "R",
    "T",
    "X",
    "benchmark",
    "benchmarkprofile",
    "buildid",
    "buildmode",
    "cpuprofile",
    "extar",
    "extld",
    "extldflags",
    "fipso",
    "importcfg",
    "installsuffix",
    "k",
    "libgcc",
    "linkmode",
    "macos",
    "macsdk",
    "memprofile",
    "o",
    "r",
    "tmpdir",
];

/// The value of `-tags` as a list, as `tagsFlag.Set` of cmd/go.
pub fn parse_tags(value: &str) -> Result<Vec<String>, Error> {
    if value.contains([' ', '\'']) {
        return split(value);
    }
    let tags = value.split(',').filter(|tag| !tag.is_empty());
    Ok(tags.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen in `quoted_test.go` of cmd/internal/quoted; the real cmd/go judges
    /// it in `tests/toolexec.rs`.
    #[test]
    fn splits_as_cmd_go_does() {
        let cases: [(&str, &[&str]); 10] = [
            ("", &[]),
            ("   ", &[]),
            ("a", &["a"]),
            (" a  b\tc\nd ", &["a", "b", "c", "d"]),
            ("'a b' c", &["a b", "c"]),
            ("\"a ' b\" ''", &["a ' b", ""]),
            ("'a'b", &["a", "b"]),
            ("-ldflags='-s -w'", &["-ldflags='-s", "-w'"]),
            ("a\"b", &["a\"b"]),
            ("é 'ü ö'", &["é", "ü ö"]),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), words, "{text:?}");
        }
        assert_eq!(split("'a b"), Err(Error::Unterminated('\'')));
    }

    #[test]
    fn joins_what_splits_again() {
        let letters = ["a", " ", "'", "\"", "é"];
        let mut speakable = 0;
        for code in 0..625_usize {
            let word: String = (0..4)
                .map(|place| letters[code / 5_usize.pow(place) % 5])
                .collect();
            let words = ["x", word.as_str(), "y z"];
            if let Ok(text) = join(words) {
                assert_eq!(split(&text).unwrap(), words, "{text}");
                speakable += 1;
            }
        }
        assert!(speakable > 400, "{speakable}");
        assert_eq!(split(&join(["", "a"]).unwrap()).unwrap(), ["", "a"]);
        assert!(join(["a 'b' \"c\""]).is_err());
    }

    #[test]
    fn reads_a_command_line() {
        let line = parse([
            "-v",
            "--tags",
            "a b",
            "-ldflags=-s -w",
            "-o",
            "-odd",
            "./cmd",
            "-x",
        ]);
        let words: Vec<_> = line.flags.iter().map(Flag::word).collect();
        assert_eq!(words, ["-v", "-tags=a b", "-ldflags=-s -w", "-o=-odd"]);
        assert_eq!(line.packages, ["./cmd", "-x"]);
    }

    #[test]
    fn reads_linker_flags_with_a_pattern() {
        let flags = LinkerFlags::parse("all=-X a.b=c -linkmode external '-extldflags=-x -y'");
        assert_eq!(flags.pattern.as_deref(), Some("all"));
        let words: Vec<_> = flags.flags().unwrap().iter().map(Flag::word).collect();
        assert_eq!(
            words,
            ["-X=a.b=c", "-linkmode=external", "-extldflags=-x -y"]
        );
        assert!(flags.after("-w").starts_with("all=-w -X a.b=c"));
        assert_eq!(LinkerFlags::parse("-X a=b").pattern, None);
        assert_eq!(LinkerFlags::parse(" ").after("-w"), "-w");
    }

    #[test]
    fn reads_tags_with_commas_and_blanks() {
        assert_eq!(parse_tags("a,,b").unwrap(), ["a", "b"]);
        assert_eq!(parse_tags("a b").unwrap(), ["a", "b"]);
        assert_eq!(parse_tags("'a'").unwrap(), ["a"]);
    }
}
