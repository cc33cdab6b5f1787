//! `/day_range=AAPL.US`: between which prices a share was traded today.

use futures_util::FutureExt;

use super::quotes::Symbol;
use super::{Answer, Call, Command};

pub(super) const COMMAND: Command = Command {
    name: "day_range",
    usage: "/day_range=AAPL.US",
    description: "Tells a share's lowest and highest price of the day, by its symbol.",
    answer: |call| answer(call).boxed(),
};

async fn answer(call: Call) -> Answer {
    let symbol = Symbol::parse(&call.argument, call.usage)?;
    let quote = call.tools.quotes.quote(&symbol).await?;
    let (Some(low), Some(high)) = (quote.low, quote.high) else {
        return Err(symbol.has_no_quote());
    };
    let (low, high) = (symbol.in_its_currency(&low), symbol.in_its_currency(&high));
    Ok(format!(
        "{symbol} day's low quote is {low} and day's high quote is {high}."
    ))
}
