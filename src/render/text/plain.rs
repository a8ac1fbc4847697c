//! One line of visible text out of any string: what would steer a terminal, reorder a line or hide is spelled out.

/// Control characters, bidirectional controls and invisible characters become `[U+202E]`; line breaks and tabs become
/// spaces; stacks of combining marks are cut to two.
///
/// Covers the *Trojan Source* characters (Unicode Technical Report 36, section 2.10, and Unicode Standard Annex 9,
/// directional formatting characters), ANSI escapes (their `ESC` is a control character), and tags.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut marks = 0;
    let mut characters = text.chars().peekable();
    let mut previous = ' ';
    while let Some(character) = characters.next() {
        let joins_emoji = matches!(character, '\u{200d}' | '\u{fe0f}')
            && is_pictograph(previous)
            && (character == '\u{fe0f}' || characters.peek().is_some_and(|next| is_pictograph(*next)));
        if matches!(character, '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}') {
            if !shown.ends_with(' ') {
                shown.push(' ');
            }
        } else if joins_emoji {
            shown.push(character);
        } else if hides(character) {
            shown.push_str(&format!("[U+{:04X}]", u32::from(character)));
        } else if is_mark(character) {
            marks += 1;
            if marks <= 2 {
                shown.push(character);
            }
        } else {
            marks = 0;
            shown.push(character);
        }
        previous = character;
    }
    shown.trim().to_owned()
}

/// Characters that print nothing themselves, or change how others print.
fn hides(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0
            | 0xFFF0..=0xFFFB | 0xFFFE | 0xFFFF | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
            | 0xE000..=0xF8FF | 0xF0000..=0x10FFFF)
}

/// Combining marks of the scripts where they stack.
pub(super) fn is_mark(character: char) -> bool {
    matches!(u32::from(character),
        0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5BD | 0x610..=0x61A | 0x64B..=0x65F | 0x670 | 0x6D6..=0x6DC
        | 0xE31 | 0xE34..=0xE3A | 0xE47..=0xE4E | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF
        | 0xFE20..=0xFE2F)
}

pub(super) fn is_pictograph(character: char) -> bool {
    matches!(u32::from(character), 0x1F000..=0x1FAFF | 0x2600..=0x27BF | 0x2B00..=0x2BFF)
}
