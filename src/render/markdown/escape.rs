//! Text in Markdown (CommonMark with GitHub's tables): no structure, link, tag or mention of the text's own.

use crate::render::text::{fit_columns, plain};
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value};

/// Longer strings keep their two ends; `analysis.json` has them whole.
const LONGEST: usize = 180;

/// A sentence of the analysis may be longer than a name.
const SENTENCE: usize = 900;

pub(super) fn short(text: &str) -> String {
    within(text, LONGEST)
}

fn within(text: &str, columns: usize) -> String {
    const CHARACTERS: usize = 2000;
    let start: String = text.chars().take(CHARACTERS).collect();
    fit_columns(&plain(&start), columns)
}

/// Text between other text.
pub(super) fn text(raw: &str) -> String {
    escaped(&short(raw))
}

/// A sentence: what stands between backticks is code, all else text.
pub(super) fn prose(raw: &str) -> String {
    let shown = within(raw, SENTENCE);
    let parts: Vec<&str> = shown.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(&shown);
    }
    let piece = |(at, part): (usize, &&str)| match at % 2 {
        1 if !part.trim().is_empty() => span((*part).trim().to_owned(), false),
        // Two spans side by side would be one.
        0 if part.is_empty() && at > 0 && at + 1 < parts.len() => " ".to_owned(),
        _ => escaped(part),
    };
    parts.iter().enumerate().map(piece).collect()
}

fn escaped(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len() + 8);
    for (at, character) in shown.char_indices() {
        let special = matches!(
            character,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '$' | '&' | '!' | '^'
        );
        let leads = at == 0 && matches!(character, '-' | '+' | '=' | ':');
        // Hosts turn `scheme://`, `www.` and addresses into links, `@name` into a mention.
        let links = (character == ':' && shown.get(at..).is_some_and(|rest| rest.starts_with("://")))
            || (character == '.' && shown.get(..at).is_some_and(|before| before.to_lowercase().ends_with("www")));
        if special || leads || links {
            out.push('\\');
        }
        out.push(character);
    }
    match out.strip_prefix('@') {
        Some(rest) => format!("&#64;{rest}"),
        None => out,
    }
}

/// A code span; a pipe is escaped where it stands in a table.
pub(super) fn code(raw: &str, in_table: bool) -> String {
    span(short(raw), in_table)
}

/// A command as a code span, whole: a command with its middle left out is none.
pub(super) fn command(raw: &str) -> String {
    const CHARACTERS: usize = 8000;
    let start: String = raw.chars().take(CHARACTERS).collect();
    span(plain(&start), false)
}

fn span(shown: String, in_table: bool) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if shown.starts_with('`') || shown.ends_with('`') { " " } else { "" };
    let shown = if in_table { shown.replace('|', "\\|") } else { shown };
    // A backslash before an escaped pipe would take its escape away.
    let shown = if in_table { shown.replace("\\\\|", "\\ \\|") } else { shown };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// A fenced block that its text cannot close.
pub(super) fn block(raw: &str, language: &str) -> String {
    let lines: Vec<String> = raw.lines().take(400).map(|line| cut(&plain_line(line))).collect();
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

fn cut(line: &str) -> String {
    fit_columns(line, 2000)
}

/// Like `plain`, with the blanks in front kept.
fn plain_line(line: &str) -> String {
    let blanks = line.len() - line.trim_start_matches(' ').len();
    format!("{}{}", " ".repeat(blanks), plain(line))
}

/// Everything a template prints comes through here: what no filter made safe is escaped.
pub(super) fn formatter(out: &mut Output, _state: &mut State, value: &Value) -> Result<(), Error> {
    let shown = match value.kind() {
        ValueKind::Undefined | ValueKind::None => return Ok(()),
        ValueKind::String if value.is_safe() => value.to_string(),
        ValueKind::String => text(&value.to_string()),
        ValueKind::Number | ValueKind::Bool => value.to_string(),
        _ => text(&value.to_string()),
    };
    out.write_str(&shown).map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()))
}
