//! What a plan with its actual rows says: which indexes were used, how much was read and sorted.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use serde_json::Value;

/// One scan of a table in a plan.
#[derive(Debug)]
struct Scan {
    /// Nothing for a scan of the whole table.
    index: Option<String>,
    /// Read from the table or index, kept or not.
    rows: f64,
}

/// What the statements of one operation did with some tables.
#[derive(Debug)]
pub(super) struct Reading {
    tables: &'static [&'static str],
    scans: Vec<Scan>,
    /// The most rows that were sorted at once.
    pub(super) sorted: f64,
    /// How many statements looked at them.
    pub(super) statements: usize,
}

impl Reading {
    /// Nothing so far of these tables.
    pub(super) fn of(tables: &'static [&'static str]) -> Self {
        Self {
            tables,
            scans: Vec::new(),
            sorted: 0.0,
            statements: 0,
        }
    }

    /// Whether nothing of them was looked at.
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
        let is_one = |name: &str| self.tables.iter().any(|table| name.starts_with(table));
        let table = plan["Relation Name"].as_str();
        let on_table = table.is_some_and(|name| self.tables.contains(&name));
        // A bitmap's index scan does not name the table, but its index does; and the scan by a bitmap does not name
        // the index.
        let below = &plan["Plans"][0]["Index Name"];
        let by_bitmap = below.as_str().filter(|_| kind == "Bitmap Heap Scan");
        let index = plan["Index Name"].as_str().or(by_bitmap);
        if (on_table && kind != "ModifyTable")
            || (kind == "Bitmap Index Scan" && index.is_some_and(is_one))
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
