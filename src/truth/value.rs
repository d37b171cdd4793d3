//! The values of a labels file, from their text. Each function returns nothing for a text that is no such value.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use super::proto::Proto;

const SECOND_NS: i64 = 1_000_000_000;

/// Nanoseconds since the epoch, from RFC 3339 (UTC if it has no offset) or epoch seconds.
pub(super) fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let stamp = |text: &str| -> Option<Timestamp> {
        let utc = || text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
        text.parse().ok().or_else(|| Some(utc()?.timestamp()))
    };
    seconds(text).or_else(|| stamp(text)?.as_nanosecond().try_into().ok())
}

/// Nanoseconds, from a duration as "500ms", "1m 30s", "PT1S", or from seconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    seconds(text).or_else(|| text.parse::<SignedDuration>().ok()?.as_nanos().try_into().ok())
}

/// Nanoseconds, from seconds in decimal. Digit by digit, since `f64` holds epoch seconds only to about 0.2 µs.
fn seconds(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let decimal = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if decimal(whole) && decimal(fraction) {
        let nanoseconds = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanoseconds = nanoseconds.fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0'));
        let size = whole.parse::<i64>().ok()?.checked_mul(SECOND_NS)?.checked_add(nanoseconds)?;
        return Some(if negative { -size } else { size });
    }
    let written_with_an_exponent = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains(['e', 'E']);
    let nanoseconds = written_with_an_exponent.then(|| text.parse::<f64>().ok())?? * SECOND_NS as f64;
    (nanoseconds.abs() < i64::MAX as f64).then_some(nanoseconds.round() as i64)
}

/// Nanoseconds, from an offset as "-03:00" or "+0530"; "Z" is none.
pub(super) fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    if matches!(text, "Z" | "UTC") {
        return Some(0);
    }
    let (sign, digits) =
        text.strip_prefix('-').map(|rest| (-1, rest)).or_else(|| Some((1, text.strip_prefix('+')?)))?;
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok().filter(|_| digits.len() == 4 && digits.is_ascii())?;
    (number / 100 <= 14 && number % 100 < 60).then_some(sign * (number / 100 * 3600 + number % 100 * 60) * SECOND_NS)
}

/// "22" or "1000-2000", both ends included.
pub(super) fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// "tcp", "udp", "icmp", "icmp6", "arp" or an IP protocol's number.
pub(super) fn proto(text: &str) -> Option<Proto> {
    match text.trim().to_ascii_lowercase().as_str() {
        "tcp" => Some(Proto::TCP),
        "udp" => Some(Proto::UDP),
        "icmp" => Some(Proto::ICMP),
        "icmp6" => Some(Proto::ICMP6),
        "arp" => Some(Proto::Arp),
        number => number.parse().ok().map(Proto::Ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_every_digit() {
        for (text, ns) in [
            ("1476086085.659427", 1_476_086_085_659_427_000),
            ("1476086085.123456789", 1_476_086_085_123_456_789),
            ("1476086085", 1_476_086_085_000_000_000),
            ("1.5e9", 1_500_000_000_000_000_000),
            ("-0.5", -500_000_000),
            ("2016-10-10T07:54:45Z", 1_476_086_085_000_000_000),
            ("2016-10-10T07:54:45", 1_476_086_085_000_000_000),
            ("2016-10-10 07:54:45.25", 1_476_086_085_250_000_000),
            ("2016-10-10T09:54:45.659427001+02:00", 1_476_086_085_659_427_001),
            ("2016-10-10", 1_476_057_600_000_000_000),
        ] {
            assert_eq!(time(text), Some(ns), "{text}");
        }
        let no_times =
            ["", ".", "-", "1.", "07:54", "2016-13-01T00:00:00Z", "soon", "nan", "inf", "1e300", "9999999999999"];
        for text in no_times {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn offsets() {
        for (text, hours) in [("-03:00", -3.0), ("+0530", 5.5), ("Z", 0.0), ("+14:00", 14.0)] {
            assert_eq!(offset(text), Some((hours * 3600.0) as i64 * SECOND_NS), "{text}");
        }
        for text in ["", "3", "+3", "03:00", "+15:00", "+03:60", "-٣٤٥٦"] {
            assert_eq!(offset(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, ns) in [
            ("1s", SECOND_NS),
            ("500ms", SECOND_NS / 2),
            ("1m 30s", 90 * SECOND_NS),
            ("2", 2 * SECOND_NS),
            ("0.25", SECOND_NS / 4),
        ] {
            assert_eq!(duration(text), Some(ns), "{text}");
        }
        assert_eq!(duration("a second"), None);
        assert_eq!(duration(""), None);
    }

    #[test]
    fn ports_and_protocols() {
        assert_eq!(ports("22"), Some(22..=22));
        assert_eq!(ports("1000 - 2000"), Some(1000..=2000));
        for text in ["2000-1000", "65536", "-1", "ssh", "1-2-3", ""] {
            assert_eq!(ports(text), None, "{text}");
        }
        assert_eq!(proto("TCP"), proto("6"));
        assert_eq!(proto("arp"), Some(Proto::Arp));
        assert_eq!(proto("256"), None);
        assert_eq!(proto("tpc"), None);
    }
}
