//! The members of a zip archive, each as a file of its own (`archive.zip/member`).
//!
//! Bounded: [`MEMBERS`] members, and each by the limits of [`super::decode`]. A path inside an archive is only a name
//! here, so one that climbs (`../`) does no harm.

use super::decode::Bounded;
use std::io::{Read, Seek};

/// Members read of one archive; what is beyond is reported.
pub const MEMBERS: usize = 10_000;
/// What all members together may unpack to.
const TOTAL: u64 = 64 << 30;

/// A member's bytes, or why there are none.
pub type Member<'m> = Result<Box<dyn Read + 'm>, String>;

/// Calls with each member's name and bytes. The error says why the archive, or the rest of it, was not read.
pub fn each(archive: impl Read + Seek, member: &mut dyn FnMut(&str, Member<'_>)) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(archive).map_err(|e| format!("not a readable zip archive: {e}"))?;
    let count = archive.len();
    let mut total: u64 = 0;
    for index in 0..count.min(MEMBERS) {
        match archive.by_index(index) {
            Ok(file) => {
                if !file.is_file() {
                    continue;
                }
                let name = file.name().map_or_else(|_| format!("member {}", index + 1), |n| n.replace('\\', "/"));
                let packed = file.compressed_size();
                total = total.saturating_add(file.size());
                if total > TOTAL {
                    return Err(format!("unpacks to more than {} GiB: the rest is not read", TOTAL >> 30));
                }
                if file.encrypted() {
                    member(&name, Err("encrypted".to_owned()));
                    continue;
                }
                member(&name, Ok(Box::new(Bounded::of_size(file, packed))));
            }
            Err(error) => member(&format!("member {}", index + 1), Err(error.to_string())),
        }
    }
    if count > MEMBERS {
        return Err(format!("{count} members: only the first {MEMBERS} are read"));
    }
    Ok(())
}
