//! `/stock=AAPL.US`: what a share costs.

use futures_util::FutureExt;

use super::quotes::Symbol;
use super::{Answer, Call, Command};

pub(super) const COMMAND: Command = Command {
    name: "stock",
    usage: "/stock=AAPL.US",
    description: "Tells the last price of a share, by its symbol.",
    answer: |call| answer(call).boxed(),
};

async fn answer(call: Call) -> Answer {
    let symbol = Symbol::parse(&call.argument, call.usage)?;
    let quote = call.tools.quotes.quote(&symbol).await?;
    let price = quote.close.ok_or_else(|| symbol.has_no_quote())?;
    let price = symbol.in_its_currency(&price);
    Ok(format!("{symbol} quote is {price} per share."))
}
