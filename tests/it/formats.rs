//! Every form of log and snapshot record: our own small cases (`tests/formats/<id>/`), and the published samples where
//! they are at hand (`../shared/samples`, read in place; the test passes without them).

use cutset::cli::inputs;
use cutset::ingest::{Item, read};
use std::path::Path;

#[test]
fn published_samples_are_read_or_knowingly_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if !root.exists() {
        return;
    }
    let mut events = 0;
    let mut documents = 0;
    let reading = read(&inputs::below(&root).unwrap(), &mut |item| match item {
        Item::Event(_) => events += 1,
        Item::Document { .. } => documents += 1,
        _ => {}
    });
    for source in &reading.sources {
        println!("{:32} {:4} {:4} {:4}  {}", source.format, source.records, source.rejected, source.used, source.file);
    }
    for rejected in &reading.rejected {
        println!("{} #{}: {}", rejected.file, rejected.record, rejected.reason);
    }
    println!("{events} events, {documents} documents");
}
