//! The one table at the end.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cells::Measure;
use crate::load::{Size, Who};
use crate::plan::Plan;
use crate::run::{Findings, Reading};

/// A line of the table.
struct Row<'a> {
    work: &'a str,
    measure: Measure,
    ceiling: Option<Who>,
}

/// Writes it.
pub fn write(findings: &Findings, plan: &Plan) -> String {
    let heads = [
        "work".to_owned(),
        "measure".to_owned(),
        "Parlor".to_owned(),
        "ceiling".to_owned(),
        "of".to_owned(),
        "ratio".to_owned(),
        "in rounds".to_owned(),
        format!("Parlor, {}", thousands(plan.large.messages().into())),
        format!("to {}", thousands(plan.small.messages().into())),
        "drift".to_owned(),
        "checked".to_owned(),
        "lost, repeated, swapped, late, wrong".to_owned(),
    ];
    let mut lines = vec![heads.to_vec()];
    let mut told = BTreeSet::new();
    for row in rows(&findings.readings) {
        let mut cells = cells(findings, &row);
        let verdict = findings.verdicts.get(row.work).copied().unwrap_or_default();
        // Once for each work.
        if told.insert(row.work) {
            cells.push(thousands(verdict.good));
            let faults = [
                verdict.lost,
                verdict.repeated,
                verdict.swapped,
                verdict.late,
                verdict.wrong,
            ];
            cells.push(faults.map(|n| n.to_string()).join(", "));
        } else {
            cells.extend([String::new(), String::new()]);
        }
        lines.push(cells);
    }
    aligned(&lines)
}

/// The lines, in the order in which their figures were taken first.
fn rows(readings: &[Reading]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let parlors = readings
        .iter()
        .filter(|reading| (reading.who, reading.size) == (Who::Parlor, Size::Small));
    for Reading { figure, .. } in parlors {
        let (work, measure) = (figure.work.as_str(), figure.measure);
        if rows
            .iter()
            .any(|row| row.work == work && row.measure == measure)
        {
            continue;
        }
        let ceilings: BTreeSet<Who> = readings
            .iter()
            .filter(|other| other.who != Who::Parlor)
            .filter(|other| other.figure.work == work && other.figure.measure == measure)
            .map(|other| other.who)
            .collect();
        let row = |ceiling| Row {
            work,
            measure,
            ceiling,
        };
        if ceilings.is_empty() {
            rows.push(row(None));
        }
        rows.extend(ceilings.into_iter().map(|ceiling| row(Some(ceiling))));
    }
    rows
}

fn cells(findings: &Findings, row: &Row<'_>) -> Vec<String> {
    let of = |who, size| values(&findings.readings, row, who, size);
    let parlor = of(Who::Parlor, Size::Small);
    let ceiling = row.ceiling.map(|who| of(who, Size::Small));
    let large = of(Who::Parlor, Size::Large);
    let growth = ratios(&large, &parlor);
    let to_ceiling = ceiling.as_ref().map(|ceiling| ratios(&parlor, ceiling));
    let range = match to_ceiling.as_deref() {
        Some([first, rest @ ..]) if !rest.is_empty() => {
            let (low, high) = rest.iter().fold((*first, *first), |(low, high), ratio| {
                (low.min(*ratio), high.max(*ratio))
            });
            format!("{low:.2} to {high:.2}")
        }
        _ => String::new(),
    };
    let told = |values: Option<Vec<f64>>, digits: fn(f64) -> String| {
        let middle = values.and_then(|values| median(&values));
        middle.map_or_else(|| "-".to_owned(), digits)
    };
    let plain = |values: Vec<(usize, f64)>| values.into_iter().map(|(_, value)| value).collect();
    vec![
        row.work.to_owned(),
        row.measure.name(),
        told(Some(plain(parlor)), figure),
        told(ceiling.map(plain), figure),
        row.ceiling.map_or("-", name).to_owned(),
        told(to_ceiling, ratio),
        range,
        told(Some(plain(large)), figure),
        told(Some(growth), ratio),
        drift(&findings.readings, row),
    ]
}

fn name(who: Who) -> &'static str {
    match who {
        Who::Parlor => "Parlor",
        Who::Raw => "raw broadcast",
        Who::Hand => "by hand",
        Who::Pgbench => "pgbench",
    }
}

/// The values of one side of a row, with their rounds.
fn values(readings: &[Reading], row: &Row<'_>, who: Who, size: Size) -> Vec<(usize, f64)> {
    let found = readings.iter().filter(|reading| {
        (reading.who, reading.size) == (who, size)
            && reading.figure.work == row.work
            && reading.figure.measure == row.measure
    });
    found
        .map(|reading| (reading.round, reading.figure.value))
        .collect()
}

/// Those of one side to those of another in the same round.
fn ratios(of: &[(usize, f64)], to: &[(usize, f64)]) -> Vec<f64> {
    let of = of.iter().filter_map(|(round, value)| {
        let (_, other) = to.iter().find(|(other, _)| other == round)?;
        (*other > 0.0).then(|| value / other)
    });
    of.collect()
}

/// The slowest reading of the fixed work to the fastest, among those beside a row's figures.
fn drift(readings: &[Reading], row: &Row<'_>) -> String {
    let beside = readings
        .iter()
        .filter(|reading| reading.figure.work == row.work && reading.figure.measure == row.measure)
        .filter(|reading| reading.who == Who::Parlor || Some(reading.who) == row.ceiling)
        .map(|reading| reading.drift);
    let (low, high) = beside.fold((f64::INFINITY, 0.0_f64), |(low, high), drift| {
        (low.min(drift), high.max(drift))
    });
    if high > 0.0 {
        format!("{:.2}", high / low)
    } else {
        "-".to_owned()
    }
}

/// The middle one; the mean of the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Three digits that matter.
fn figure(value: f64) -> String {
    match value.abs() {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut told = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// As Markdown, which reads well as it is.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut table = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(table, "| {cell:<width$} ");
        }
        table.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(table, "| {:-<width$} ", "");
            }
            table.push_str("|\n");
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::Figure;

    const MEASURE: Measure = Measure::ServerCpu("delivery");

    fn reading(round: usize, who: Who, size: Size, value: f64) -> Reading {
        Reading {
            round,
            who,
            size,
            figure: Figure {
                work: "work".to_owned(),
                measure: MEASURE,
                value,
            },
            drift: 20.0 + round as f64,
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is three times slower in the second round: the ratio stays.
        let mut findings = Findings::default();
        for (round, speed) in [(0, 1.0), (1, 3.0), (2, 1.0)] {
            findings.readings.extend([
                reading(round, Who::Parlor, Size::Small, 6.0 * speed),
                reading(round, Who::Raw, Size::Small, 3.0 * speed),
                reading(round, Who::Parlor, Size::Large, 6.6 * speed),
            ]);
        }
        let rows = rows(&findings.readings);
        assert_eq!(rows.len(), 1);
        let cells = cells(&findings, &rows[0]);
        assert_eq!(cells[2..6], ["6.00", "3.00", "raw broadcast", "2.00"]);
        assert_eq!(cells[6..10], ["2.00 to 2.00", "6.60", "1.10", "1.10"]);
    }

    #[test]
    fn each_ceiling_has_a_row_and_a_missing_one_none() {
        let readings = [
            reading(0, Who::Parlor, Size::Small, 1.0),
            reading(0, Who::Raw, Size::Small, 1.0),
            reading(0, Who::Hand, Size::Small, 1.0),
        ];
        assert_eq!(rows(&readings).len(), 2);
        assert_eq!(rows(&readings[..1]).len(), 1);
        assert_eq!(rows(&readings[1..]).len(), 0);
    }

    #[test]
    fn medians_and_digits() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(figure(3.456), "3.46");
        assert_eq!(figure(34.56), "34.6");
        assert_eq!(figure(3456.7), "3457");
        assert_eq!(thousands(2_000_000), "2,000,000");
        assert_eq!(thousands(10), "10");
    }
}
