//! The Markdown that the report's template writes, read back as blocks: CommonMark's headings, paragraphs, lists, code
//! and GitHub's tables, as far as templates use them. What is no structure here is text.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Span {
    Text(String),
    Bold(String),
    Italic(String),
    Code(String),
    Link { text: String, to: String },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    Heading {
        level: usize,
        spans: Vec<Span>,
    },
    Paragraph {
        depth: usize,
        spans: Vec<Span>,
    },
    /// `mark` is the bullet, or the number with its point.
    Item {
        depth: usize,
        mark: String,
        spans: Vec<Span>,
    },
    Code {
        depth: usize,
        lines: Vec<String>,
    },
    Table {
        head: Vec<Vec<Span>>,
        rows: Vec<Vec<Vec<Span>>>,
    },
}

/// The words of spans, without their dress.
pub(super) fn text(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text) | Span::Bold(text) | Span::Italic(text) | Span::Code(text) | Span::Link { text, .. } => {
                text.as_str()
            }
        })
        .collect()
}

pub(super) fn read(markdown: &str) -> Vec<Block> {
    let lines: Vec<&str> = markdown.lines().collect();
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut at = 0;
    while let Some(line) = lines.get(at).copied() {
        at += 1;
        let item = line.trim_start_matches(' ');
        let depth = (line.len() - item.len()) / 2;
        if item.is_empty() {
            open = false;
            continue;
        }
        if item.starts_with("```") {
            let fence: String = item.chars().take_while(|c| *c == '`').collect();
            let mut code = Vec::new();
            while let Some(line) = lines.get(at).copied() {
                at += 1;
                if line.trim() == fence {
                    break;
                }
                code.push(line.to_owned());
            }
            blocks.push(Block::Code { depth, lines: code });
            open = false;
            continue;
        }
        let level = item.chars().take_while(|c| *c == '#').count();
        if (1..=6).contains(&level) && depth == 0 && item.get(level..).is_some_and(|rest| rest.starts_with(' ')) {
            blocks.push(Block::Heading { level, spans: spans(item.get(level..).unwrap_or_default().trim()) });
            open = false;
            continue;
        }
        if depth == 0
            && item.starts_with('|')
            && lines.get(at).is_some_and(|next| next.starts_with("|---") || next.starts_with("|:-"))
        {
            let head: Vec<Vec<Span>> = cells(item);
            at += 1;
            let mut rows = Vec::new();
            while let Some(row) = lines.get(at).copied().filter(|row| row.starts_with('|')) {
                at += 1;
                let mut row = cells(row);
                row.resize(head.len(), Vec::new());
                rows.push(row);
            }
            blocks.push(Block::Table { head, rows });
            open = false;
            continue;
        }
        if let Some((mark, rest)) = mark(item) {
            blocks.push(Block::Item { depth, mark, spans: spans(rest) });
            open = true;
            continue;
        }
        // A line of an open paragraph or item goes on with it.
        let more = spans(item);
        match blocks.last_mut() {
            Some(Block::Paragraph { spans, .. } | Block::Item { spans, .. }) if open => {
                spans.push(Span::Text(" ".to_owned()));
                spans.extend(more);
            }
            Some(_) | None => blocks.push(Block::Paragraph { depth, spans: more }),
        }
        open = true;
    }
    blocks
}

fn mark(item: &str) -> Option<(String, &str)> {
    if let Some(rest) = item.strip_prefix("- ") {
        return Some(("\u{2022}".to_owned(), rest));
    }
    let (number, rest) = item.split_once(". ")?;
    (!number.is_empty() && number.len() < 10 && number.bytes().all(|b| b.is_ascii_digit()))
        .then(|| (format!("{number}."), rest))
}

/// Cells of a row: parted by pipes that no backslash escapes.
fn cells(line: &str) -> Vec<Vec<Span>> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut escaped = false;
    for character in line.trim().chars() {
        match (character, escaped) {
            ('|', true) => {
                // The backslash was the table's; inside code it must not stay.
                if let Some(part) = parts.last_mut() {
                    part.pop();
                    part.push('\u{e000}');
                }
                escaped = false;
                continue;
            }
            ('|', false) => parts.push(String::new()),
            (other, _) => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
        escaped = character == '\\' && !escaped;
    }
    let inner = parts.len().saturating_sub(1);
    let pipes = |span: Span| -> Span {
        let back = |text: String| text.replace('\u{e000}', "|");
        match span {
            Span::Text(text) => Span::Text(back(text)),
            Span::Bold(text) => Span::Bold(back(text)),
            Span::Italic(text) => Span::Italic(back(text)),
            Span::Code(text) => Span::Code(back(text)),
            Span::Link { text, to } => Span::Link { text: back(text), to },
        }
    };
    parts.iter().take(inner).skip(1).map(|part| spans(part.trim()).into_iter().map(pipes).collect()).collect()
}

/// Text in a line with its dress.
fn spans(line: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut plain = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '\\' => {
                let next = rest.chars().nth(1);
                match next.filter(|c| c.is_ascii_punctuation() || *c == '\u{e000}') {
                    Some(next) => {
                        plain.push(next);
                        1 + next.len_utf8()
                    }
                    None => {
                        plain.push('\\');
                        1
                    }
                }
            }
            '`' => match code(rest) {
                Some((text, length)) => {
                    flush(&mut plain, &mut found);
                    found.push(Span::Code(text));
                    length
                }
                None => {
                    plain.push('`');
                    1
                }
            },
            '*' => match dressed(rest) {
                Some((span, length)) => {
                    flush(&mut plain, &mut found);
                    found.extend(span);
                    length
                }
                None => {
                    plain.push('*');
                    1
                }
            },
            '[' => match link(rest) {
                Some((span, length)) => {
                    flush(&mut plain, &mut found);
                    found.push(span);
                    length
                }
                None => {
                    plain.push('[');
                    1
                }
            },
            '&' if rest.starts_with("&#64;") => {
                plain.push('@');
                5
            }
            other => {
                plain.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    flush(&mut plain, &mut found);
    found
}

fn flush(plain: &mut String, found: &mut Vec<Span>) {
    if !plain.is_empty() {
        found.push(Span::Text(std::mem::take(plain)));
    }
}

/// A code span: as many backticks at its end as at its start.
fn code(rest: &str) -> Option<(String, usize)> {
    let ticks = rest.chars().take_while(|c| *c == '`').count();
    let mut at = ticks;
    loop {
        let found = at + rest.get(at..)?.find('`')?;
        let run = rest.get(found..)?.chars().take_while(|c| *c == '`').count();
        if run == ticks {
            let inside = rest.get(ticks..found)?;
            let padded =
                inside.len() > 2 && inside.starts_with(' ') && inside.ends_with(' ') && !inside.trim().is_empty();
            let inside = if padded { inside.get(1..inside.len() - 1)? } else { inside };
            return Some((inside.to_owned(), found + run));
        }
        at = found + run;
    }
}

/// `**bold**` or `*italic*`; inside, code and escapes keep their words.
fn dressed(rest: &str) -> Option<(Vec<Span>, usize)> {
    let bold = rest.starts_with("**");
    let mark = if bold { "**" } else { "*" };
    let mut at = mark.len();
    while let Some(character) = rest.get(at..)?.chars().next() {
        if character == '\\' {
            at += 1 + rest.get(at + 1..)?.chars().next().map_or(0, char::len_utf8);
            continue;
        }
        if character == '`'
            && let Some((_, length)) = code(rest.get(at..)?)
        {
            at += length;
            continue;
        }
        if rest.get(at..)?.starts_with(mark) && at > mark.len() {
            let inner = spans(rest.get(mark.len()..at)?);
            let dress = |span: Span| match (span, bold) {
                (Span::Text(text), true) => Span::Bold(text),
                (Span::Text(text), false) => Span::Italic(text),
                (other, _) => other,
            };
            return Some((inner.into_iter().map(dress).collect(), at + mark.len()));
        }
        at += character.len_utf8();
    }
    None
}

/// `[text](#anchor)`; links to anywhere else are no links of the report's.
fn link(rest: &str) -> Option<(Span, usize)> {
    let middle = rest.find("](#")?;
    let text = rest.get(1..middle)?;
    if text.contains(['[', ']', '\n']) {
        return None;
    }
    let end = middle + rest.get(middle..)?.find(')')?;
    let to = rest.get(middle + 2..end)?;
    Some((Span::Link { text: self::text(&spans(text)), to: to.to_owned() }, end + 1))
}
