//! Paragraphs for a terminal of so many columns.

use super::width::{columns, fit_columns};

/// `word` in front, the text wrapped at `indent` over at most so many lines; what does not fit ends in `…`.
pub fn wrap(word: &str, indent: usize, text: &str, width: usize, most: usize) -> Vec<String> {
    wrap_saying(word, indent, text, width, (most, " …"))
}

/// As [`wrap`]; where lines are left out, the last ends with these words.
pub fn wrap_saying(word: &str, indent: usize, text: &str, width: usize, (most, more): (usize, &str)) -> Vec<String> {
    let indent = if word.is_empty() { indent } else { indent.max(columns(word) + 1) };
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for piece in text.split(' ') {
        let piece = fit_columns(piece, room);
        let current = lines.last().map_or(0, |line| columns(line));
        if current > 0 && current + 1 + columns(&piece) > room {
            lines.push(piece);
        } else if let Some(line) = lines.last_mut() {
            if current > 0 {
                line.push(' ');
            }
            line.push_str(&piece);
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && columns(last) + columns(more) > room {
                last.pop();
            }
            last.push_str(more);
        }
    }
    let lines = lines.into_iter().map(|line| line.replace('\u{a0}', " "));
    let rest = " ".repeat(indent);
    let pad = " ".repeat(indent - columns(word));
    lines
        .enumerate()
        .map(|(index, line)| if index == 0 { format!("{word}{pad}{line}") } else { format!("{rest}{line}") })
        .collect()
}

/// As [`wrap`], all of the text.
pub fn wrap_all(word: &str, indent: usize, text: &str, width: usize) -> Vec<String> {
    wrap(word, indent, text, width, usize::MAX)
}
