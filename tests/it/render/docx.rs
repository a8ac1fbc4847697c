//! The Word document tells what the Markdown report tells: unpacked, well formed, the same words, the marking on top.

use super::hostile::{corpus, poisoned};
use crate::support::analyzed;
use cutset::analysis::Analysis;
use cutset::render::{Request, render};
use std::io::{Cursor, Read};
use std::process::Command;

fn made(analysis: &Analysis) -> Vec<u8> {
    render(analysis, "docx", &Request::default()).expect("it renders").remove(0).bytes
}

fn part(document: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(document)).expect("a package");
    let mut text = String::new();
    archive.by_name(name).unwrap_or_else(|e| panic!("{name}: {e}")).read_to_string(&mut text).expect("text");
    text
}

/// Elements of XML, each closed by its own end; text with entities resolved.
fn words(xml: &str) -> String {
    let mut open: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        if open.last() == Some(&"w:instrText") {
            // The field that counts pages.
        } else if open.last() == Some(&"w:t") {
            out.push_str(text);
        } else {
            assert!(text.trim().is_empty(), "text outside of w:t: {text}");
        }
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.ends_with('/') {
            continue;
        }
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closes what is open");
            if name == "w:p" {
                out.push('\n');
            }
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
    {
        out = out.replace(entity, character);
    }
    out
}

/// Words of the Markdown without its marks.
fn bare(markdown: &str) -> Vec<String> {
    let text = markdown
        .replace("](#evidence-index)", " ")
        .replace("](#files-read)", " ")
        .replace("](#how-this-was-found-out)", " ")
        .replace("&#64;", "@");
    let kept: String = text.chars().map(|c| if c.is_alphanumeric() || c == '@' { c } else { ' ' }).collect();
    kept.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn it_tells_what_the_report_tells() {
    let analysis = analyzed("example");
    let document = made(analysis);
    let told = words(&part(&document, "word/document.xml"));
    let report = render(analysis, "markdown", &Request::default()).expect("it renders").remove(0);
    let report = String::from_utf8(report.bytes).expect("text");
    let (mine, theirs) = (bare(&told), bare(&report));
    let first = mine.iter().zip(&theirs).position(|(a, b)| a != b);
    let around = |words: &[String]| first.map(|at| words[at.saturating_sub(5)..(at + 8).min(words.len())].join(" "));
    assert_eq!(around(&mine), around(&theirs));
    assert_eq!(mine.len(), theirs.len());
    for name in ["word/header1.xml", "word/footer1.xml"] {
        assert!(words(&part(&document, name)).contains("TLP:AMBER"), "{name}");
    }
    let xml = part(&document, "word/document.xml");
    for anchor in ["evidence-index", "files-read"] {
        assert!(
            xml.contains(&format!("w:anchor=\"{anchor}\"")) && xml.contains(&format!("w:name=\"{anchor}\"")),
            "{anchor}"
        );
    }
}

#[test]
fn the_same_bytes_every_time() {
    let analysis = super::fixture();
    assert_eq!(made(&analysis), made(&analysis));
}

#[test]
fn hostile_words_are_words() {
    for (why, text) in corpus() {
        let told = words(&part(&made(&poisoned(&text)), "word/document.xml"));
        assert!(told.len() > 1000, "{why}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!told.contains(control), "{why}");
    }
}

#[test]
fn an_office_program_opens_it() {
    let folder = crate::support::Folder::new("docx");
    let path = folder.path().join("report.docx");
    std::fs::write(&path, made(analyzed("example"))).expect("a file");
    let run = Command::new("soffice")
        .args(["--headless", "--convert-to", "txt:Text", "--outdir"])
        .arg(folder.path())
        .arg(&path)
        .output();
    let Ok(output) = run else {
        eprintln!("skipped: no LibreOffice here");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = std::fs::read_to_string(folder.path().join("report.txt")).expect("converted");
    for part in ["Executive summary", "2.45 GB", "Rotate both keys of proddata", "Evidence index"] {
        assert!(told.contains(part), "{part}");
    }
}
