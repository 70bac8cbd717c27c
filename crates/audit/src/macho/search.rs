//! Where the loader searches for libraries that are named as `@rpath/...`.

use super::{loaded, signature};
use crate::finding::{Answer, Judgement, fail, pass, warn};
use crate::folders::{FOREIGN, is_below};
use crate::rule::{Level, Levels, Rule, Severity};
use crate::subject::Subject;

pub(super) const RPATH: Rule = Rule {
    code: "macho-rpath",
    wish: "libraries loaded from trusted directories only",
    severity: Severity::Medium,
    levels: Levels::all(Level::Fail),
    judge: rpath,
};

/// What only the system writes to.
const SYSTEM: [&str; 2] = ["/usr/lib", "/System"];
/// What the loader replaces by the folder of the program or of the library.
const BESIDE: [&str; 2] = ["@executable_path", "@loader_path"];

fn rpath(subject: &Subject<'_>) -> Option<Judgement> {
    let macho = loaded(subject)?;
    let paths = macho.rpaths();
    if paths.is_empty() {
        return Some(pass("has no `LC_RPATH`"));
    }
    let validated = signature::validates_libraries(subject.system, macho);
    let judged: Vec<(Answer, &str)> = paths
        .iter()
        .map(|command| judge(command.path, validated))
        .collect();
    let (worst, why) = judged
        .iter()
        .copied()
        .max_by_key(|(answer, _)| badness(*answer))?;
    let judgement = match worst {
        Answer::Fail => fail(why),
        Answer::Warn => warn(why),
        _ => pass(why),
    };
    let judgement = paths.iter().fold(judgement, |judgement, command| {
        let path = String::from_utf8_lossy(command.path);
        judgement.at(command.offset, format!("`LC_RPATH` {path}"))
    });
    Some(match worst {
        Answer::Pass => judgement,
        _ => judgement.hint(
            "remove the search path with `install_name_tool -delete_rpath PATH`; link with \
             -Wl,-rpath,@loader_path/... and sign with the hardened runtime",
        ),
    })
}

/// What a single path is worth. `validated`: the kernel lets no library in that the program's own
/// signer or Apple has not signed.
fn judge(path: &[u8], validated: bool) -> (Answer, &'static str) {
    if is_below(path, &BESIDE) {
        return match validated {
            true => (
                Answer::Pass,
                "searches for libraries next to the program, and only loads those with the same \
                 signer",
            ),
            false => (
                Answer::Warn,
                "searches for libraries next to the program, which is only as safe as the \
                 directory it is installed in",
            ),
        };
    }
    if !path.starts_with(b"/") {
        return (
            Answer::Fail,
            "searches for libraries relative to the working directory, which the caller chooses",
        );
    }
    if is_below(path, &FOREIGN) {
        return (
            Answer::Fail,
            "searches for libraries in a directory that others may write to, or that belongs to \
             the build machine",
        );
    }
    // `..` leads out of any of them.
    if is_below(path, &SYSTEM) && !path.split(|&b| b == b'/').any(|part| part == b"..") {
        return (
            Answer::Pass,
            "searches for libraries in system directories only",
        );
    }
    (
        Answer::Warn,
        "searches for libraries in a fixed directory, which has to exist and be trusted on every \
         machine",
    )
}

fn badness(answer: Answer) -> u8 {
    match answer {
        Answer::Fail => 2,
        Answer::Warn => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_judged_by_who_can_write_there() {
        let answer = |path: &str| judge(path.as_bytes(), false).0;
        assert_eq!(answer("/usr/lib"), Answer::Pass);
        assert_eq!(answer("/usr/lib/swift"), Answer::Pass);
        assert_eq!(answer("/usr/lib/../../tmp"), Answer::Warn);
        assert_eq!(answer("/usr/libexec"), Answer::Warn);
        assert_eq!(answer("/opt/homebrew/lib"), Answer::Warn);
        assert_eq!(answer("@loader_path/../lib"), Answer::Warn);
        assert_eq!(answer("@executable_path"), Answer::Warn);
        assert_eq!(answer("/tmp/lib"), Answer::Fail);
        assert_eq!(answer("/tmpfs"), Answer::Warn);
        assert_eq!(answer("/Users/runner/app/build"), Answer::Fail);
        assert_eq!(answer("/builddir/build/lib"), Answer::Fail);
        assert_eq!(answer("/__w/app/app/lib"), Answer::Fail);
        assert_eq!(answer("/croot/lib"), Answer::Fail);
        assert_eq!(answer("lib"), Answer::Fail);
        assert_eq!(answer(""), Answer::Fail);
        assert_eq!(answer("@executable_pathological"), Answer::Fail);
        assert_eq!(judge(b"@loader_path/../lib", true).0, Answer::Pass);
    }
}
