//! `handpie explain CODE`: the page of a code.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::pages;
use crate::report::Reporter;

/// Explain the code of an error, a refusal or a finding
///
/// Without CODE, lists all codes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  handpie explain position-dependent
  handpie explain")]
pub(crate) struct Explain {
    /// The code, such as `needs-libraries`
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(args: &Explain, reporter: &Reporter) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        let list = pages::PAGES.iter();
        return reporter.lines(list.map(|page| format!("{:28}{}", page.code, page.title())));
    };
    match pages::find(code) {
        Some(page) => reporter.script(page.text),
        None => {
            let failure = Failure::new(Exit::Usage, format!("unknown code `{code}`"));
            Err(match pages::nearest(code) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("`handpie explain` lists all codes"),
            })
        }
    }
}
