//! Input that nobody would send a friend: cut, garbled, packed, nested, huge. Reported, bounded, never a panic, and
//! the rest is read.

use super::read_bytes;
use cutset::cli::inputs;
use cutset::ingest::{InputFile, Item, Reading, read};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// A sign-in with this number for an id, as one line.
fn line(n: usize) -> String {
    format!(
        r#"{{"TimeGenerated":"2026-03-21T03:{:02}:00Z","Type":"SigninLogs","Id":"id-{n}","ResultType":"0","UserPrincipalName":"ü{n}@contoso.example","AppDisplayName":"Portal","CorrelationId":"c-{n}"}}"#,
        n % 60
    )
}

fn lines(n: usize) -> String {
    (0..n).map(|i| line(i) + "\n").collect()
}

fn events(items: &[Item]) -> usize {
    items.iter().filter(|item| matches!(item, Item::Event(_))).count()
}

fn reasons(reading: &Reading) -> Vec<(u64, &str)> {
    reading.rejected.iter().map(|r| (r.record, r.reason.as_str())).collect()
}

#[test]
fn a_cut_last_line_is_refused_and_the_rest_read() {
    let text = lines(5);
    let (items, reading) = read_bytes("cut.ndjson", text.as_bytes()[..text.len() - 30].to_vec());
    assert_eq!(events(&items), 4);
    assert_eq!(reading.rejected.len(), 1);
    assert_eq!(reading.rejected[0].record, 5);
    assert!(reading.rejected[0].reason.starts_with("not JSON"), "{reading:?}");
}

#[test]
fn a_cut_document_keeps_the_records_before_the_cut() {
    let array = format!("{{\"value\":[{},{},{}", line(1), line(2), &line(3)[..40]);
    let (items, reading) = read_bytes("cut.json", array.into_bytes());
    assert_eq!(events(&items), 2);
    assert_eq!(reasons(&reading)[0], (3, "the file ends in the middle of this record"));
}

#[test]
fn garbage_between_lines_is_refused_and_the_rest_read() {
    let text = format!("{}\n\u{0}\u{1}garbage\n{}\n{{\"broken\": \n{}\n[1,2]\n", line(1), line(2), line(3));
    let (items, reading) = read_bytes("mixed.ndjson", text.into_bytes());
    assert_eq!(events(&items), 3);
    assert_eq!(reasons(&reading).iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 4, 6]);
}

#[test]
fn files_that_hold_nothing_to_read_say_so() {
    for (bytes, reason) in [
        (Vec::new(), "the file is empty"),
        (b"  \n ".to_vec(), "the file is empty"),
        ((0..=255).cycle().take(5000).collect(), "neither JSON nor text"),
        (b"\x1f\x8bnot really gzip".to_vec(), "reading stopped"),
        (b"PK\x03\x04nonsense".to_vec(), "not a readable zip archive"),
    ] {
        let (items, reading) = read_bytes("odd", bytes);
        assert!(items.is_empty());
        assert_eq!(reading.sources[0].format, "unrecognised");
        assert!(reading.rejected[0].reason.starts_with(reason), "{:?} is not {reason}", reading.rejected);
    }
}

#[test]
fn every_encoding_and_packing_reads_the_same() {
    let text = lines(3);
    let utf16 = |little: bool, mark: bool| -> Vec<u8> {
        let mark = mark.then_some('\u{feff}');
        let units: Vec<u16> = mark
            .into_iter()
            .chain(text.chars())
            .flat_map(|c| {
                let mut buffer = [0; 2];
                c.encode_utf16(&mut buffer).to_vec()
            })
            .collect();
        units.iter().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect()
    };
    let gzip = || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("UTF-8", text.clone().into_bytes()),
        ("UTF-8 with mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16 LE with mark", utf16(true, true)),
        ("UTF-16 BE with mark", utf16(false, true)),
        ("UTF-16 LE", utf16(true, false)),
        ("UTF-16 BE", utf16(false, false)),
        ("gzip", gzip()),
        ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ("gzip in zstd", zstd::encode_all(gzip().as_slice(), 1).unwrap()),
        ("CRLF", text.replace('\n', "\r\n").into_bytes()),
    ];
    for (form, bytes) in forms {
        let (items, reading) = read_bytes("any", bytes);
        assert_eq!(events(&items), 3, "{form}: {reading:?}");
        assert!(reading.rejected.is_empty(), "{form}: {reading:?}");
    }
}

#[test]
fn a_line_in_another_encoding_is_refused_alone() {
    let mut bytes = lines(2).into_bytes();
    bytes.extend(line(3).replace('ü', "?").into_bytes().iter().map(|b| if *b == b'?' { 0xfc } else { *b }));
    bytes.push(b'\n');
    bytes.extend(line(4).into_bytes());
    let (items, reading) = read_bytes("mixed", bytes);
    assert_eq!(events(&items), 3);
    assert_eq!(reading.rejected[0].record, 3);
    assert!(reading.rejected[0].reason.starts_with("not UTF-8"));
}

fn zip(members: usize, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for i in 0..members {
        archive.start_file(format!("logs/{i}.json"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn members_of_an_archive_are_files_and_ten_thousand_are_enough() {
    let (items, reading) = read_bytes("portal.zip", zip(2, lines(2).as_bytes()));
    assert_eq!(events(&items), 2, "the members hold the same records");
    let names: Vec<&str> = reading.sources.iter().map(|s| s.file.as_str()).collect();
    assert_eq!(names, ["portal.zip/logs/0.json", "portal.zip/logs/1.json"]);
    let (_, reading) = read_bytes("many.zip", zip(10_001, b"{}"));
    assert_eq!(reading.sources.len(), 10_001);
    assert!(reasons(&reading).contains(&(0, "10001 members: only the first 10000 are read")));
}

#[test]
fn a_bomb_is_stopped() {
    let bomb = |size: usize| zstd::encode_all(std::io::repeat(b' ').take(size as u64), 1).unwrap();
    let (_, reading) = read_bytes("bomb.zst", bomb(80 << 20));
    assert!(reading.rejected[0].reason.contains("like a bomb"), "{:?}", reading.rejected);
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    let (_, reading) = read_bytes("deep.json", deep.into_bytes());
    assert!(!reading.rejected.is_empty());
    let deep = format!("{{\"id\":{}1{}}}\n{}", "{\"a\":".repeat(50_000), "}".repeat(50_000), line(1));
    let (items, reading) = read_bytes("deep.ndjson", deep.into_bytes());
    assert_eq!(events(&items), 1, "{reading:?}");
    let quote = format!("time,actor,action\n2026-03-21,a,\"never closed\n{}", "x\n".repeat(1000));
    let (_, reading) = read_bytes("quote.csv", quote.into_bytes());
    assert_eq!(reading.sources.len(), 1);
}

#[test]
fn one_line_of_many_records_streams() {
    let records: Vec<String> = (0..3_000).map(line).collect();
    let (items, reading) = read_bytes("long.json", format!("[{}]", records.join(",")).into_bytes());
    assert_eq!((events(&items), reading.rejected.len()), (3_000, 0));
}

#[test]
fn one_reason_is_listed_ten_times_and_then_counted() {
    let text: String = (0..50).map(|i| format!("{{\"unknown\":{i}}}\n")).collect();
    let (_, reading) = read_bytes("odd.ndjson", text.into_bytes());
    assert_eq!(reading.sources[0].rejected, 50);
    assert_eq!(reading.rejected.len(), 11);
    assert!(reading.rejected[0].reason.starts_with("40 more records"));
}

/// A folder of its own, gone afterwards.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("cutset-hostile-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(path.join("timeline/deep")).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[test]
fn loops_pipes_and_dangling_links_are_lines_among_the_sources() {
    let folder = Folder::new();
    let timeline = folder.0.join("timeline");
    std::fs::write(timeline.join("good.ndjson"), lines(2)).unwrap();
    std::os::unix::fs::symlink(&timeline, timeline.join("deep/loop")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", timeline.join("dangling.json")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(timeline.join("pipe")).status();
    let mut events = 0;
    let reading = read(&inputs::case(&folder.0).unwrap(), &mut |item| {
        events += usize::from(matches!(item, Item::Event(_)));
    });
    assert_eq!(events, 2);
    let why = |file: &str| reading.rejected.iter().find(|r| r.file == file).map(|r| r.reason.clone());
    assert_eq!(why("timeline/deep/loop").as_deref(), Some("this link leads back to a folder it is in"));
    assert!(why("timeline/dangling.json").is_some());
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(why("timeline/pipe").as_deref(), Some("neither a file nor a folder"));
    }
}

#[test]
fn a_file_of_foreign_records_is_left() {
    let (_, reading) = read_bytes("bomb", "{\"a\":1}\n".repeat(200_000).into_bytes());
    assert_eq!(reading.sources[0].records, 20_000);
    let last = "none of the first 20000 records can be read: the rest of the file is left";
    assert!(reasons(&reading).iter().any(|(_, reason)| *reason == last), "{:?}", reasons(&reading));
    assert_eq!(reading.sources[0].sha256.len(), 64);
}

#[test]
fn a_file_that_cannot_be_opened_is_reported() {
    let broken = InputFile::new("timeline/locked.json", || {
        Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "permission denied"))
    });
    let reading = read(&[broken], &mut |_| {});
    assert_eq!(reasons(&reading), [(0, "permission denied")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_bytes("any", bytes);
    }

    #[test]
    fn no_damage_to_a_good_file_breaks_the_reader(which in 0..6_usize, cut in 0.0..1.0_f64, at in 0.0..1.0_f64, byte in any::<u8>()) {
        let good = [
            lines(3),
            format!("{{\"@odata.context\":\"x$metadata#users\",\"value\":[{},{}]}}", line(1), line(2)),
            "{\"tables\":[{\"name\":\"SigninLogs\",\"columns\":[{\"name\":\"Id\"},{\"name\":\"TimeGenerated\"}],\"rows\":[[\"a\",\"2026-03-21\"],[\"b\",null]]}]}".to_owned(),
            "{\"data\":{\"columns\":[{\"name\":\"id\"}],\"rows\":[[\"/subscriptions/a\"]]},\"count\":1}".to_owned(),
            "time,actor,action\r\n2026-03-21,\"a\nb\",SignIn\r\n".to_owned(),
            format!("{{\"request\":{{\"uri\":\"https://x\"}},\"response\":{{\"value\":[{}]}}}}", line(1)),
        ];
        let mut bytes = good[which].clone().into_bytes();
        bytes.truncate(1 + (bytes.len() as f64 * cut) as usize);
        let at = ((bytes.len() - 1) as f64 * at) as usize;
        bytes[at] = byte;
        let (items, reading) = read_bytes("damaged", bytes);
        prop_assert!(events(&items) <= 3);
        prop_assert_eq!(reading.sources.len(), 1);
    }
}
