//! What a scan costs: CPU time and memory of the whole process, on the same files in one run.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use handpie_toolchain::command::Tool;

use crate::timing::median;

use super::Contest;
use super::binaries::Pair;

const RUNS: usize = 11;

/// CPU seconds and peak KiB of a process.
fn cost(command: &Tool) -> anyhow::Result<(f64, f64)> {
    let line = command.shell_line();
    // Both programs end with a status of their own when they have found something.
    let script = format!(
        "exec 3>&2; /usr/bin/time -f '%U %S %M' sh -c 'exec \"$@\" >/dev/null 2>&1' sh {line}"
    );
    let output = Tool::new("sh").args(["-c", &script]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers.as_slice() {
        [user, system, peak] => Ok((user + system, *peak)),
        _ => anyhow::bail!("/usr/bin/time said {last:?}"),
    }
}

fn medians(command: &Tool, runs: usize) -> anyhow::Result<(f64, f64)> {
    let costs: Vec<(f64, f64)> = (0..runs).map(|_| cost(command)).collect::<Result<_, _>>()?;
    let (cpu, peak): (Vec<f64>, Vec<f64>) = costs.into_iter().unzip();
    Ok((median(cpu), median(peak)))
}

/// GNU time tells hundredths of a second, which is more than a scan takes: so of handpie many runs
/// are timed as one.
fn many(command: &Tool, times: usize) -> Tool {
    let line = command.shell_line();
    let script = format!("i=0; while [ $i -lt {times} ]; do {line}; i=$((i+1)); done");
    Tool::new("sh").arg("-c").arg(script)
}

const TIMES: usize = 50;

/// A table of both, for a large binary and for all of them.
pub(super) fn measure(contest: &Contest, pairs: &[Pair]) -> anyhow::Result<String> {
    let mut text = format!(
        "## Cost\n\nCPU time (user and system) of whole processes and their peak memory, on files that \
         were read before: medians of {RUNS} runs of govulncheck; of handpie, of {RUNS} times {TIMES} \
         runs.\n\n\
         | files | handpie CPU ms | govulncheck CPU ms | ratio | handpie MiB | govulncheck MiB |\n\
         |---|---|---|---|---|---|\n"
    );
    for name in ["coredns-plain", "old-linux-amd64"] {
        let pair = pairs
            .iter()
            .find(|pair| pair.name == name)
            .context("a binary")?;
        let files = [Some(&pair.file), pair.stripped.as_ref()];
        for file in files.into_iter().flatten() {
            let ours = contest.our_tool(file);
            let (cpu, _) = medians(&many(&ours, TIMES), RUNS)?;
            let (_, peak) = cost(&ours)?;
            let theirs = medians(&contest.their_tool(file), RUNS)?;
            row(&mut text, &shown(file)?, (cpu / TIMES as f64, peak), theirs)?;
        }
    }
    let files: Vec<&Path> = pairs
        .iter()
        .flat_map(|pair| [Some(pair.file.as_path()), pair.stripped.as_deref()])
        .flatten()
        .collect();
    let mut ours = Tool::new(&contest.handpie).args(["vuln", "--format", "json", "--db"]);
    ours = ours.arg(&contest.ours).args(&files);
    let (cpu, peak) = medians(&ours, RUNS)?;
    let mut theirs = (0.0, 0.0f64);
    for file in &files {
        let (cpu, peak) = cost(&contest.their_tool(file))?;
        theirs = (theirs.0 + cpu, theirs.1.max(peak));
    }
    let name = format!("all {} files, of handpie in one process", files.len());
    row(&mut text, &name, (cpu, peak), theirs)?;
    Ok(text)
}

fn row(text: &mut String, name: &str, ours: (f64, f64), theirs: (f64, f64)) -> anyhow::Result<()> {
    writeln!(
        text,
        "| {name} | {:.1} | {:.0} | {:.0} | {:.1} | {:.1} |",
        ours.0 * 1000.0,
        theirs.0 * 1000.0,
        theirs.0 / ours.0,
        ours.1 / 1024.0,
        theirs.1 / 1024.0,
    )?;
    Ok(())
}

fn shown(file: &Path) -> anyhow::Result<String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let size = std::fs::metadata(file)?.len() as f64 / 1e6;
    Ok(format!("{name}, {size:.1} MB"))
}
