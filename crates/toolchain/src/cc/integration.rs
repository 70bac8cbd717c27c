//! The hardening flags for those who want no wrapper: a configuration file of clang, a spec file of
//! gcc.
//!
//! Both give them before the words of the command line, so that those win. What is made is a dynamic
//! PIE against the machine's libc: which linker and libc are taken cannot be said in such a file for
//! good.

use super::hardening::{LIST, Wants};
use super::{Compiler, Flag};
use crate::link::sysroot::Target;

/// A file for `clang --config FILE`, or beside clang as `clang.cfg` (clang's manual, "Configuration
/// files").
pub fn clang_config(compiler: &Compiler, target: &Target) -> String {
    let mut text = header(compiler, "clang --config FILE", "#");
    for flag in flags(compiler, target) {
        match flag.wants {
            // clang has no way to ask for an optimising command line; glibc's headers warn without.
            Wants::Fortify => text.push_str("# with -O1 or more:\n#"),
            Wants::Anything | Wants::Cpu(_) | Wants::Libstdcpp | Wants::Libcpp => {}
        }
        text.push_str(&flag.words.join(" "));
        text.push('\n');
    }
    text + "-fPIE\n-pie\n-Wl,-z,relro,-z,now,-z,noexecstack\n-Wno-unused-command-line-argument\n"
}

/// A file for `gcc -specs=FILE` (gcc's manual, "Spec Files"). In the published ones a level of
/// optimisation is spelt `0fast`, so that those who build with -Ofast get no FORTIFY.
pub fn gcc_spec(compiler: &Compiler, target: &Target) -> String {
    let mut text = header(compiler, "gcc -specs=FILE", "#");
    let mut compile = String::new();
    let mut preprocess = String::new();
    for flag in flags(compiler, target) {
        match flag.wants {
            Wants::Anything | Wants::Cpu(_) => {
                for word in flag.words {
                    compile.push(' ');
                    compile.push_str(&unless_said(word));
                }
            }
            Wants::Fortify => preprocess.push_str(FORTIFY),
            Wants::Libstdcpp => {
                preprocess.push(' ');
                preprocess.push_str(&flag.words.join(" "));
            }
            Wants::Libcpp => {}
        }
    }
    text.push_str(&format!("*cc1_options:\n+{compile}\n\n"));
    text.push_str(&format!("*cpp_unique_options:\n+{preprocess}\n\n"));
    text + SELF + LINK
}

/// When something is optimised and nobody decided otherwise.
const FORTIFY: &str = " %{O|O1|O2|O3|Os|Oz|Og|Ofast:%{!D_FORTIFY_SOURCE*:%{!U_FORTIFY_SOURCE:\
                       -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3}}}";

/// Position-independent, unless a command says for itself what it makes.
const SELF: &str = "*self_spec:\n+ %{!fno-pie:%{!fno-PIE:%{!fpie:%{!fPIE:%{!fpic:%{!fPIC:%{!fno-pic:\
                    %{!fno-PIC:%{!static:%{!shared:%{!no-pie:%{!r:-fPIE}}}}}}}}}}}} \
                    %{!static:%{!static-pie:%{!shared:%{!no-pie:%{!r:-pie}}}}}\n\n";

const LINK: &str = "*link:\n+ %{!r:-z relro -z now -z noexecstack}\n";

/// A flag, unless the command line says the same or its opposite: what a spec adds stands behind the
/// user's words, and would win.
fn unless_said(word: &str) -> String {
    let name = word
        .split('=')
        .next()
        .unwrap_or(word)
        .trim_end_matches("-strong");
    if let Some(name) = name.strip_prefix("-f") {
        let name = name.strip_prefix("no-").unwrap_or(name);
        return format!("%{{!fno-{name}*:%{{!f{name}*:{word}}}}}");
    }
    match name.strip_prefix("-W") {
        Some(warning) if !warning.starts_with("error") => format!("%{{!Wno-{warning}*:{word}}}"),
        Some(_) => format!("%{{!Wno-format*:%{{!Wno-error*:{word}}}}}"),
        None => format!("%{{!{}*:{word}}}", name.trim_start_matches('-')),
    }
}

fn flags<'a>(
    compiler: &'a Compiler,
    target: &'a Target,
) -> impl Iterator<Item = &'static Flag> + 'a {
    LIST.iter().filter(move |flag| {
        let fits = match flag.wants {
            Wants::Cpu(cpus) => cpus.contains(&target.gnu),
            Wants::Anything | Wants::Fortify | Wants::Libstdcpp => true,
            Wants::Libcpp => false,
        };
        fits && flag.words.iter().all(|word| compiler.knows(word))
    })
}

fn header(compiler: &Compiler, use_of_it: &str, comment: &str) -> String {
    format!(
        "{comment} Hardening flags that `{}` knows; for `{use_of_it}`. Made by handpie integrate.\n",
        compiler.version
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_gives_way_to_what_the_user_says_of_it() {
        assert_eq!(
            unless_said("-fstack-protector-strong"),
            "%{!fno-stack-protector*:%{!fstack-protector*:-fstack-protector-strong}}"
        );
        assert_eq!(
            unless_said("-fno-strict-aliasing"),
            "%{!fno-strict-aliasing*:%{!fstrict-aliasing*:-fno-strict-aliasing}}"
        );
        assert_eq!(
            unless_said("-mbranch-protection=standard"),
            "%{!mbranch-protection*:-mbranch-protection=standard}"
        );
    }

    #[test]
    fn no_level_of_optimisation_is_misspelt() {
        assert!(FORTIFY.contains("|Ofast:"));
        assert!(!FORTIFY.contains("0fast"));
    }
}
