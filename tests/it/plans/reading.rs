//! What a plan with its actual rows says of one table: which indexes were used, how much was read and sorted.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use serde_json::Value;

/// One scan of the table in a plan.
#[derive(Debug)]
struct Scan {
    /// Nothing for a scan of the whole table.
    index: Option<String>,
    /// Read from the table or index, kept or not.
    rows: f64,
}

/// What the statements of one operation did with a table.
#[derive(Debug, Default)]
pub(super) struct Reading {
    table: &'static str,
    scans: Vec<Scan>,
    /// The most rows that were sorted at once.
    pub(super) sorted: f64,
    /// How many statements looked at it.
    pub(super) statements: usize,
}

impl Reading {
    /// Nothing read of this table yet.
    pub(super) fn of(table: &'static str) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }

    /// Whether nothing of it was looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.scans.is_empty()
    }

    /// The indexes that were used. Panics if the table was read without one.
    pub(super) fn indexes(&self) -> BTreeSet<&str> {
        let index = |scan: &Scan| scan.index.is_some();
        assert!(self.scans.iter().all(index), "without an index: {self:?}");
        self.scans
            .iter()
            .filter_map(|scan| scan.index.as_deref())
            .collect()
    }

    /// Whether this index was used, by itself or for a bitmap of rows.
    pub(super) fn uses(&self, index: &str) -> bool {
        let is_it = |scan: &Scan| scan.index.as_deref() == Some(index);
        self.scans.iter().any(is_it)
    }

    pub(super) fn rows(&self) -> f64 {
        self.scans.iter().map(|scan| scan.rows).sum()
    }

    /// Expects these indexes and no other, and at most so many rows, read or sorted.
    pub(super) fn expect(&self, indexes: &[&str], most_rows: f64) {
        assert_eq!(
            self.indexes(),
            BTreeSet::from_iter(indexes.iter().copied()),
            "{self:#?}"
        );
        assert!(self.rows() <= most_rows, "{} rows: {self:#?}", self.rows());
        assert!(self.sorted <= most_rows, "sorted too much: {self:#?}");
    }

    /// Why these rows are too many or these indexes are not the ones; nothing if all is well.
    pub(super) fn complaint(&self, indexes: &[&str], most_rows: f64) -> Option<String> {
        let judged = catch_unwind(|| self.expect(indexes, most_rows));
        let complaint = judged.err()?;
        Some(*complaint.downcast::<String>().unwrap())
    }

    /// Takes the plan of a whole statement.
    pub(super) fn collect_statement(&mut self, plan: &Value) {
        let before = self.scans.len();
        self.collect(plan);
        self.statements += usize::from(self.scans.len() > before);
    }

    fn collect(&mut self, plan: &Value) {
        let kind = plan["Node Type"].as_str().unwrap();
        let number = |node: &Value, name: &str| node[name].as_f64().unwrap_or(0.0);
        let made = |node: &Value| number(node, "Actual Loops") * number(node, "Actual Rows");
        let on_table = plan["Relation Name"] == self.table && kind != "ModifyTable";
        // A bitmap's index scan does not name the table, but its index does; its heap scan is the other way round.
        let below = (kind == "Bitmap Heap Scan").then(|| &plan["Plans"][0]);
        let index = below.unwrap_or(plan)["Index Name"].as_str();
        if on_table
            || (kind == "Bitmap Index Scan" && index.is_some_and(|i| i.starts_with(self.table)))
        {
            let thrown_away = number(plan, "Actual Loops") * number(plan, "Rows Removed by Filter");
            self.scans.push(Scan {
                index: index.map(str::to_owned),
                rows: made(plan) + thrown_away,
            });
        }
        if kind == "Sort" || kind == "Incremental Sort" {
            self.sorted = self.sorted.max(made(&plan["Plans"][0]));
        }
        for child in plan["Plans"].as_array().into_iter().flatten() {
            self.collect(child);
        }
    }
}
