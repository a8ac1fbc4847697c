//! How wide text comes out: in a proportional font (diagrams) and in terminal columns.
//!
//! A diagram names only generic fonts, so the width is an upper bound: per character the widest advance among the
//! fonts that a generic sans-serif resolves to (measured on DejaVu Sans and Liberation Sans, the latter with the
//! metrics of Arial and Helvetica), in thousandths of the font size.

use super::plain::{is_mark, is_pictograph};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// Space to tilde.
#[rustfmt::skip]
const REGULAR: [u16; 95] = [318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 556, 1015, 684, 686, 722, 770, 667, 611, 778, 752, 295, 500, 667, 557, 863, 748, 787, 667, 787, 722, 667, 611, 732, 684, 989, 685, 667, 685, 390, 337, 390, 838, 556, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838];

#[rustfmt::skip]
const BOLD: [u16; 95] = [348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 611, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 556, 775, 637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 556, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838];

fn advance(character: char, weight: Weight) -> u32 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    let code = u32::from(character);
    if let Some(width) = (32..127).contains(&code).then(|| table.get(code as usize - 32)).flatten() {
        return u32::from(*width);
    }
    match code {
        _ if is_mark(character) => 0,
        // Arabic ligatures that fill a line.
        0xFDF0..=0xFDFF => 4000,
        _ if is_pictograph(character) => 1400,
        _ if wide(character) => 1050,
        0xB7 => 380,
        0x2030..=0x2031 => 2000,
        0xA0..=0x24F => 900,
        _ => 1250,
    }
}

/// Upper bound of the width of one line of text.
pub fn text_width(text: &str, size: f64, weight: Weight) -> f64 {
    let thousandths: u32 = text.chars().map(|character| advance(character, weight)).fold(0, u32::saturating_add);
    f64::from(thousandths) * size / 1000.0
}

/// The text, or as much of its two ends as fits with `…` between.
pub fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    shorten(text, |candidate| text_width(candidate, size, weight) <= room)
}

/// Terminal columns: wide characters take two, marks none.
pub fn columns(text: &str) -> usize {
    text.chars().map(column_width).sum()
}

fn column_width(character: char) -> usize {
    match character {
        '\u{200d}' | '\u{fe0f}' => 0,
        _ if is_mark(character) => 0,
        _ if wide(character) || u32::from(character) >= 0x1F000 => 2,
        _ => 1,
    }
}

/// The text, or as much of its two ends as fits into so many columns.
pub fn fit_columns(text: &str, room: usize) -> String {
    shorten(text, |candidate| columns(candidate) <= room)
}

/// East Asian wide and full-width ranges (Unicode Standard Annex 11).
fn wide(character: char) -> bool {
    matches!(u32::from(character),
        0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0x33FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xA000..=0xA4CF
        | 0xA960..=0xA97F | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6
        | 0x20000..=0x3FFFD)
}

/// Keeps head and tail (names differ at either end), the head a little longer.
fn shorten(text: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    // Nothing longer can ever fit: no need to try ten thousand characters one by one.
    const MOST: usize = 400;
    let characters: Vec<char> = text.chars().collect();
    let (mut low, mut high) = (0, characters.len().min(MOST));
    let cut = |keep: usize| -> String {
        let tail = keep * 2 / 5;
        let head = keep - tail;
        let start: String = characters.iter().take(head).collect();
        let end: String = characters.iter().skip(characters.len() - tail).collect();
        format!("{}…{}", start.trim_end(), end.trim_start())
    };
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(&cut(middle)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    cut(low)
}
