//! Whether a file writes the month or the day first, where its dates leave that open (`3/4/2026`).
//!
//! One date that only one order allows (`21/3/2026`) tells it for the whole file; a file that has some of either order
//! gives its open dates no meaning, and they are refused. Where no date tells, `incident.json` may (`dateOrder`); else
//! the month is taken to be first, as the portals write it, and the file is listed as ambiguous.

use super::record::Zone;
use super::time::{self, Read};
use crate::model::{DateOrder, Timestamp};
use jiff::tz::Offset;
use std::cell::{Cell, RefCell};

/// What is known of a file's order before it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settled {
    #[default]
    Untold,
    By(DateOrder),
    BothWays,
}

/// Dates of a file that can be read either way, and were read with the month first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ambiguous {
    pub file: String,
    /// The first of them.
    pub record: u64,
    pub text: String,
    pub times: u64,
}

impl Ambiguous {
    pub const REMEDY: &'static str =
        "if the day comes first, write \"dateOrder\": \"dayFirst\" into incident.json; better, export ISO times";

    pub fn fact(&self) -> String {
        let (what, such) = if self.times == 1 { ("time", "") } else { ("times", "such as ") };
        format!(
            "{} {what} of {} ({such}`{}`, record {}) can be read with the month or the day first: the month was taken",
            self.times, self.file, self.text, self.record
        )
    }
}

/// The dates of one file as they are read.
#[derive(Debug, Default)]
pub struct Dates {
    settled: Settled,
    month_first: Cell<bool>,
    day_first: Cell<bool>,
    open: Cell<u64>,
    first: RefCell<Option<(u64, String)>>,
}

impl Dates {
    pub fn new(settled: Settled) -> Dates {
        Dates { settled, ..Dates::default() }
    }

    pub fn read(&self, record: u64, text: &str, zone: Option<Zone>) -> Result<Timestamp, String> {
        let offset = match zone {
            Some(Zone::Of(offset)) => offset,
            Some(Zone::Untold) | None => Offset::UTC,
        };
        let read = time::read(text, offset).ok_or_else(|| time::none(text))?;
        if zone == Some(Zone::Untold) && time::read(text, jiff::tz::offset(1)) != Some(read) {
            return Err(format!(
                "`{}` is local time by its heading, which does not say where: export it in UTC",
                time::shorten(text)
            ));
        }
        match (read, self.settled) {
            (Read::One(_), _) => {}
            (Read::Told(DateOrder::MonthFirst, _), _) => self.month_first.set(true),
            (Read::Told(DateOrder::DayFirst, _), _) => self.day_first.set(true),
            (Read::Either { .. }, Settled::By(order)) => return read.at(order),
            (Read::Either { .. }, Settled::BothWays) => {
                return Err(format!(
                    "`{}` can be read with the month or the day first, and this file has dates of either kind: export \
                     it with ISO times",
                    time::shorten(text)
                ));
            }
            (Read::Either { .. }, Settled::Untold) => {
                self.open.set(self.open.get() + 1);
                self.first.borrow_mut().get_or_insert_with(|| (record, time::shorten(text)));
            }
        }
        read.at(DateOrder::MonthFirst)
    }

    /// What the dates read so far tell.
    pub fn told(&self) -> Settled {
        match (self.month_first.get(), self.day_first.get()) {
            (false, false) => Settled::Untold,
            (true, false) => Settled::By(DateOrder::MonthFirst),
            (false, true) => Settled::By(DateOrder::DayFirst),
            (true, true) => Settled::BothWays,
        }
    }

    pub fn ambiguous(&self, file: &str) -> Option<Ambiguous> {
        let (record, text) = self.first.borrow().clone()?;
        Some(Ambiguous { file: file.to_owned(), record, text, times: self.open.get() })
    }
}
