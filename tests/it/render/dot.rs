//! DOT that any text leaves legal.

use cutset::render::dot::dot_id;
use graphviz_rust::dot_structures::{Graph, Id, Node, NodeId, Stmt};
use graphviz_rust::printer::{DotPrinter, PrinterContext};
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

fn printed(id: Id) -> String {
    let node = Node { id: NodeId(id, None), attributes: Vec::new() };
    let graph = Graph::DiGraph { id: dot_id("g"), strict: false, stmts: vec![Stmt::Node(node)] };
    graph.print(&mut PrinterContext::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_text_is_one_id(text in any::<String>()) {
        let printed = printed(dot_id(&text));
        let graph = graphviz_rust::parse(&printed).map_err(|error| TestCaseError::fail(format!("{error}: {printed}")))?;
        let Graph::DiGraph { stmts, .. } = graph else { return Err(TestCaseError::fail("no digraph")) };
        prop_assert_eq!(stmts.len(), 1);
        let Stmt::Node(node) = &stmts[0] else { return Err(TestCaseError::fail("no node")) };
        prop_assert_eq!(&node.id.0, &dot_id(&text));
    }
}

#[test]
fn words_that_graphviz_rust_prints_wrongly_unquoted_survive() {
    for text in ["", "graph", "a\"b", "a\\", "\\N", "admin@x.com", "a\nb", "7f1d3c52-0a0b-4b53-9a59", "]; x [", "<b>"] {
        graphviz_rust::parse(&printed(dot_id(text))).expect(text);
    }
}

#[test]
fn the_graph_parses_and_dot_accepts_it() {
    for view in ["attack", "before-after", "residual", "choke"] {
        let text = super::text(&super::fixture(), "dot", view, &[]);
        graphviz_rust::parse(&text).expect("our own parser reads it");
        accepted_by_dot(&text);
    }
}

/// Whether Graphviz draws it without a word of complaint; says so where it is not installed.
pub fn accepted_by_dot(text: &str) {
    let mut command = Command::new("dot");
    command.arg("-Tsvg").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: `dot` (Graphviz) is not installed");
        return;
    };
    let mut stdin = child.stdin.take().expect("a pipe");
    let owned = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(owned.as_bytes()));
    let output = child.wait_with_output().expect("dot runs");
    let written = writer.join().expect("the writer ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = complaints.lines().filter(|line| !line.contains("ontconfig")).collect();
    assert!(output.status.success(), "{complaints:?}");
    assert!(complaints.is_empty(), "{complaints:?}");
    written.expect("dot read it all");
}
