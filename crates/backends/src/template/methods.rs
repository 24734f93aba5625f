//! Methods of the types of Go's package `time`, which templates call like fields:
//! `{{ __timestamp__.Unix }}`.

use super::context::Fault;
use super::dates::{in_units, seconds};
use super::format::own_form;
use super::functions::{Body, Function, Made, Param, fixed, int, text, time};
use super::time::{NANOS, Time, Zone, days};
use super::value::{IntType, Value};

/// The method of a value, if its type has one of this name.
pub(super) fn find(value: &Value, name: &str) -> Option<&'static Function> {
    let methods = match value {
        Value::Time(_) => TIME,
        Value::Int(_, IntType::Duration | IntType::DurationPointer) => DURATION,
        Value::Int(_, IntType::Month | IntType::Weekday) | Value::Zone(_) => NAMED,
        _ => return None,
    };
    methods.iter().find(|method| method.name == name)
}

const fn unusable(name: &'static str, params: &'static [Param], why: &'static str) -> Function {
    Function {
        name,
        params,
        variadic: None,
        body: Body::Unusable(why),
    }
}

fn whole(value: i64) -> Made {
    Ok(Value::int(value))
}

fn moment(time: Time) -> Made {
    Ok(Value::Time(time))
}

static TIME: &[Function] = &[
    fixed("String", &[], |c, a| c.text(time(a, 0)?.to_string())),
    fixed("Format", &[Param::Text], |c, a| {
        let layout = text(a, 1)?;
        c.room(layout.len().saturating_mul(8))?;
        let shown = time(a, 0)?.format(layout);
        c.text(shown)
    }),
    fixed("Unix", &[], |_, a| Ok(Value::int64(time(a, 0)?.sec))),
    fixed("UnixMilli", &[], |_, a| {
        Ok(Value::int64(in_units(time(a, 0)?, 1_000)))
    }),
    fixed("UnixMicro", &[], |_, a| {
        Ok(Value::int64(in_units(time(a, 0)?, 1_000_000)))
    }),
    fixed("UnixNano", &[], |_, a| {
        Ok(Value::int64(time(a, 0)?.nanos()))
    }),
    fixed("Year", &[], |_, a| whole(time(a, 0)?.clock().year)),
    fixed("Month", &[], |_, a| {
        Ok(Value::Int(time(a, 0)?.clock().month, IntType::Month))
    }),
    fixed("Day", &[], |_, a| whole(time(a, 0)?.clock().day)),
    fixed("Hour", &[], |_, a| whole(time(a, 0)?.clock().hour)),
    fixed("Minute", &[], |_, a| whole(time(a, 0)?.clock().minute)),
    fixed("Second", &[], |_, a| whole(time(a, 0)?.clock().second)),
    fixed("Nanosecond", &[], |_, a| whole(i64::from(time(a, 0)?.nsec))),
    fixed("YearDay", &[], |_, a| whole(time(a, 0)?.clock().year_day)),
    fixed("Weekday", &[], |_, a| {
        Ok(Value::Int(time(a, 0)?.clock().weekday, IntType::Weekday))
    }),
    fixed("IsZero", &[], |_, a| Ok(Value::Bool(time(a, 0)?.is_zero()))),
    fixed("IsDST", &[], |_, a| {
        let time = time(a, 0)?;
        Ok(Value::Bool(time.zone.at(time.sec).2))
    }),
    fixed("UTC", &[], |_, a| moment(time(a, 0)?.to_zone(Zone::Utc))),
    fixed("Local", &[], |_, a| {
        moment(time(a, 0)?.to_zone(Zone::Local))
    }),
    fixed("Location", &[], |_, a| {
        Ok(Value::Zone(time(a, 0)?.zone.clone()))
    }),
    fixed("In", &[Param::Zone], |_, a| match a.get(1) {
        Some(Value::Zone(zone)) => moment(time(a, 0)?.to_zone(zone.clone())),
        _ => {
            let reason = "time: missing Location in call to Time.In";
            Err(Fault::Function(reason.to_owned()))
        }
    }),
    fixed("Add", &[Param::Duration], |_, a| {
        moment(time(a, 0)?.plus(int(a, 1)?))
    }),
    fixed("Sub", &[Param::Time], |_, a| {
        let since = time(a, 0)?.since(time(a, 1)?);
        Ok(Value::Int(since, IntType::Duration))
    }),
    fixed("AddDate", &[Param::Int, Param::Int, Param::Int], |_, a| {
        let time = time(a, 0)?;
        let clock = time.clock();
        let year = clock.year.saturating_add(int(a, 1)?);
        let month = clock.month.saturating_add(int(a, 2)?);
        let day = clock.day.saturating_add(int(a, 3)?);
        // Dates this far away are not computed.
        let most = 1 << 40;
        if [year, month, day].iter().any(|part| part.abs() > most) {
            return Err(Fault::Function("date out of range".to_owned()));
        }
        let of_day = clock.hour * 3600 + clock.minute * 60 + clock.second;
        let days = days(year, month, day);
        moment(Time::of_clock(days, of_day, time.nsec, time.zone.clone()))
    }),
    fixed("Before", &[Param::Time], |_, a| {
        compared(a, |ordering| ordering.is_lt())
    }),
    fixed("After", &[Param::Time], |_, a| {
        compared(a, |ordering| ordering.is_gt())
    }),
    fixed("Equal", &[Param::Time], |_, a| {
        compared(a, |ordering| ordering.is_eq())
    }),
    fixed("Compare", &[Param::Time], |_, a| whole(order(a)? as i64)),
    fixed("Truncate", &[Param::Duration], |_, a| {
        let (time, step) = (time(a, 0)?, int(a, 1)?);
        moment(if step <= 0 {
            time.clone()
        } else {
            time.plus(-rest(time, step))
        })
    }),
    fixed("Round", &[Param::Duration], |_, a| {
        let (time, step) = (time(a, 0)?, int(a, 1)?);
        if step <= 0 {
            return moment(time.clone());
        }
        let rest = rest(time, step);
        moment(if rest < step - rest {
            time.plus(-rest)
        } else {
            time.plus(step - rest)
        })
    }),
    unusable(
        "Date",
        &[],
        "function Date has 3 return values; should be 1 or 2",
    ),
    unusable(
        "Clock",
        &[],
        "function Clock has 3 return values; should be 1 or 2",
    ),
    unusable(
        "ISOWeek",
        &[],
        "invalid function signature for ISOWeek: second return value should be error; is int",
    ),
    unusable(
        "Zone",
        &[],
        "invalid function signature for Zone: second return value should be error; is int",
    ),
    unusable(
        "ZoneBounds",
        &[],
        "invalid function signature for ZoneBounds: second return value should be error; is time.Time",
    ),
];

/// The remainder of a time since year 1, divided by a duration.
fn rest(time: &Time, step: i64) -> i64 {
    let rest = time.since_zero().rem_euclid(i128::from(step));
    i64::try_from(rest).unwrap_or(0)
}

fn order(arguments: &[Value]) -> Result<std::cmp::Ordering, Fault> {
    let (a, b) = (time(arguments, 0)?, time(arguments, 1)?);
    Ok((a.sec, a.nsec).cmp(&(b.sec, b.nsec)))
}

fn compared(arguments: &[Value], holds: fn(std::cmp::Ordering) -> bool) -> Made {
    order(arguments).map(|ordering| Value::Bool(holds(ordering)))
}

fn span(nanos: i64) -> Made {
    Ok(Value::Int(nanos, IntType::Duration))
}

static DURATION: &[Function] = &[
    fixed("String", &[], named),
    fixed("Nanoseconds", &[], |_, a| Ok(Value::int64(int(a, 0)?))),
    fixed("Microseconds", &[], |_, a| {
        Ok(Value::int64(int(a, 0)? / 1_000))
    }),
    fixed("Milliseconds", &[], |_, a| {
        Ok(Value::int64(int(a, 0)? / 1_000_000))
    }),
    fixed("Seconds", &[], |_, a| Ok(Value::Float(seconds(int(a, 0)?)))),
    fixed("Minutes", &[], |_, a| parts(int(a, 0)?, 60 * NANOS)),
    fixed("Hours", &[], |_, a| parts(int(a, 0)?, 3600 * NANOS)),
    fixed("Abs", &[], |_, a| {
        let nanos = int(a, 0)?;
        span(nanos.checked_abs().unwrap_or(i64::MAX))
    }),
    fixed("Truncate", &[Param::Duration], |_, a| {
        let (nanos, step) = (int(a, 0)?, int(a, 1)?);
        span(if step <= 0 {
            nanos
        } else {
            nanos - nanos % step
        })
    }),
    fixed("Round", &[Param::Duration], |_, a| {
        let (nanos, step) = (int(a, 0)?, int(a, 1)?);
        if step <= 0 {
            return span(nanos);
        }
        let rest = nanos % step;
        let down = nanos - rest;
        // Halves are rounded away from zero; an overflow saturates.
        if rest.unsigned_abs() < step.unsigned_abs() - rest.unsigned_abs() {
            return span(down);
        }
        span(if nanos < 0 {
            down.saturating_sub(step)
        } else {
            down.saturating_add(step)
        })
    }),
];

/// A duration in a unit, as Go divides it.
fn parts(nanos: i64, unit: i64) -> Made {
    let whole = (nanos / unit) as f64;
    Ok(Value::Float(whole + (nanos % unit) as f64 / unit as f64))
}

static NAMED: &[Function] = &[fixed("String", &[], named)];

fn named(context: &mut super::context::Context<'_>, arguments: &[Value]) -> Made {
    let shown = arguments.first().and_then(own_form);
    context.text(shown.unwrap_or_default())
}
