//! Date functions on Unix seconds, in UTC.

/// A date of the proleptic Gregorian calendar with the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    /// Days since 1970-01-01.
    days: i64,
    second_of_day: i64,
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date of a moment. The year is counted from March in eras of 400 years, which makes the leap day
/// the last of a year.
fn civil(seconds: f64) -> Option<Civil> {
    if !seconds.is_finite() || seconds.abs() > 1e15 {
        return None;
    }
    let seconds = seconds as i64;
    let days = seconds.div_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    Some(Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        days,
        second_of_day: seconds.rem_euclid(86_400),
    })
}

/// A field of a date, by the name of its function.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    Year,
    Month,
    DayOfMonth,
    /// From 0 for Sunday.
    DayOfWeek,
    DayOfYear,
    DaysInMonth,
    Hour,
    Minute,
}

/// A field of the date at these Unix seconds; NaN where they are no date.
pub(super) fn field(field: Field, seconds: f64) -> f64 {
    let Some(date) = civil(seconds) else {
        return f64::NAN;
    };
    let number = match field {
        Field::Year => date.year,
        Field::Month => date.month,
        Field::DayOfMonth => date.day,
        Field::DayOfWeek => (date.days + 4).rem_euclid(7),
        Field::DayOfYear => {
            (1..date.month)
                .map(|month| days_in(date.year, month))
                .sum::<i64>()
                + date.day
        }
        Field::DaysInMonth => days_in(date.year, date.month),
        Field::Hour => date.second_of_day / 3_600,
        Field::Minute => date.second_of_day / 60 % 60,
    };
    number as f64
}

#[cfg(test)]
mod tests {
    use super::{Field, field};

    #[test]
    fn dates_are_those_of_the_calendar() {
        let leap_day = 1_709_164_800.0 + 3_600.0 * 23.0 + 61.0; // 2024-02-29 23:01:01
        let fields = [
            Field::Year,
            Field::Month,
            Field::DayOfMonth,
            Field::DayOfWeek,
            Field::DayOfYear,
            Field::DaysInMonth,
            Field::Hour,
            Field::Minute,
        ];
        let values = fields.map(|it| field(it, leap_day));
        assert_eq!(values, [2024.0, 2.0, 29.0, 4.0, 60.0, 29.0, 23.0, 1.0]);
        assert_eq!(field(Field::Year, -1.0), 1969.0);
        assert_eq!(field(Field::DayOfWeek, -1.0), 3.0);
        assert!(field(Field::Year, f64::NAN).is_nan());
    }
}
