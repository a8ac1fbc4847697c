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
        "1661191636000000",
        "1661191636000000000",
        "1661191636.000",
        "20220822T180716Z",
        "2022-08-22T18:07:16,000Z",
        "Mon, 22 Aug 2022 18:07:16 GMT",
        "Monday, August 22, 2022 6:07:16 PM",
        "22 Aug 2022 18:07:16",
        "22-Aug-2022 18:07:16",
        "Aug 22, 2022 6:07:16 PM",
        "Aug 22, 2022 @ 18:07:16.000",
        "22.08.2022 18:07:16",
        "22.8.2022, 18:07:16",
        "22/8/2022 6:07:16 p.m.",
        "22-08-2022 18:07:16",
        "8/22/2022 8:07:16 PM UTC+02:00",
        "8/22/2022 6:07:16 PM (UTC)",
        r#"{"value":"/Date(1661191636000)/","DisplayHint":2,"DateTime":"Monday, August 22, 2022 6:07:16 PM"}"#,
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
        "28/28/2021 10:00:00",
        "4/28/21 10:00:00",
        "28.4.21 10:00",
        "4.28.2021 10:00",
        "20210428100000",
        "637552000000000000",
        "2021-04-28 10:00:00 CET",
        "Foo, 28 Apr 2021 10:00:00 GMT",
        "28 Avr 2021 10:00:00",
        "2021-04-28T10:00:00,Z",
        r#"{"value":"{}"}"#,
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

/// What jiff prints a moment by; the words stand for numbers.
const SPELLINGS: &[&str] = &[
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.000000000+00:00",
    "%Y-%m-%dT%H:%M:%S,000Z",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y%m%dT%H%M%SZ",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%m/%d/%Y, %I:%M:%S.000 %p",
    "%m/%d/%Y, %I:%M:%S\u{202f}%p",
    "%d/%m/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %B %d, %Y %I:%M:%S %p",
    "%b %d, %Y @ %H:%M:%S.000",
    "%d-%b-%Y %H:%M:%S",
    "s",
    "ms",
    "us",
    "net",
];

fn spelled_either_way(spelling: &str) -> bool {
    ["%m/%d/", "%d/%m/", "%d-%m-"].iter().any(|figures| spelling.starts_with(figures))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_printed_is_read_back(seconds in -2_000_000_000_i64..4_000_000_000, nanos in 0..1_000_000_000_i32) {
        let moment = cutset::model::Timestamp::new(seconds, nanos.min(if seconds < 0 { 0 } else { nanos })).unwrap();
        prop_assert_eq!(parse(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn every_spelling_of_any_moment_is_that_moment(seconds in 631_152_000_i64..4_102_444_800, form in 0..SPELLINGS.len()) {
        let moment = cutset::model::Timestamp::from_second(seconds).unwrap();
        let text = match SPELLINGS[form] {
            "s" => seconds.to_string(),
            "ms" => format!("{seconds}000"),
            "us" => format!("{seconds}000000"),
            "net" => format!("/Date({seconds}000)/"),
            spelling => moment.strftime(spelling).to_string(),
        };
        // Only a day beyond the twelfth, or one that is the month as well, tells the order by itself.
        let told = !spelled_either_way(SPELLINGS[form]) || {
            let date = jiff::tz::Offset::UTC.to_datetime(moment);
            date.day() > 12 || date.day() == date.month()
        };
        if told {
            prop_assert_eq!(parse(&text), Ok(moment), "{}", text);
        } else {
            let file = format!("time,actor,action\n{},a@b.example,SignIn\n", text.replace(',', ";"));
            let (_, reading) = super::read_bytes("sheet", file.replace(';', "").into_bytes());
            prop_assert_eq!(reading.ambiguous.len(), 1, "{}", text);
        }
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
