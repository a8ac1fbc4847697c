//! Bad input: which file, which record or line, what was expected, what to do.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    pub file: String,
    /// `record 7`, `line 3`, a JSON pointer, or empty.
    pub place: String,
    /// One sentence, lower case, no full stop, user text in backticks.
    pub message: String,
    /// What to do about it, likewise.
    pub help: String,
}

impl InputError {
    pub fn new(file: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        InputError { file: file.into(), place: String::new(), message: message.into(), help: help.into() }
    }

    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if !self.place.is_empty() {
            write!(f, ", {}", self.place)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for InputError {}

/// Parses one of our own contracts: the error names the line, what was expected, and for a misspelt key the nearest
/// known one.
pub fn from_json<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, InputError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let place = match (error.line(), error.column()) {
            (0, _) => String::new(),
            (line, column) => format!("line {line}, column {column}"),
        };
        let said = message.split(" at line ").next().unwrap_or(&message).to_owned();
        let mut parts = said.splitn(2, ", expected ");
        let (what, expected) = (parts.next().unwrap_or_default().to_owned(), parts.next());
        let help = match (what.strip_prefix("unknown field `"), expected) {
            (Some(rest), Some(expected)) => {
                let wrong = rest.trim_end_matches('`');
                let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
                match nearest(wrong, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the known keys are {}", known.join(", ")),
                }
            }
            (_, Some(expected)) => format!("expected {expected}"),
            (_, None) => "mend the file; `cutset schema` prints its schema".to_owned(),
        };
        InputError::new(file, what, help).at(place)
    })
}

/// The known word nearest to a misspelt one by edit distance.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known.iter().copied().min_by_key(|word| (distance(&wrong, &word.to_lowercase()), *word))
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
