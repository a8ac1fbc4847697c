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
    // A file that is no JSON is told so first: what stands before the broken place may be misspelt as well.
    let whole = serde_json::from_str::<serde::de::IgnoredAny>(text);
    whole.and_then(|_| serde_json::from_str(text)).map_err(|error| {
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

/// The known word nearest to a misspelt one by edit distance; none where all are too far for a slip of the hand.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    if wrong.len() > 400 {
        return None;
    }
    let wrong = wrong.to_lowercase();
    let scored = known.iter().copied().map(|word| (distance(&wrong, &word.to_lowercase()), word));
    let near = |(far, word): &(usize, &str)| far * 3 <= word.chars().count().max(wrong.chars().count()).max(6);
    let closest = scored.filter(near).min().map(|(_, word)| word);
    // What somebody left out is no slip: the shortest known word that holds all they wrote.
    let holds = |word: &&&str| wrong.chars().count() >= 4 && word.to_lowercase().contains(&wrong);
    closest.or_else(|| known.iter().filter(holds).min_by_key(|word| (word.len(), **word)).copied())
}

/// What to say to a misspelt word: the nearest known one, or what the known ones are.
pub fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    const SHOWN: usize = 12;
    match (nearest(wrong, known), known.len()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, 0) => "there is none to choose from".to_owned(),
        (None, 1..=SHOWN) => format!("known are {}", known.join(", ")),
        (None, n) => {
            let shown = known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            format!("known are {shown} and {} more", n - SHOWN)
        }
    }
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
