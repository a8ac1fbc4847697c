//! The summary: one screen, 100 columns, complete without colour.

use cutset::analysis::Analysis;
use cutset::render::text::{columns, plain};
use cutset::render::{Request, render};

fn summary(analysis: &Analysis, request: &Request) -> String {
    let files = render(analysis, "terminal", request).expect("it renders");
    String::from_utf8(files[0].bytes.clone()).expect("it is text")
}

#[test]
fn northgate_is_as_it_was_looked_at() {
    let request = Request { written: vec!["out/report.md".into(), "graph.svg".into()], ..Request::default() };
    let shown = summary(&super::fixture(), &request);
    super::as_looked_at("tests/render/terminal/northgate.txt", &shown);
}

#[test]
fn one_screen_of_100_columns() {
    for analysis in [super::fixture(), super::generated::analysis(150, 3)] {
        for width in [60, 80, 100, 140] {
            let shown = summary(&analysis, &Request { width, ..Request::default() });
            for line in shown.lines() {
                assert!(columns(line) <= width, "{} columns of {width}: {line}", columns(line));
            }
            assert!(width < 100 || shown.lines().count() <= 40, "{} lines", shown.lines().count());
        }
    }
}

#[test]
fn colour_adds_nothing_but_escapes() {
    let bare = summary(&super::fixture(), &Request::default());
    assert!(!bare.contains('\u{1b}'));
    let coloured = summary(&super::fixture(), &Request { colour: true, ..Request::default() });
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_ne!(bare, coloured);
    assert_eq!(bare, stripped);
}

#[test]
fn parts_that_nothing_filled_are_left_out() {
    let mut analysis = super::fixture();
    analysis.containment.clear();
    analysis.gaps.clear();
    analysis.unexplained.clear();
    analysis.residual_paths.clear();
    analysis.minimal_control_sets = Default::default();
    let shown = summary(&analysis, &Request::default());
    for word in ["Contain", "Settles", "Unexplained", "Not enough", "Do first", "Written", "[!]"] {
        assert!(!shown.contains(word), "{word}: {shown}");
    }
}

#[test]
fn where_not_all_fit_those_that_cut_the_most_are_shown_and_the_rest_is_counted() {
    let shown = summary(&super::fixture(), &Request { width: 72, ..Request::default() });
    assert!(shown.contains("loc"), "{shown}");
    assert!(shown.contains("more controls, in the report"), "{shown}");
}

#[test]
fn what_steers_a_terminal_is_spelled_out() {
    for (text, shown) in [
        ("a\u{1b}[31mb", "a[U+001B][31mb"),
        ("a\u{202e}gpj.exe", "a[U+202E]gpj.exe"),
        ("line\nbreak\ttab", "line break tab"),
        ("zero\u{200b}width", "zero[U+200B]width"),
        ("\u{9b}31m", "[U+009B]31m"),
        ("👩\u{200d}💻", "👩\u{200d}💻"),
        ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}"),
        ("שלום", "שלום"),
    ] {
        assert_eq!(plain(text), shown);
    }
}
