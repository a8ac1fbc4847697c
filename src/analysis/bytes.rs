//! Sizes in print: SI units (GB = 10^9 bytes), rounded half up to three digits.

/// `2.45 GB`, `145 MB`, `17 B`: three digits at most, trailing zeros behind the point dropped.
pub fn si(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut unit = 0;
    let mut scale: u128 = 1;
    while unit + 1 < UNITS.len() && round(bytes, scale, 0) >= 1000 {
        unit += 1;
        scale *= 1000;
    }
    // Digits behind the point: three significant ones in all, none for plain bytes.
    let places = match round(bytes, scale, 2) {
        _ if unit == 0 => 0,
        hundredths if hundredths < 1000 => 2,
        hundredths if hundredths < 10_000 => 1,
        _ => 0,
    };
    let shown = round(bytes, scale, places);
    let power = 10_u128.pow(places);
    let (whole, rest) = (shown / power, shown % power);
    let fraction = format!("{rest:0width$}", width = places as usize);
    let fraction = fraction.trim_end_matches('0');
    match fraction {
        _ if places == 0 => format!("{whole} {}", UNITS[unit]),
        "" => format!("{whole} {}", UNITS[unit]),
        fraction => format!("{whole}.{fraction} {}", UNITS[unit]),
    }
}

/// `bytes / scale` in units of `10^-places`, rounded half up.
fn round(bytes: u64, scale: u128, places: u32) -> u128 {
    (u128::from(bytes) * 10_u128.pow(places) * 2 + scale) / (scale * 2)
}
