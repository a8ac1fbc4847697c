//! The one time reader: every spelling that exports use, and that none other is guessed.

use cutset::ingest::time::parse;
use proptest::prelude::*;

#[test]
fn every_spelling_of_one_moment_is_that_moment() {
    let spellings = [
        "2022-08-22T18:07:16Z",
        "2022-08-22T18:07:16",
        "2022-08-22 18:07:16",
        "2022-08-22T18:07:16.0000000Z",
        "2022-08-22T18:07:16.000000000+00:00",
        "2022-08-22T20:07:16+02:00",
        "2022-08-22T20:07:16+0200",
        "2022-08-22T13:07:16-05:00",
        "2022-08-22T18:07:16 UTC",
        "2022/08/22 18:07:16",
        "8/22/2022 6:07:16 PM",
        "8/22/2022, 6:07:16 PM",
        "8/22/2022, 6:07:16.000 PM",
        "8/22/2022, 6:07:16\u{202f}PM",
        "08/22/2022 18:07:16",
        "8/22/2022 8:07:16 PM +02:00",
        " 2022-08-22T18:07:16Z ",
        "1661191636",
        "1661191636000",
        "/Date(1661191636000)/",
        "/Date(1661191636000+0200)/",
    ];
    for text in spellings {
        assert_eq!(parse(text).map(|t| t.to_string()), Ok("2022-08-22T18:07:16Z".to_owned()), "{text}");
    }
}

#[test]
fn fractions_hours_and_dates_are_read_as_written() {
    let moments = [
        ("2021-04-28T14:08:45.22Z", "2021-04-28T14:08:45.22Z"),
        ("2021-04-28T14:08:45.6816663Z", "2021-04-28T14:08:45.6816663Z"),
        ("2021-04-28T14:08:45.535404056Z", "2021-04-28T14:08:45.535404056Z"),
        ("2021-04-28T14:08:45.5354040569Z", "2021-04-28T14:08:45.535404056Z"),
        ("2022-09-09T8:48:50.361Z", "2022-09-09T08:48:50.361Z"),
        ("4/28/2021, 2:32:14.029 PM", "2021-04-28T14:32:14.029Z"),
        ("1/9/2007 10:41:00 AM +01:00", "2007-01-09T09:41:00Z"),
        ("01/09/2007 09:41:00", "2007-01-09T09:41:00Z"),
        ("1/9/2007 12:41:00 AM", "2007-01-09T00:41:00Z"),
        ("1/9/2007 12:41:00 PM", "2007-01-09T12:41:00Z"),
        ("2024-09-23 14:33:09.049661100", "2024-09-23T14:33:09.0496611Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2021-04-28", "2021-04-28T00:00:00Z"),
        ("2021-04-28T14:08", "2021-04-28T14:08:00Z"),
    ];
    for (text, moment) in moments {
        assert_eq!(parse(text).map(|t| t.to_string()), Ok(moment.to_owned()), "{text}");
    }
}

#[test]
fn what_is_no_time_is_not_guessed() {
    let wrong = [
        "",
        "yesterday",
        "28/4/2021 10:00:00",
        "2021-13-01T00:00:00Z",
        "2021-02-30T00:00:00Z",
        "14:08:45",
        "2021-04-28T25:00:00Z",
        "4/28/2021 13:00:00 PM",
        "2021-04-28T14:08:45.2Zfoo",
        "2021-04-28T14:08:45+99:00",
        "20210428",
        "String (timestamp)",
        "2021-04-28Tabc",
        "/Date(x)/",
    ];
    for text in wrong {
        assert!(parse(text).is_err(), "{text} became {:?}", parse(text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_printed_is_read_back(seconds in -2_000_000_000_i64..4_000_000_000, nanos in 0..1_000_000_000_i32) {
        let moment = cutset::model::Timestamp::new(seconds, nanos.min(if seconds < 0 { 0 } else { nanos })).unwrap();
        prop_assert_eq!(parse(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn an_offset_moves_the_clock_and_not_the_moment(seconds in 0_i64..4_000_000_000, hours in -14_i64..=14) {
        let moment = cutset::model::Timestamp::from_second(seconds).unwrap();
        let local = cutset::model::Timestamp::from_second(seconds + hours * 3600).unwrap().to_string();
        let text = format!("{}{}{:02}:00", local.trim_end_matches('Z'), if hours < 0 { '-' } else { '+' }, hours.abs());
        prop_assert_eq!(parse(&text), Ok(moment));
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,40}") {
        let _ = parse(&text);
    }
}
