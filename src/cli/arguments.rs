//! The command line as a plain plan: what was asked for, before any file is opened.

use crate::decide::GATES;
use clap::builder::PossibleValuesParser;
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Replays an Azure or Entra incident under controls that were not in force: which of them would have cut which step,
/// which path would still have been open, and which smallest set closes them all.
#[derive(Debug, Parser)]
#[command(name = "cutset", version, disable_help_subcommand = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// Colour on the terminal; every output is complete without it
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 a condition of --fail-on holds, `diff` finds something closed that is no longer known to be, \
`verify` refutes a certificate, or `decide --check` finds a wrong answer; 2 bad input or usage. Data goes to stdout, \
talk to stderr. NO_COLOR is honoured.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse an incident: prints the summary, writes analysis.json, the diagram and the report
    Analyze(Analyze),
    /// Any claim of the summary down to the record: a verdict, a set, a path, a number
    Explain(Explain),
    /// Replay the incident under a set of controls and show what changes against history
    Whatif(Whatif),
    /// The architect's view, no incident needed: paths, choke points, blast radius
    Paths(Paths),
    /// Single decisions offline: answers every request of a file with one gate
    Decide(Decide),
    /// Any output again from analysis.json, without the case
    Render(Render),
    /// Read a case, say what was read and name what is missing
    Check(Check),
    /// Print the commands that gather what a case needs
    Collect(Collect),
    /// Posture regression between two exports: exit 1 when a path that was closed is open, or nobody can tell
    Diff(Diff),
    /// Check the certificates of an analysis without its search or its solver
    Verify(Verify),
    /// Print the JSON Schema of a contract
    Schema(Schema),
    /// The built-in tables with their dates
    Facts(Facts),
    /// Completions for a shell
    Completions(Completions),
}

/// A case folder and how to read it.
#[derive(Clone, Debug, Args)]
pub struct Case {
    /// Case folder: incident.json, snapshot/, timeline/, optional policies/
    #[arg(value_name = "CASE")]
    pub folder: PathBuf,
    /// Candidate controls from this folder alone, in the place of the shipped and the case's own
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// A record that cannot be read is an error, not a line in the report
    #[arg(long)]
    pub strict: bool,
}

/// What is hidden from readers of the output.
#[derive(Clone, Debug, Args)]
pub struct Privacy {
    /// Replace names, addresses, resources consistently (all three without a value)
    #[arg(long, value_name = "WHAT", num_args = 0..=1, value_delimiter = ',', default_missing_value = "names,addresses,resources")]
    pub redact: Vec<Redact>,
    /// Write who is who to this file, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub redact_map: Option<PathBuf>,
    /// Name the persons whose lawful use a control would have stopped
    #[arg(long)]
    pub who: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Redact {
    Names,
    Addresses,
    Resources,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// The program's own
    Own,
    /// Graphviz, where it is installed
    Dot,
}

/// A finding that makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    OpenPath,
    /// A posture gap of at least this severity.
    Gap(Severity),
    Unexplained,
    Miscalibrated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Low,
    Medium,
    High,
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "open-path" => Ok(FailOn::OpenPath),
        "gap>=low" => Ok(FailOn::Gap(Severity::Low)),
        "gap>=medium" => Ok(FailOn::Gap(Severity::Medium)),
        "gap>=high" => Ok(FailOn::Gap(Severity::High)),
        "unexplained" => Ok(FailOn::Unexplained),
        "miscalibrated" => Ok(FailOn::Miscalibrated),
        _ => Err("the conditions are `open-path`, `gap>=low|medium|high`, `unexplained`, `miscalibrated`".to_owned()),
    }
}

#[derive(Debug, Args)]
pub struct Analyze {
    #[command(flatten)]
    pub case: Case,
    /// Where the outputs go (default: CASE/out)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Who lays the diagram out
    #[arg(long, value_name = "LAYOUT", default_value = "own")]
    pub layout: Layout,
    /// Print why each event is in and how sure that is, and write nothing
    #[arg(long, conflicts_with_all = ["out", "fail_on", "redact"])]
    pub explain_correlation: bool,
    /// Exit 1 when this holds: open-path, gap>=high, unexplained, miscalibrated
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', value_parser = fail_on)]
    pub fail_on: Vec<FailOn>,
    #[command(flatten)]
    pub privacy: Privacy,
    /// Print analysis.json instead of the summary
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Explain {
    /// Case folder or analysis.json
    #[arg(value_name = "CASE|analysis.json")]
    pub input: PathBuf,
    /// A step (s1 or key), a control, a path (p1), headline, assumptions, calibration, coverage, sets, owned,
    /// unexplained, gaps, containment or detections; without it: what can be asked
    #[arg(value_name = "STEP|CONTROL|PATH|SUBJECT")]
    pub subject: Option<String>,
    /// After a step: the control, by id or short name
    pub control: Option<String>,
    /// Candidate controls from this folder alone, in the place of the shipped and the case's own
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// A record that cannot be read is an error, not a line in the report
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub privacy: Privacy,
    /// The proof as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Whatif {
    #[command(flatten)]
    pub case: Case,
    /// Controls in force, by id
    #[arg(long, value_name = "CONTROL", num_args = 1.., value_delimiter = ',')]
    pub with: Vec<String>,
    #[command(flatten)]
    pub privacy: Privacy,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Paths {
    #[command(flatten)]
    pub case: Case,
    /// From this principal, by UPN, name, object id or app id (default: every one that holds something); alone: its
    /// blast radius
    #[arg(long, value_name = "PRINCIPAL")]
    pub from: Vec<String>,
    /// To this resource, by id or name (default: the crown jewels); alone: who reaches it
    #[arg(long, value_name = "RESOURCE")]
    pub to: Vec<String>,
    /// Controls in force, by id
    #[arg(long, value_name = "CONTROL", num_args = 1.., value_delimiter = ',')]
    pub with: Vec<String>,
    /// At most so many minimal paths from each --from to each --to
    #[arg(long, value_name = "N", default_value_t = crate::analysis::paths::PATHS)]
    pub most: usize,
    #[command(flatten)]
    pub privacy: Privacy,
    /// The paths as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Decide {
    /// The gate that decides
    #[arg(value_parser = PossibleValuesParser::new(GATES.iter().map(|gate| gate.id)))]
    pub gate: String,
    /// Requests in the shape of the gate's vectors; `-` reads them from stdin
    pub file: PathBuf,
    /// Compare with what the file expects instead of printing the answers; exit 1 when one differs
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
pub struct Render {
    /// analysis.json of an earlier run
    #[arg(value_name = "analysis.json")]
    pub analysis: PathBuf,
    /// What is drawn: attack, before-after, residual, timeline, choke
    #[arg(long)]
    pub view: Option<String>,
    /// Form of the output
    #[arg(long, value_parser = PossibleValuesParser::new(crate::render::formats()))]
    pub format: String,
    /// Controls in force, by id
    #[arg(long, value_name = "CONTROL", num_args = 1.., value_delimiter = ',')]
    pub with: Vec<String>,
    /// Who lays the diagram out
    #[arg(long, value_name = "LAYOUT", default_value = "own")]
    pub layout: Layout,
    /// Write here instead of to stdout (a folder where the output is several files)
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Template of your own in the place of the built-in one (markdown)
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    #[command(flatten)]
    pub privacy: Privacy,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub case: Case,
    /// `sources`, `rejected`, `coverage`, `gaps` as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Collect {
    /// Only what this case lacks
    #[arg(value_name = "CASE")]
    pub folder: Option<PathBuf>,
    /// The commands as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// The earlier side: analysis.json, or its case folder
    pub old: PathBuf,
    /// The later side: analysis.json, a case folder, or a folder with only the later export in snapshot/
    pub new: PathBuf,
    /// A record that cannot be read is an error, not a line in the report
    #[arg(long)]
    pub strict: bool,
    /// The differences as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// analysis.json of an earlier run, or the folder that holds it
    #[arg(value_name = "analysis.json")]
    pub analysis: PathBuf,
    /// The case it was made of (default: the folder above the file's, where that is one)
    #[arg(long, value_name = "CASE")]
    pub case: Option<PathBuf>,
    /// Candidate controls of that run, where it was made with --policies
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// The contract; without one, their names are listed
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct Facts {
    /// The tables as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}
