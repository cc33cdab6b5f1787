//! What PostgreSQL knows of a database's objects, and what is wrong with it by our rules.

use std::collections::BTreeMap;
use std::path::Path;

use super::TestDatabase;

/// A column: its type, and whether it may be null.
pub type Column = (String, String, bool);

impl TestDatabase {
    /// Every object that is not PostgreSQL's own: equal if two databases have the same structure.
    pub async fn catalog(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (kind, sql) in CATALOG {
            for row in self.rows(sql).await {
                lines.push(format!("{kind} {row}"));
            }
        }
        lines
    }

    /// What breaks the rules for tables, a sentence each.
    pub async fn catalog_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let undescribed = self.rows(UNDESCRIBED).await;
        faults.extend(
            undescribed
                .iter()
                .map(|name| format!("{} has no comment", name.as_str().unwrap())),
        );
        let shared = self.rows(NOT_BY_SESSION).await;
        faults.extend(
            shared
                .iter()
                .map(|name| format!("{} does not begin with session_id", name.as_str().unwrap())),
        );

        let migrations = migrations();
        for name in self.rows(NAMED).await {
            let name = name.as_str().unwrap();
            let ours = [
                format!("constraint {name} "),
                format!("create index {name} "),
                format!("create unique index {name} "),
            ];
            if !ours.iter().any(|words| migrations.contains(words)) {
                faults.push(format!("PostgreSQL made up the name {name}"));
            }
        }
        faults
    }

    /// The columns of each table, in their order, but for those that PostgreSQL makes itself.
    pub async fn columns(&self) -> BTreeMap<String, Vec<Column>> {
        let rows = self
            .rows(
                "select table_name, column_name, udt_name, is_nullable = 'YES' as nullable \
                 from information_schema.columns \
                 where table_schema = 'public' and table_name <> '__diesel_schema_migrations' \
                   and is_generated = 'NEVER' \
                 order by table_name, ordinal_position",
            )
            .await;
        let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for row in rows {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            let nullable = row["nullable"].as_bool().unwrap();
            let column = (text("column_name"), text("udt_name"), nullable);
            tables.entry(text("table_name")).or_default().push(column);
        }
        tables
    }
}

/// All migrations, a single blank between words.
fn migrations() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut text = String::new();
    for migration in std::fs::read_dir(folder).unwrap() {
        let path = migration.unwrap().path().join("up.sql");
        text += &std::fs::read_to_string(path).unwrap();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A query for each kind of object.
const CATALOG: [(&str, &str); 8] = [
    (
        "relation",
        "select c.relname, c.relkind, c.relpersistence, c.reloptions, obj_description(c.oid) as comment \
         from pg_class c where c.relnamespace = 'public'::regnamespace order by 1",
    ),
    (
        "column",
        "select c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as type, \
                a.attnotnull, a.attcollation::regcollation::text as collation, \
                pg_get_expr(d.adbin, d.adrelid) as default, col_description(c.oid, a.attnum) as comment \
         from pg_class c \
         join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 \
         left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum \
         where c.relnamespace = 'public'::regnamespace order by 1, 2",
    ),
    (
        "constraint",
        "select conrelid::regclass::text as of, conname, pg_get_constraintdef(oid) as definition, \
                convalidated, obj_description(oid) as comment \
         from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2",
    ),
    (
        "index",
        "select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1",
    ),
    (
        "type",
        "select typname, typtype from pg_type where typnamespace = 'public'::regnamespace order by 1",
    ),
    (
        "function",
        "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1, 2",
    ),
    (
        "trigger",
        "select tgname, pg_get_triggerdef(oid) as definition from pg_trigger where not tgisinternal order by 1",
    ),
    (
        "schema",
        "select nspname, (select array_agg(extname order by 1) from pg_extension) as extensions \
         from pg_namespace where nspname !~ '^pg_' order by 1",
    ),
];

/// Tables and columns without a comment. Some columns say by their name what they are: the row's own id,
/// whose it is, when it was made.
const UNDESCRIBED: &str = "with ours as ( \
        select oid, relname from pg_class \
        where relkind = 'r' and relnamespace = 'public'::regnamespace \
          and relname <> '__diesel_schema_migrations') \
    select relname::text as name from ours where obj_description(oid) is null \
    union all \
    select relname || '.' || attname from ours join pg_attribute on attrelid = oid \
    where attnum > 0 and not attisdropped and col_description(oid, attnum) is null \
      and attname not in ('id', 'user_id', 'login_id', 'session_id', 'chatbot_id', 'created_at') \
    order by 1";

/// Primary keys and unique indexes of what a session owns, with something else than session_id first.
const NOT_BY_SESSION: &str = "select i.indexrelid::regclass::text as name \
    from pg_index i \
    join pg_attribute first on first.attrelid = i.indrelid and first.attnum = i.indkey[0] \
    where i.indisunique and first.attname <> 'session_id' \
      and i.indrelid in (select conrelid from pg_constraint \
                         where contype = 'f' and confrelid = 'sessions'::regclass \
                         union \
                         select attrelid from pg_attribute where attname = 'session_id') \
    order by 1";

/// Constraints and indexes that have a name. PostgreSQL 18 keeps NOT NULL among the constraints.
const NAMED: &str = "select conname as name from pg_constraint \
    where connamespace = 'public'::regnamespace and contype <> 'n' \
      and conrelid::regclass::text <> '__diesel_schema_migrations' \
    union \
    select indexname from pg_indexes \
    where schemaname = 'public' and tablename <> '__diesel_schema_migrations' \
    order by 1";
