//! The environment that makes every `go build` give a static-PIE.
//!
//! Two variables: CGO_ENABLED=0, and GOFLAGS with what was in it, `-buildmode=pie` and our
//! `-toolexec`. For a CPU whose PIE go cannot link itself, `-buildmode=pie` is left out: go refuses
//! it, and the wrapper makes a PIE of what go takes for a plain executable.
//!
//! What surprises: cmd/go splits GOFLAGS, and then splits the value of `-toolexec` again, both
//! without escapes. A path with a blank needs quotes inside quotes; a path with a blank and a
//! quote cannot be said at all.

use std::path::Path;

use crate::contradiction::{Code, Contradiction};
use crate::flags;
use crate::profile;
use crate::wrapper::one_object;

/// The variables, in the order in which they are printed.
pub type Variables = Vec<(&'static str, String)>;

/// For whom the variables are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// sh, bash, zsh, dash, ksh: `eval "$(handpie env)"`.
    Sh,
    /// fish: `handpie env --shell fish | source`.
    Fish,
    /// PowerShell: `handpie env --shell powershell | Invoke-Expression`.
    PowerShell,
    /// Lines for the file `$GITHUB_ENV`.
    Github,
}

/// The value of `-toolexec` that starts this program, with its own `options`.
pub fn toolexec(handpie: &Path, options: &[&str]) -> Result<String, flags::Error> {
    let path = handpie
        .to_str()
        .ok_or_else(|| flags::Error::Unspeakable(handpie.to_string_lossy().into_owned()))?;
    flags::join([path, "toolexec"].iter().chain(options))
}

/// Adds ours to the GOFLAGS that are in effect, for this GOARCH. Adding them twice changes nothing.
pub fn variables(
    goflags: &str,
    goarch: &str,
    handpie: &Path,
    options: &[&str],
) -> Result<Variables, Vec<Contradiction>> {
    let mut against = Vec::new();
    let words = flags::split(goflags).unwrap_or_else(|error| {
        against.push(quoting(
            &error,
            "quote whole words in GOFLAGS, with only one kind of quote",
        ));
        Vec::new()
    });
    let mut kept = Vec::new();
    for word in words {
        let value = |name: &str| {
            let rest = word.trim_start_matches('-').strip_prefix(name)?;
            rest.strip_prefix('=')
        };
        match (value("buildmode"), value("toolexec")) {
            (Some("pie" | "default"), _) | (_, Some("")) => {}
            (Some(mode), _) => against.push(Contradiction::new(
                Code::BuildMode,
                format!("`-buildmode={mode}` in GOFLAGS"),
                "a static-PIE requires `-buildmode=pie`; remove the other mode from GOFLAGS",
            )),
            (_, Some(other)) if !profile::is_handpie(other) => {
                against.push(Contradiction::new(
                    Code::BuildForeignToolexec,
                    format!(
                        "`-toolexec={other}` in GOFLAGS: go runs only one wrapper, which has to \
                         be handpie"
                    ),
                    "remove `-toolexec` from GOFLAGS",
                ));
            }
            (_, Some(_)) => {}
            (None, None) => kept.push(word),
        }
    }
    if !one_object(goarch) {
        kept.push("-buildmode=pie".to_owned());
    }
    let ours = toolexec(handpie, options).and_then(|toolexec| {
        kept.push(format!("-toolexec={toolexec}"));
        flags::join(&kept)
    });
    match ours {
        Ok(goflags) if against.is_empty() => {
            Ok(vec![("CGO_ENABLED", "0".to_owned()), ("GOFLAGS", goflags)])
        }
        Ok(_) => Err(against),
        Err(error) => {
            let hint = "install handpie (not a link to it) in a directory whose path has no spaces, or no \
                        quotes";
            against.push(quoting(&error, hint));
            Err(against)
        }
    }
}

/// The variables as text that the shell can run.
pub fn render(variables: &Variables, shell: Shell) -> String {
    let line = |(name, value): &(&str, String)| match shell {
        Shell::Sh => format!("export {name}='{}'\n", value.replace('\'', r"'\''")),
        // In fish, a backslash in single quotes escapes a quote or a backslash.
        Shell::Fish => format!(
            "set -gx {name} '{}'\n",
            value.replace('\\', r"\\").replace('\'', r"\'")
        ),
        Shell::PowerShell => format!("$env:{name} = '{}'\n", powershell(value)),
        Shell::Github => github(name, value),
    };
    variables.iter().map(line).collect()
}

/// Doubles every letter that PowerShell takes for a single quote, typographic ones included.
fn powershell(value: &str) -> String {
    let mut quoted = String::new();
    for letter in value.chars() {
        if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(letter);
        }
        quoted.push(letter);
    }
    quoted
}

/// `NAME=value`, or the form with a delimiter where the value has more than one line.
fn github(name: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{name}={value}\n");
    }
    let mut end = String::from("HANDPIE");
    while value.lines().any(|line| line == end) {
        end.push('_');
    }
    format!("{name}<<{end}\n{value}\n{end}\n")
}

fn quoting(error: &flags::Error, hint: &str) -> Contradiction {
    Contradiction::new(Code::BuildQuoting, error.to_string(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Tool;

    fn goflags(before: &str, handpie: &str) -> Result<String, Vec<Contradiction>> {
        let variables = variables(before, "amd64", Path::new(handpie), &[])?;
        Ok(variables.into_iter().last().unwrap().1)
    }

    #[test]
    fn keeps_the_flags_that_were_there() {
        assert_eq!(
            goflags("-mod=mod '-ldflags=-s -w'", "/bin/handpie").unwrap(),
            "-mod=mod '-ldflags=-s -w' -buildmode=pie '-toolexec=/bin/handpie toolexec'"
        );
    }

    #[test]
    fn says_no_mode_where_go_would_refuse_it() {
        let goflags = |goarch| {
            let variables = variables("-v -buildmode=pie", goarch, Path::new("/bin/handpie"), &[]);
            variables.unwrap().pop().unwrap().1
        };
        for goarch in ["386", "arm", "riscv64"] {
            assert_eq!(goflags(goarch), "-v '-toolexec=/bin/handpie toolexec'");
        }
        assert!(goflags("arm64").contains("-buildmode=pie"));
    }

    #[test]
    fn adding_twice_changes_nothing() {
        for path in ["/bin/handpie", "/a b/handpie", "/it's/handpie"] {
            let once = goflags("-v --buildmode=pie", path).unwrap();
            assert_eq!(goflags(&once, path).unwrap(), once);
        }
        let other = goflags("", "/old/handpie").unwrap();
        assert!(!goflags(&other, "/new/handpie").unwrap().contains("old"));
    }

    #[test]
    fn survives_both_splittings() {
        for path in [
            "/bin/handpie",
            "/a b/handpie",
            "/it's/handpie",
            "/say\"/handpie",
        ] {
            let words = flags::split(&goflags("", path).unwrap()).unwrap();
            let toolexec = words.last().unwrap().strip_prefix("-toolexec=").unwrap();
            assert_eq!(
                flags::split(toolexec).unwrap(),
                [path, "toolexec"],
                "{path}"
            );
        }
        for path in ["/it's a b/handpie", "/a \"b\"/handpie", "/'\"/handpie"] {
            let against = goflags("", path).unwrap_err();
            assert_eq!(against[0].code, Code::BuildQuoting, "{path}");
        }
    }

    #[test]
    fn refuses_what_it_would_have_to_overrule() {
        let against = goflags("-buildmode=c-shared -toolexec=garble", "/handpie").unwrap_err();
        let codes: Vec<_> = against.iter().map(|one| one.code).collect();
        assert_eq!(codes, [Code::BuildMode, Code::BuildForeignToolexec]);
    }

    #[test]
    fn shells_read_what_was_written() {
        let value = "-x 'a b' \"c\" $HOME `id` \\ é ’ %";
        let variables = vec![("GOFLAGS", value.to_owned())];
        for (program, shell, run) in [
            ("sh", Shell::Sh, "-c"),
            ("bash", Shell::Sh, "-c"),
            ("zsh", Shell::Sh, "-c"),
            ("fish", Shell::Fish, "-c"),
            ("pwsh", Shell::PowerShell, "-Command"),
        ] {
            let print = match shell {
                Shell::PowerShell => "[Console]::Out.Write($env:GOFLAGS)",
                _ => "printf %s \"$GOFLAGS\"",
            };
            let script = format!("{}{print}", render(&variables, shell));
            match Tool::new(program).arg(run).arg(script).run() {
                Ok(output) => assert_eq!(String::from_utf8(output.stdout).unwrap(), value),
                Err(crate::command::Error::NotFound { .. }) => {
                    let skip = match program {
                        "pwsh" => handpie_testkit::skip_rare,
                        _ => handpie_testkit::skip,
                    };
                    skip("quoting for a shell", program);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn writes_github_lines() {
        let one = vec![("A", "b c".to_owned())];
        assert_eq!(render(&one, Shell::Github), "A=b c\n");
        let two = vec![("A", "b\nHANDPIE".to_owned())];
        assert_eq!(
            render(&two, Shell::Github),
            "A<<HANDPIE_\nb\nHANDPIE\nHANDPIE_\n"
        );
    }
}
