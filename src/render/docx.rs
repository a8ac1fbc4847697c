//! The report as a Word document (feature `docx`): the very Markdown report, set in Word's own headings, lists and
//! tables, so that both tell the same and a user's template serves both. The marking stands in header and footer.
//!
//! Same bytes every time: paragraph ids are counted per thread, and each document is made on one of its own.

mod blocks;

use super::{Artifact, Output, RenderError, Request, markdown, one};
use crate::analysis::Analysis;
use crate::render::text::plain;
use blocks::{Block, Span};
use docx_rs::{
    AlignmentType, Docx, Footer, Header, Hyperlink, HyperlinkType, PageMargin, PageNum, PageOrientationType, Paragraph,
    Run, RunFonts, Shading, Style, StyleType, Table, TableCell, TableCellMargins, TableLayoutType, TableRow, WidthType,
};
use std::collections::BTreeSet;
use std::io::Cursor;

pub(super) const OUTPUT: Output = Output { id: "docx", views: &["report"], extension: "docx", render };

/// Twips of an A4 page on its side, and the room between its margins.
const WIDTH: u32 = 16838;
const HEIGHT: u32 = 11906;
const MARGIN: i32 = 1000;
const ROOM: usize = 14838;

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let report = markdown::report(analysis, request)?;
    let marking = analysis.incident.marking.as_deref().map(plain).unwrap_or_default();
    let made = std::thread::scope(|scope| scope.spawn(|| document(&report, &marking)).join());
    let bytes = made.map_err(|_| RenderError::Failed("the document could not be built".to_owned()))??;
    one("report.docx", bytes)
}

fn document(report: &str, marking: &str) -> Result<Vec<u8>, RenderError> {
    let mut docx = Docx::new()
        .page_size(WIDTH, HEIGHT)
        .page_orient(PageOrientationType::Landscape)
        .page_margin(PageMargin::new().top(MARGIN).bottom(MARGIN).left(MARGIN).right(MARGIN))
        .default_fonts(RunFonts::new().ascii("Calibri").hi_ansi("Calibri").cs("Calibri"))
        .default_size(20);
    for (level, size) in [(1, 36), (2, 28), (3, 23)] {
        docx = docx.add_style(
            Style::new(format!("Heading{level}"), StyleType::Paragraph)
                .name(format!("heading {level}"))
                .based_on("Normal")
                .next("Normal")
                .q_format(true)
                .size(size)
                .bold()
                .color("1D2939"),
        );
    }
    let mark = || Paragraph::new().align(AlignmentType::Center).add_run(Run::new().add_text(marking).bold());
    docx = docx.header(Header::new().add_paragraph(mark()));
    docx = docx
        .footer(Footer::new().add_paragraph(mark().add_run(Run::new().add_text("   ")).add_page_num(PageNum::new())));
    let mut anchors: BTreeSet<String> = BTreeSet::new();
    for (number, block) in blocks::read(report).into_iter().enumerate() {
        docx = match block {
            Block::Heading { level, spans } => {
                let anchor = anchor(&spans);
                let mut paragraph = Paragraph::new().style(&format!("Heading{}", level.clamp(1, 3))).keep_next(true);
                let new = !anchor.is_empty() && anchors.insert(anchor.clone());
                if new {
                    paragraph = paragraph.add_bookmark_start(number + 1, anchor);
                }
                paragraph = filled(paragraph, &spans, 0);
                docx.add_paragraph(if new { paragraph.add_bookmark_end(number + 1) } else { paragraph })
            }
            Block::Paragraph { depth, spans } => docx.add_paragraph(filled(indented(depth, 0), &spans, 0)),
            Block::Item { depth, mark, spans } => {
                let paragraph = indented(depth + 1, 300).add_run(Run::new().add_text(format!("{mark} ")));
                docx.add_paragraph(filled(paragraph, &spans, 0))
            }
            Block::Code { depth, lines } => {
                lines.iter().fold(docx, |docx, line| docx.add_paragraph(indented(depth, 0).add_run(code(line, 0))))
            }
            Block::Table { head, rows } => docx.add_table(table(&head, &rows)).add_paragraph(Paragraph::new()),
        };
    }
    let mut bytes = Vec::new();
    docx.build().pack(Cursor::new(&mut bytes)).map_err(|error| RenderError::Failed(error.to_string()))?;
    Ok(bytes)
}

fn indented(depth: usize, hanging: i32) -> Paragraph {
    let left = i32::try_from(depth).unwrap_or(8).min(8) * 300;
    match left {
        0 => Paragraph::new(),
        left if hanging > 0 => {
            Paragraph::new().indent(Some(left), Some(docx_rs::SpecialIndentType::Hanging(hanging)), None, None)
        }
        left => Paragraph::new().indent(Some(left), None, None, None),
    }
}

/// The anchor that a heading is linked by: as Git hosts make it.
fn anchor(spans: &[Span]) -> String {
    let mut out = String::new();
    for character in blocks::text(spans).chars() {
        match character {
            ' ' => out.push('-'),
            c if c.is_alphanumeric() || c == '-' => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out.chars().take(40).collect()
}

fn code(text: &str, size: usize) -> Run {
    let run = Run::new().add_text(text).fonts(RunFonts::new().ascii("Consolas").hi_ansi("Consolas").cs("Consolas"));
    if size > 0 { run.size(size) } else { run.size(18) }
}

fn filled(mut paragraph: Paragraph, spans: &[Span], size: usize) -> Paragraph {
    let sized = |run: Run| if size > 0 { run.size(size) } else { run };
    for span in spans {
        paragraph = match span {
            Span::Text(text) => paragraph.add_run(sized(Run::new().add_text(text))),
            Span::Bold(text) => paragraph.add_run(sized(Run::new().add_text(text).bold())),
            Span::Italic(text) => paragraph.add_run(sized(Run::new().add_text(text).italic())),
            Span::Code(text) => paragraph.add_run(code(text, if size > 0 { size } else { 0 })),
            Span::Link { text, to } => {
                let run = sized(Run::new().add_text(text).color("175CD3"));
                let anchor: String = to.trim_start_matches('#').chars().take(40).collect();
                paragraph.add_hyperlink(Hyperlink::new(anchor, HyperlinkType::Anchor).add_run(run))
            }
        };
    }
    paragraph
}

fn table(head: &[Vec<Span>], rows: &[Vec<Vec<Span>>]) -> Table {
    const SIZE: usize = 15;
    let widths = widths(head, rows);
    let cell = |spans: &[Span], width: usize, shade: bool| {
        let cell = TableCell::new().width(width, WidthType::Dxa).add_paragraph(filled(Paragraph::new(), spans, SIZE));
        if shade { cell.shading(Shading::new().fill("EAECF0")) } else { cell }
    };
    let row = |cells: &[Vec<Span>], shade: bool| {
        let cells = cells.iter().zip(&widths).map(|(spans, width)| cell(spans, *width, shade)).collect();
        TableRow::new(cells).cant_split()
    };
    let mut all = vec![row(head, true)];
    all.extend(rows.iter().map(|cells| row(cells, false)));
    Table::new(all)
        .set_grid(widths.clone())
        .width(ROOM, WidthType::Dxa)
        .layout(TableLayoutType::Fixed)
        .margins(TableCellMargins::new().margin(30, 60, 30, 60))
}

/// Columns by what stands in them: the longest word fits where it can, long sentences share the rest.
fn widths(head: &[Vec<Span>], rows: &[Vec<Vec<Span>>]) -> Vec<usize> {
    const PER_CHARACTER: usize = 90;
    let columns = head.len().max(1);
    let wanted: Vec<usize> = (0..columns)
        .map(|at| {
            let cells = std::iter::once(head).chain(rows.iter().map(Vec::as_slice)).filter_map(|row| row.get(at));
            cells.map(|spans| blocks::text(spans).chars().count()).max().unwrap_or(1).clamp(2, 60) * PER_CHARACTER + 140
        })
        .collect();
    let total: usize = wanted.iter().sum();
    wanted.iter().map(|width| (width * ROOM / total.max(1)).max(1)).collect()
}
