//! Statements that a connection prepares once, although diesel would have PostgreSQL parse them at every call:
//! those with a word of SQL in them, and updates. That is a round trip less for each, and a plan.

use diesel::dsl::sql;
use diesel::expression::{AsExpression, SqlLiteral, UncheckedBind};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Bool, Uuid as SqlUuid};

/// Prepared once, and known by its text: that must be the same whatever the parameters are.
///
/// What has a list among its parameters says `(select $1)` where the list stands. So PostgreSQL does not know how
/// long it is when it plans: otherwise it would plan anew at every call, to find that this list is a short one.
pub(super) struct Prepared<Q>(pub(super) Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

/// That a column's id is one of these.
pub(super) fn any_of<I>(column: &str, ids: &[I]) -> AnyOf<I>
where
    I: Clone,
    Vec<I>: AsExpression<Array<SqlUuid>>,
{
    sql::<Bool>(&format!("{column} = any((select "))
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .sql(")::uuid[])")
}

type AnyOf<I> = SqlLiteral<Bool, UncheckedBind<SqlLiteral<Bool>, Given<I>>>;
type Given<I> = <Vec<I> as AsExpression<Array<SqlUuid>>>::Expression;
