//! Time zones.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A zone of times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Zone {
    Utc,
    /// The zone of the server: UTC, as in Loki's container images.
    Local,
    /// Of the zone database.
    Named(TimeZone),
    /// With a name, which may be empty, and seconds east of UTC.
    Fixed(Arc<str>, i32),
}

impl Zone {
    /// `time.LoadLocation`, with UTC where there is no such zone.
    pub(crate) fn load(name: &str) -> Self {
        match name {
            "" | "UTC" => return Self::Utc,
            "Local" => return Self::Local,
            _ => {}
        }
        match TimeZone::get(name) {
            // Go looks zones up as files, so names are case-sensitive.
            Ok(zone) if zone.iana_name() == Some(name) => Self::Named(zone),
            _ => Self::Utc,
        }
    }

    /// Seconds east of UTC, the abbreviation, and whether it is summer time, at a Unix time.
    pub(crate) fn at(&self, unix: i64) -> (i32, String, bool) {
        match self {
            Self::Utc | Self::Local => (0, "UTC".to_owned(), false),
            Self::Fixed(name, offset) => (*offset, name.to_string(), false),
            Self::Named(zone) => {
                // Go's times reach beyond the range of the database.
                let (least, most) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let time = Timestamp::from_second(unix.clamp(least, most));
                let info = zone.to_offset_info(time.unwrap_or(Timestamp::UNIX_EPOCH));
                (
                    info.offset().seconds(),
                    info.abbreviation().to_owned(),
                    info.dst().is_dst(),
                )
            }
        }
    }

    /// The offset of an abbreviation at a local time: the one in effect if it has this name, else
    /// another of the same zone.
    pub(crate) fn offset_of(&self, name: &str, shown: i64) -> Option<i32> {
        const HALF_YEAR: i64 = 182 * 86_400;
        let offsets = [0, HALF_YEAR, -HALF_YEAR].map(|away| {
            let (offset, found, _) = self.at(shown.saturating_add(away));
            (found == name).then_some(offset)
        });
        let in_effect = offsets.iter().flatten().find(|offset| {
            let (_, found, _) = self.at(shown.saturating_sub(i64::from(**offset)));
            found == name
        });
        in_effect.or(offsets.iter().flatten().next()).copied()
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Utc | Self::Local => "UTC",
            Self::Named(zone) => zone.iana_name().unwrap_or_default(),
            Self::Fixed(name, _) => name,
        })
    }
}
